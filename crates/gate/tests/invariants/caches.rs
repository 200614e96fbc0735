//! Invariant 6: cache facts, never verdicts made elsewhere.

use gate::spec::{Condition, GateSpec, IssuerSpec, RouteSpec};
use gate::{Gate, Surroundings};
use proptest::prelude::*;
use serde_json::json;

use super::support::*;

/// Gates that differ in everything a fact could wrongly be remembered under: the options of an issuer, who is
/// accepted, what is revoked.
fn gates() -> Vec<Gate> {
    let both = texts(&["corp", "partner"]);
    let routes = vec![
        open_route("one", "/one"),
        RouteSpec { accept: both.clone(), ..open_route("two", "/two") },
        RouteSpec { accept: texts(&["partner"]), ..open_route("three", "/three") },
        RouteSpec {
            allow: vec![in_groups(&["corp/support"])],
            accept: both,
            service: "billing".to_owned(),
            ..route("four", "/four")
        },
        RouteSpec { allow: vec![anyone()], accept: Vec::new(), ..route("five", "/five") },
    ];
    let usual = spec(routes);
    let changed = |change: fn(&mut tokens::ProfileOptions)| {
        let mut options = options("corp");
        change(&mut options);
        let issuers = vec![issuer(options), usual.issuers[1].clone()];
        GateSpec { issuers, ..usual.clone() }
    };
    let disabled = IssuerSpec { disabled: true, ..usual.issuers[0].clone() };
    let mut revoked = usual.clone();
    revoked.revoked.subjects.push(("corp".to_owned(), "bob".to_owned()));
    let specs = [
        usual.clone(),
        changed(|options| options.groups = None),
        changed(|options| options.claims.truncate(1)),
        changed(|options| options.max_lifetime = Some(std::time::Duration::from_secs(100))),
        changed(|options| options.skew = std::time::Duration::ZERO),
        changed(|options| options.subjects = tokens::SubjectRule::Workload),
        GateSpec { issuers: vec![disabled, usual.issuers[1].clone()], ..usual.clone() },
        revoked,
    ];
    specs.iter().map(build).collect()
}

#[test]
fn invariant_6_one_token_on_two_routes_is_judged_by_each() {
    let gates = gates();
    let keys = Ring::usual();
    let token = token("corp", json!({ "aud": ["orders", "billing"] }));
    let paths = ["/one", "/three", "/four"];
    let expected = ["permit", "issuer_not_accepted", "no_permit"];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let cache = cache();
        let around =
            Surroundings { now: after(0), keys: &keys, cache: Some(&cache), sessions: None };
        for position in order {
            let verdict = get(paths[position]).by(&token).admit(&gates[0], around);
            assert_eq!(code(&verdict), expected[position], "{order:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn invariant_6_with_a_cache_and_without_one_the_verdicts_are_equal(
        steps in prop::collection::vec(
            (0..8_usize, 0..5_usize, 0..7_usize, 0..500_u64, 0..4_usize), 1..40,
        ),
    ) {
        let gates = gates();
        let tokens = [
            token("corp", json!({})),
            token("corp", json!({ "groups": ["support"], "aud": ["orders", "billing"] })),
            token("corp", json!({ "sub": "bob", "nbf": NOW + 100 })),
            token("partner", json!({ "groups": ["support"], "exp": NOW + 150, "aud": "billing" })),
            token("partner", json!({ "suspended": null })),
            token("acme", json!({})),
            token_signed_by("corp-2", "corp", json!({})),
        ];
        let rings = [
            Ring::usual(),
            Ring::of(&[("corp", &["corp", "corp-2"]), ("partner", &["partner"])]),
            Ring::of(&[("corp", &["corp-2"])]),
            Ring::of(&[("corp", &["partner"]), ("partner", &["corp"])]),
        ];
        let cache = cache();
        for (gate, path, token, seconds, ring) in steps {
            let path = ["/one", "/two", "/three", "/four", "/five"][path];
            let ask = get(path).by(&tokens[token]);
            let now = after(seconds);
            let without = Surroundings { now, keys: &rings[ring], cache: None, sessions: None };
            let with = Surroundings { cache: Some(&cache), ..without };
            let gate = &gates[gate];
            prop_assert_eq!(told(&ask.admit(gate, with)), told(&ask.admit(gate, without)));
        }
    }
}

#[test]
fn invariant_6_a_decision_is_remembered_for_its_policies_its_route_and_its_method_alone() {
    let gate = |allow: Vec<Condition>| {
        let mut route = RouteSpec { allow, ..route("a", "/a/{id}") };
        route.matches.methods = texts(&["GET", "POST"]);
        build(&spec(vec![route]))
    };
    let support = || in_groups(&["corp/support"]);
    let gates = [
        (gate(vec![support()]), ["permit", "permit", "permit"]),
        (gate(vec![in_groups(&["corp/ops"])]), ["no_permit", "no_permit", "no_permit"]),
        (
            gate(vec![Condition { methods: texts(&["GET"]), ..support() }]),
            ["permit", "no_permit", "permit"],
        ),
        // What reads more of a request is asked at each.
        (
            gate(vec![Condition { networks: texts(&["192.0.2.0/24"]), ..support() }]),
            ["no_permit", "no_permit", "permit"],
        ),
    ];
    let token = token("corp", json!({ "groups": ["support"] }));
    let near = get("/a/1").by(&token);
    let mut far = near.clone();
    far.peer = [192, 0, 2, 7].into();
    let asks = [near.clone(), near.method("POST"), far];
    let (keys, cache) = (Ring::usual(), cache());
    for _ in 0..3 {
        for (gate, expected) in &gates {
            let with = Surroundings { cache: Some(&cache), ..around(&keys, after(0)) };
            let found = asks.each_ref().map(|ask| code(&ask.admit(gate, with)));
            assert_eq!(found, *expected);
        }
    }
    assert_eq!(cache.len(), 1);
}
