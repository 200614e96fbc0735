//! Invariant 1: no permit, no forward; a permit ends, and is revoked while it is in use. Invariant 9: disabled means
//! disabled on every entry.

use std::time::Duration;

use gate::route::Route;
use gate::spec::{GateSpec, RouteSpec};
use gate::{Gate, Keys, Standing, Surroundings, Verdict, Watch};
use serde_json::json;
use tokens::Timestamp;

use super::support::*;

fn watch(gate: &Gate, ask: &Ask) -> Watch<Route> {
    match ask.judged(gate) {
        Verdict::Permit(permit) => permit.redeem().1,
        other => panic!("{other:?}"),
    }
}

#[test]
fn invariant_1_a_permit_holds_the_request_that_was_judged() {
    let gate = build(&spec(vec![open_route("a", "/caf%c3%A9/{id}")]));
    let ask = get("/caf%c3%a9/%7e?x=%zz&x=//..").by(&token("corp", json!({})));
    let Verdict::Permit(permit) = ask.judged(&gate) else { panic!("denied") };
    assert_eq!(permit.request().target(), "/caf%C3%A9/~?x=%zz&x=//..");
    let (request, watch) = permit.redeem();
    assert_eq!(request.target(), "/caf%C3%A9/~?x=%zz&x=//..");
    assert_eq!(&**watch.target().name(), "a");
}

#[test]
fn invariant_1_a_permit_ends_with_its_token_or_sooner() {
    let ends = |route: RouteSpec, ask: &Ask| {
        let gate = build(&spec(vec![route]));
        let watch = watch(&gate, ask);
        let standing = |now| gate.standing(&watch, around(&Ring::usual(), now));
        if watch.ends_at() < Timestamp::MAX {
            let before = watch.ends_at().minus(Duration::from_millis(1));
            assert_eq!(standing(before), Standing::Stands);
            assert_eq!(standing(watch.ends_at()), Standing::Ended);
        }
        watch.ends_at()
    };
    let signed_in = get("/a").by(&token("corp", json!({})));
    let skew = tokens::DEFAULT_SKEW.as_secs();
    assert_eq!(ends(open_route("a", "/a"), &signed_in), after(300 + skew));
    let minute = Some(Duration::from_secs(60));
    let short = RouteSpec { max_permit: minute, ..open_route("a", "/a") };
    assert_eq!(ends(short, &signed_in), after(60));
    let long = RouteSpec { max_permit: Some(Duration::from_secs(3600)), ..open_route("a", "/a") };
    assert_eq!(ends(long, &signed_in), after(300 + skew));
    let public = RouteSpec { allow: vec![anyone()], ..route("a", "/a") };
    assert_eq!(ends(public.clone(), &get("/a")), Timestamp::MAX);
    assert_eq!(ends(RouteSpec { max_permit: minute, ..public }, &get("/a")), after(60));
}

type Change = fn(&mut GateSpec);

/// What takes a permit in use away, and what it does to a new request with a warm cache.
const TAKEN_AWAY: [(&str, Change, Standing, &str); 13] = [
    ("nothing", |_| {}, Standing::Stands, "permit"),
    ("issuers in another order", |s| s.issuers.swap(0, 1), Standing::Stands, "permit"),
    (
        "issuers in another order, and another one accepted",
        |s| {
            s.issuers.swap(0, 1);
            s.routes[0].accept = texts(&["partner"]);
        },
        Standing::Revoked,
        "issuer_not_accepted",
    ),
    ("issuer disabled", |s| s.issuers[0].disabled = true, Standing::Revoked, "issuer_not_accepted"),
    (
        "issuer dropped",
        |s| {
            s.issuers.remove(0);
            s.routes[0].accept = texts(&["partner"]);
        },
        Standing::Revoked,
        "issuer_not_accepted",
    ),
    (
        "issuer no longer accepted",
        |s| s.routes[0].accept = texts(&["partner"]),
        Standing::Revoked,
        "issuer_not_accepted",
    ),
    (
        "token revoked",
        |s| {
            s.revoked.tokens =
                vec![tokens::Fingerprint::of(&standing_token()).to_string().to_uppercase()];
        },
        Standing::Revoked,
        "revoked",
    ),
    (
        "subject revoked",
        |s| s.revoked.subjects = vec![("corp".to_owned(), "alice".to_owned())],
        Standing::Revoked,
        "revoked",
    ),
    (
        "the same subject of another issuer revoked",
        |s| s.revoked.subjects = vec![("partner".to_owned(), "alice".to_owned())],
        Standing::Stands,
        "permit",
    ),
    ("route disabled", |s| s.routes[0].disabled = true, Standing::Revoked, "no_route"),
    (
        "service changed",
        |s| s.routes[0].service = "billing".to_owned(),
        Standing::Revoked,
        "wrong_audience",
    ),
    (
        "audience changed",
        |s| s.services[0].audience = "other".to_owned(),
        Standing::Revoked,
        "wrong_audience",
    ),
    (
        "profile changed",
        |s| {
            let mut stricter = options("corp");
            stricter.max_lifetime = Some(Duration::from_secs(60));
            s.issuers[0] = issuer(stricter);
        },
        Standing::Revoked,
        "lifetime",
    ),
];

