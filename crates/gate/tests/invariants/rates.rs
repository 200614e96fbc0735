//! Invariant 4, of rates: those of broader routes and of the defaults bind every narrower route.

use std::time::Duration;

use gate::Gate;
use gate::spec::{CorsSpec, Defaults, GateSpec, RateBy, RateSpec, RouteSpec};

use super::support::*;

fn rate(by: RateBy) -> RateSpec {
    RateSpec { by, requests: 10, per: Duration::from_secs(1), burst: 10 }
}

fn at(name: &str, path: &str, methods: &[&str], rates: Vec<RateSpec>) -> RouteSpec {
    let mut route = RouteSpec { rates, ..open_route(name, path) };
    route.matches.methods = texts(methods);
    route
}

fn counted(gate: &Gate, ask: &Ask) -> Vec<String> {
    let request = ask.read();
    let counted = gate.counted(&request).unwrap();
    counted.rates().map(|rate| rate.id().to_string()).collect()
}

#[test]
fn invariant_4_the_rates_of_broader_routes_and_of_the_defaults_bind_narrower_ones() {
    let defaults = Defaults { rates: vec![rate(RateBy::Address)], ..Defaults::default() };
    let broad = at("broad", "/a/**", &["GET", "POST"], vec![rate(RateBy::Route)]);
    let narrow = at("narrow", "/a/b", &["GET", "PUT"], vec![rate(RateBy::Identity)]);
    for routes in [vec![broad.clone(), narrow.clone()], vec![narrow, broad]] {
        let gate = build(&GateSpec { defaults: defaults.clone(), ..spec(routes) });
        let all = ["defaults/rates/0", "broad/rates/0", "narrow/rates/0"];
        assert_eq!(counted(&gate, &get("/a/b")), all);
        // The broader route takes no PUT: that is none of its requests.
        let put = get("/a/b").method("PUT");
        assert_eq!(counted(&gate, &put), ["defaults/rates/0", "narrow/rates/0"]);
        assert_eq!(counted(&gate, &get("/a/c")), ["defaults/rates/0", "broad/rates/0"]);
        assert_eq!(counted(&gate, &get("/nowhere")), ["defaults/rates/0"]);
    }
}

#[test]
fn a_preflight_counts_like_what_it_asks_about() {
    let cors = CorsSpec { origins: texts(&["https://app.test"]), ..CorsSpec::default() };
    let asked =
        RouteSpec { cors: Some(cors), ..at("asked", "/a", &["PUT"], vec![rate(RateBy::Address)]) };
    let gate = build(&spec(vec![asked, at("other", "/a", &["OPTIONS"], Vec::new())]));
    let ask = get("/a")
        .method("OPTIONS")
        .with("origin", "https://app.test")
        .with("access-control-request-method", "PUT");
    assert_eq!(counted(&gate, &ask), ["asked/rates/0"]);
    assert_eq!(counted(&gate, &get("/a").method("OPTIONS")), [""; 0]);
}

#[test]
fn nothing_is_looked_up_where_nothing_is_counted() {
    let gate = build(&spec(vec![open_route("a", "/a")]));
    assert!(gate.counted(&get("/a").read()).is_none());
}

#[test]
fn a_burst_that_takes_too_long_to_come_back_is_refused() {
    let day = Duration::from_hours(24);
    let bursts = |burst| {
        let slow = RateSpec { by: RateBy::Address, requests: 1, per: day, burst };
        problems(&spec(vec![at("a", "/a", &["GET"], vec![slow])]))
    };
    assert_eq!(bursts(30), [""; 0]);
    assert_eq!(
        bursts(31),
        [
            "routes[0].rates[0]: after a burst of 31 it takes more than 30 days until all of it is there again"
        ]
    );
}
