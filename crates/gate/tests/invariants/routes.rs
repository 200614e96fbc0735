//! Invariant 4: narrower routes only narrow. Adding or disabling never widens.

use gate::spec::{ClaimTest, Condition, Defaults, GateSpec, MatchValue, RouteMatch, RouteSpec};
use proptest::prelude::*;
use serde_json::json;

use super::support::*;

fn suspended() -> Condition {
    let test = ClaimTest { claim: "suspended".to_owned(), any_of: vec![MatchValue::Bool(true)] };
    Condition { claims: vec![test], ..Condition::default() }
}

fn active() -> Condition {
    let test = ClaimTest { claim: "suspended".to_owned(), any_of: vec![MatchValue::Bool(false)] };
    Condition { claims: vec![test], ..Condition::default() }
}

fn at(name: &str, host: &str, path: &str, methods: &[&str]) -> RouteSpec {
    let matches =
        RouteMatch { host: host.to_owned(), path: path.to_owned(), methods: texts(methods) };
    RouteSpec { matches, ..open_route(name, "/") }
}

#[test]
fn invariant_4_the_deny_and_require_of_a_broader_route_bind_every_narrower_one() {
    let binding = [
        (("*", "/**"), ("*", "/a/b")),
        (("*", "/**"), ("orders.example.com", "/**")),
        (("*", "/a/**"), ("*.example.com", "/a/**")),
        (("*.example.com", "/a/**"), ("orders.example.com", "/a/b")),
        (("*", "/a/{x}"), ("*", "/a/b")),
        (("*", "/{x}/b"), ("*", "/a/b")),
        (("*", "/{x}/{y}"), ("*", "/a/{y}")),
        (("*", "/{x}/**"), ("*", "/a/b")),
        (("*", "/a/**"), ("*", "/a/{x}/**")),
    ];
    for ((broad_host, broad_path), (host, path)) in binding {
        for is_deny in [true, false] {
            let mut broad = at("broad", broad_host, broad_path, &["GET", "POST"]);
            if is_deny {
                broad.deny = vec![suspended()];
            } else {
                broad.require = vec![active()];
            }
            let narrow = at("narrow", host, path, &["GET"]);
            for routes in [vec![broad.clone(), narrow.clone()], vec![narrow, broad]] {
                let gate = build(&spec(routes));
                let outcome = |suspended: bool| {
                    let token = token("corp", json!({ "suspended": suspended }));
                    get("/a/b").by(&token).outcome(&gate)
                };
                let what = format!("{broad_host}{broad_path} over {host}{path}");
                assert_eq!((outcome(false), outcome(true)), ("permit", "forbidden"), "{what}");
            }
        }
    }
}

#[test]
fn invariant_4_a_route_that_shares_no_request_is_not_bound() {
    let broad = RouteSpec { deny: vec![suspended()], ..at("broad", "*", "/a/**", &["POST"]) };
    let gate = build(&spec(vec![broad, at("narrow", "*", "/a/b", &["GET"])]));
    let token = token("corp", json!({ "suspended": true }));
    assert_eq!(get("/a/b").by(&token).outcome(&gate), "permit");
    assert_eq!(get("/a/b").method("POST").by(&token).outcome(&gate), "forbidden");
    assert_eq!(get("/a/b").method("PUT").by(&token).outcome(&gate), "method_not_allowed");
}

#[test]
fn invariant_4_only_allow_belongs_to_the_route_alone() {
    let narrow = RouteSpec { allow: Vec::new(), ..at("narrow", "*", "/a/b", &["GET"]) };
    let gate = build(&spec(vec![at("broad", "*", "/a/**", &["GET"]), narrow]));
    let token = token("corp", json!({}));
    assert_eq!(get("/a/c").by(&token).outcome(&gate), "permit");
    assert_eq!(get("/a/b").by(&token).outcome(&gate), "no_permit");
}

#[test]
fn invariant_4_defaults_bind_every_route_and_public_ones_too() {
    let public = RouteSpec { allow: vec![anyone()], ..at("public", "*", "/p", &["GET"]) };
    let defaults =
        Defaults { deny: vec![suspended()], require: vec![authenticated()], rates: Vec::new() };
    let gate = build(&GateSpec { defaults, ..spec(vec![public, open_route("a", "/a")]) });
    let suspended = token("corp", json!({ "suspended": true }));
    for path in ["/p", "/a"] {
        assert_eq!(get(path).by(&suspended).outcome(&gate), "forbidden");
        assert_eq!(get(path).by(&token("corp", json!({}))).outcome(&gate), "permit");
    }
    assert_eq!(get("/p").outcome(&gate), "forbidden");
}

#[test]
fn invariant_4_disabling_a_route_shuts_it_and_frees_nothing() {
    let broad = RouteSpec { deny: vec![suspended()], ..at("broad", "*", "/a/**", &["GET"]) };
    let narrow = at("narrow", "*", "/a/b", &["GET"]);
    let with = |broad_disabled, narrow_disabled| {
        build(&spec(vec![
            RouteSpec { disabled: broad_disabled, ..broad.clone() },
            RouteSpec { disabled: narrow_disabled, ..narrow.clone() },
        ]))
    };
    let good = token("corp", json!({}));
    let bad = token("corp", json!({ "suspended": true }));
    let gate = with(false, true);
    assert_eq!(get("/a/b").by(&good).outcome(&gate), "no_route", "not the broad route's");
    assert_eq!(get("/a/c").by(&good).outcome(&gate), "permit");
    let gate = with(true, false);
    assert_eq!(get("/a/b").by(&good).outcome(&gate), "permit");
    assert_eq!(get("/a/b").by(&bad).outcome(&gate), "forbidden", "still bound");
    assert_eq!(get("/a/c").by(&good).outcome(&gate), "no_route");
}

