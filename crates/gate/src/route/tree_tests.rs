use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::minting::{Ask, get};
use crate::route::{Route, Service, StepUp, broader_routes};

/// A segment that has to be decoded, and is too long to stand beside its node.
const LONG: &str = "%C3%A9%20that-is-too-long-for-a-node";

fn route(host: &str, path: &str, methods: &[&str]) -> Route {
    let service = Service {
        name: "orders".into(),
        audience: "orders".into(),
        identity: Default::default(),
        index: 0,
        inside: false,
    };
    Route {
        name: format!("{host}{path}").into(),
        host: HostPattern::parse(host).unwrap(),
        path: PathPattern::parse(path).unwrap(),
        methods: methods.iter().map(|method| method.parse().unwrap()).collect(),
        service: Arc::new(service),
        accept: [].into(),
        credentials: Default::default(),
        public: true,
        encoded_slash: Default::default(),
        empty_segments: Default::default(),
        segment_parameters: Default::default(),
        max_permit: None,
        websocket: false,
        slow_body: false,
        cors: None,
        rates: Vec::new(),
        step_up: StepUp::default(),
        disabled: false,
    }
}

fn routes(most: usize) -> impl Strategy<Value = Vec<Route>> {
    let segment = prop_oneof![3 => Just("a"), 1 => Just(LONG), 3 => Just("{x}"), 1 => Just("")];
    let host = prop_oneof![
        2 => Just("*"), 1 => Just("*.e.com"), 1 => Just("a.e.com"), 1 => Just("b.e.com"),
    ];
    let path =
        (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(segments, open)| {
            let mut text = String::new();
            for (position, segment) in segments.iter().enumerate() {
                text.push('/');
                text.push_str(&segment.replace('x', &format!("x{position}")));
            }
            let end = if open {
                "/**"
            } else if text.is_empty() {
                "/"
            } else {
                ""
            };
            text + end
        });
    let methods = prop_oneof![Just(&["GET"][..]), Just(&["POST"][..]), Just(&["GET", "POST"][..])];
    let one = (host, path, methods).prop_map(|(host, path, methods)| route(host, &path, methods));
    prop::collection::vec(one, 1..=most)
}

/// Every request that could make a difference: a literal of each route, and one of none, in each place.
fn requests() -> &'static [CanonicalRequest] {
    static REQUESTS: std::sync::OnceLock<Vec<CanonicalRequest>> = std::sync::OnceLock::new();
    REQUESTS.get_or_init(|| asks().iter().map(Ask::read).collect())
}

fn asks() -> Vec<Ask> {
    let mut paths = vec![String::new()];
    let mut all = Vec::new();
    for _ in 0..4 {
        paths = paths
            .iter()
            .flat_map(|path| ["a", LONG, "c", ""].map(|segment| format!("{path}/{segment}")))
            .collect();
        all.extend(paths.clone());
    }
    let hosts = ["a.e.com", "b.e.com", "c.e.com", "e.com"];
    let asks = all.iter().flat_map(|path| {
        hosts
            .iter()
            .flat_map(|host| ["GET", "POST", "PUT"].map(|method| get(path).on(host).method(method)))
    });
    asks.collect()
}

/// What it means that a route takes a request, spelled out.
fn takes(route: &Route, request: &CanonicalRequest) -> bool {
    let host = request.host().name();
    let host_fits = match &route.host {
        HostPattern::Any => true,
        HostPattern::Exact(name) => name == host,
        HostPattern::OneLabelUnder(parent) => {
            host.split_once('.').is_some_and(|(_, rest)| rest == parent)
        }
    };
    let segments: Vec<_> = request.path().segments().collect();
    let pattern = route.path.segments();
    let length_fits = if route.path.is_open() {
        segments.len() > pattern.len()
    } else {
        segments.len() == pattern.len()
    };
    let segments_fit = pattern.iter().zip(&segments).all(|(segment, text)| match segment {
        Segment::Literal(literal) => literal == text,
        Segment::Parameter(_) => !text.is_empty(),
    });
    host_fits && length_fits && segments_fit
}

fn covers(broad: &Route, narrow: &Route) -> bool {
    broad.host.covers(&narrow.host) && broad.path.covers(&narrow.path)
}

fn tree_of(routes: &[Route]) -> RouteTree {
    let mut tree = RouteTree::default();
    for (index, route) in routes.iter().enumerate() {
        tree.insert(&route.host, &route.path, &route.methods, index);
    }
    tree
}

/// Of these routes, the one that all others cover.
fn narrowest(routes: &[Route], takers: &[usize]) -> Option<usize> {
    let is_covered =
        |index: &&usize| takers.iter().all(|other| covers(&routes[*other], &routes[**index]));
    let mut found = takers.iter().filter(is_covered);
    found.next().copied().filter(|_| found.next().is_none())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_tree_finds_what_a_walk_over_all_routes_finds(routes in routes(6)) {
        let tree = tree_of(&routes);
        let Ok(broader) = broader_routes(&routes, &tree) else { return Ok(()) };
        let reversed: Vec<_> = routes.iter().rev().cloned().collect();
        let reversed = tree_of(&reversed);
        for request in requests() {
            let on_path: Vec<_> = (0..routes.len()).filter(|i| takes(&routes[*i], request)).collect();
            let takers: Vec<_> = on_path
                .iter().copied().filter(|i| routes[*i].methods.contains(request.method())).collect();
            let found = tree.find(request, request.method());
            if takers.is_empty() {
                let mut methods: Vec<_> = on_path.iter().flat_map(|i| routes[*i].methods.to_vec()).collect();
                methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
                methods.dedup();
                let expected = if methods.is_empty() { Found::Nowhere } else { Found::OtherMethods(methods) };
                prop_assert_eq!(found, expected, "{:?}", request);
                continue;
            }
            let narrowest = narrowest(&routes, &takers);
            prop_assert!(narrowest.is_some(), "{:?} ties", request);
            let narrowest = narrowest.unwrap();
            prop_assert_eq!(found, Found::Route(narrowest), "{:?}", request);
            prop_assert_eq!(reversed.find(request, request.method()), Found::Route(routes.len() - 1 - narrowest));
            for taker in takers.into_iter().filter(|taker| *taker != narrowest) {
                prop_assert!(broader[narrowest].contains(&taker), "{:?} is not bound by {}", request, taker);
            }
        }
        for (index, broader) in broader.iter().enumerate() {
            prop_assert!(broader.iter().all(|other| *other != index && covers(&routes[*other], &routes[index])));
        }
    }

    #[test]
    fn a_tie_that_is_reported_is_one(routes in routes(4)) {
        let Err(ties) = broader_routes(&routes, &tree_of(&routes)) else { return Ok(()) };
        for tie in ties {
            let tied = requests().iter().any(|request| {
                let takers: Vec<_> = (0..routes.len())
                    .filter(|i| takes(&routes[*i], request) && routes[*i].methods.contains(request.method()))
                    .collect();
                takers.contains(&tie.first)
                    && takers.contains(&tie.second)
                    && narrowest(&routes, &takers).is_none()
            });
            prop_assert!(tied, "{:?} is no tie of {:?}", tie, routes);
        }
    }
}