fn standing_token() -> String {
    static TOKEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    TOKEN.get_or_init(|| token("corp", json!({}))).clone()
}

#[test]
fn invariants_1_and_9_what_a_permit_rests_on_can_be_taken_away_from_new_cached_and_running_use() {
    let spec = spec(vec![open_route("a", "/a")]);
    let ask = get("/a").by(&standing_token());
    for (what, change, standing, outcome) in TAKEN_AWAY {
        let (gate, cache, keys) = (build(&spec), cache(), Ring::usual());
        let warm = Surroundings { cache: Some(&cache), ..around(&keys, after(0)) };
        let Verdict::Permit(permit) = ask.admit(&gate, warm) else { panic!("denied") };
        let (_, watch) = permit.redeem();
        assert_eq!(cache.len(), 1);
        let mut changed = spec.clone();
        change(&mut changed);
        let gate = build(&changed);
        assert_eq!(gate.standing(&watch, around(&keys, after(1))), standing, "{what}");
        assert_eq!(code(&ask.admit(&gate, warm)), outcome, "{what}, cached");
        assert_eq!(ask.outcome(&gate), outcome, "{what}, anew");
    }
}

#[test]
fn invariants_1_and_9_a_key_that_is_taken_away_ends_cached_and_running_use() {
    let gate = build(&spec(vec![open_route("a", "/a")]));
    let ask = get("/a").by(&standing_token());
    let rotated = Ring::of(&[("corp", &["corp-2"])]);
    let overlapping = Ring::of(&[("corp", &["corp-2", "corp"])]);
    let gone = Ring::default();
    let table: [(&dyn Keys, Standing, &str); 3] = [
        (&overlapping, Standing::Stands, "permit"),
        (&rotated, Standing::Revoked, "unknown_key"),
        (&gone, Standing::Revoked, "issuer_unavailable"),
    ];
    for (keys, standing, outcome) in table {
        let (cache, usual) = (cache(), Ring::usual());
        let warm = Surroundings { cache: Some(&cache), ..around(&usual, after(0)) };
        let Verdict::Permit(permit) = ask.admit(&gate, warm) else { panic!("denied") };
        let (_, watch) = permit.redeem();
        assert_eq!(gate.standing(&watch, around(keys, after(1))), standing);
        assert_eq!(code(&ask.admit(&gate, Surroundings { keys, ..warm })), outcome);
    }
}

#[test]
fn invariant_1_an_anonymous_permit_stands_while_its_route_is_public() {
    let public = spec(vec![RouteSpec { allow: vec![anyone()], ..route("a", "/a") }]);
    let gate = build(&public);
    let watch = watch(&gate, &get("/a"));
    assert_eq!(gate.standing(&watch, around(&Ring::default(), after(9))), Standing::Stands);
    let closed = build(&spec(vec![open_route("a", "/a")]));
    assert_eq!(closed.standing(&watch, around(&Ring::usual(), after(9))), Standing::Revoked);
}