#[test]
fn two_routes_that_could_tie_are_refused_whatever_their_order() {
    let tied = [
        (("*", "/a/{x}"), ("*", "/{x}/b"), "GET */a/b"),
        (("*", "/a/{x}"), ("*", "/a/{y}"), "GET */a/{y}"),
        (("orders.example.com", "/{x}"), ("*", "/a"), "GET orders.example.com/a"),
        (("*", "/a/**"), ("*", "/{x}/b"), "GET */a/b"),
    ];
    for ((host_a, path_a), (host_b, path_b), example) in tied {
        let routes = [at("a", host_a, path_a, &["GET"]), at("b", host_b, path_b, &["GET", "POST"])];
        let problems = problems(&spec(routes.to_vec()));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains(&format!("both take `{example}`")), "{problems:?}");
        let resolved = match example.split_once(['*', '/']) {
            _ if path_a.starts_with("/a/{x}") && path_b.starts_with("/a/{") => continue,
            _ => example.strip_prefix("GET ").unwrap(),
        };
        let (host, path) = resolved.split_at(resolved.find('/').unwrap());
        let third = at("third", host, path, &["GET"]);
        build(&spec(vec![routes[0].clone(), routes[1].clone(), third]));
    }
}

#[test]
fn a_route_that_no_request_reaches_is_refused() {
    let table = [
        (
            open_route("a", "/.doorward/keys"),
            "routes[0].match.path: `/.doorward/keys` is under `/.doorward`, which is ours on every host",
        ),
        (
            open_route("defaults", "/a"),
            "routes[0].name: a route cannot be named `defaults`: rules that bind every route go by that name",
        ),
        (
            at("a", "*", "/a", &["get"]),
            "routes[0].match.methods[0]: `get` is not a usual method: methods are written in capitals",
        ),
    ];
    for (route, expected) in table {
        assert_eq!(problems(&spec(vec![route])), [expected]);
    }
    let gate = build(&spec(vec![open_route("all", "/**")]));
    let token = token("corp", json!({}));
    for (path, outcome) in
        [("/.doorward", "no_route"), ("/%2edoorward/x", "no_route"), ("/.doorwardx", "permit")]
    {
        assert_eq!(get(path).by(&token).outcome(&gate), outcome, "{path}");
    }
}

fn conditions() -> impl Strategy<Value = Condition> {
    prop_oneof![
        Just(authenticated()),
        Just(suspended()),
        Just(active()),
        Just(in_groups(&["support"])),
        Just(in_groups(&["support", "ops"])),
        Just(Condition { scopes: texts(&["read"]), ..Condition::default() }),
        Just(Condition { methods: texts(&["POST"]), ..Condition::default() }),
        Just(Condition { users: texts(&["alice"]), ..Condition::default() }),
        Just(Condition { networks: texts(&["127.0.0.0/8"]), ..Condition::default() }),
    ]
}

const PATHS: [&str; 5] = ["/**", "/a/**", "/a/b", "/a/{x}", "/{x}/b"];

fn routes() -> impl Strategy<Value = Vec<RouteSpec>> {
    let rules = || prop::collection::vec(conditions(), 0..3);
    let one = (0..PATHS.len(), rules(), rules(), rules(), any::<bool>(), any::<bool>()).prop_map(
        |(path, allow, deny, require, public, both)| {
            let methods: &[&str] = if both { &["GET", "POST"] } else { &["GET"] };
            let mut route = at(&format!("r{path}"), "*", PATHS[path], methods);
            route.allow = allow;
            route.deny = deny;
            route.require = require;
            if public {
                route.allow.push(anyone());
            }
            route
        },
    );
    prop::collection::vec(one, 1..5).prop_map(|mut routes| {
        routes.sort_by(|a, b| a.name.cmp(&b.name));
        routes.dedup_by(|a, b| a.name == b.name);
        routes
    })
}

fn asks() -> Vec<Ask> {
    let tokens = [
        None,
        Some(token("corp", json!({}))),
        Some(token("corp", json!({ "suspended": true, "groups": ["support"] }))),
        Some(token("corp", json!({ "sub": "bob", "groups": ["ops"], "scope": "read" }))),
    ];
    let mut asks = Vec::new();
    for path in ["/", "/a/b", "/a/c", "/c/b", "/a/b/c"] {
        for method in ["GET", "POST"] {
            for token in &tokens {
                let ask = get(path).method(method);
                asks.push(token.iter().fold(ask, |ask, token| ask.by(token)));
            }
        }
    }
    asks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn adding_a_deny_a_require_a_closed_route_or_disabling_one_never_widens(
        routes in routes(),
        added in conditions(),
        place in 0..5_usize,
        path in 0..PATHS.len(),
    ) {
        let before = spec(routes);
        prop_assume!(problems(&before).is_empty());
        let mut after = before.clone();
        let chosen = place % after.routes.len();
        match place {
            0 => after.defaults.deny.push(Condition { authenticated: true, ..suspended() }),
            1 => after.routes[chosen].deny.push(added),
            2 => after.routes[chosen].require.push(added),
            3 => after.routes[chosen].disabled = true,
            _ => after.routes.push(RouteSpec {
                deny: vec![added],
                allow: Vec::new(),
                ..at("added", "*", PATHS[path], &["GET"])
            }),
        }
        prop_assume!(problems(&after).is_empty());
        let (narrow, wide) = (build(&after), build(&before));
        for ask in asks() {
            if ask.outcome(&narrow) == "permit" {
                prop_assert_eq!(ask.outcome(&wide), "permit", "{:?}", ask);
            }
        }
    }
}
