use proptest::prelude::*;
use serde_json::json;

use super::super::Outcome;
use super::{CallerReads, Needs};
use crate::Surroundings;
use crate::minting::*;
use crate::spec::{ClaimTest, Condition, Defaults, GateSpec, MatchValue, PolicyFile, RouteSpec};

/// What a policy about this much of everything can say; every choice of each part makes a valid policy.
const PRINCIPALS: [&str; 12] = [
    "principal",
    "principal == User::\"corp/alice\"",
    "principal == Workload::\"corp/ci\"",
    "principal in Group::\"corp/support\"",
    "principal in Group::\"partner/support\"",
    "principal in Issuer::\"partner\"",
    "principal in User::\"corp/alice\"",
    "principal is User",
    "principal is Anonymous",
    "principal is User in Group::\"corp/support\"",
    "principal is Workload in Issuer::\"corp\"",
    "principal is Workload",
];
const ACTIONS: [&str; 3] = ["action", "action == Action::\"GET\"", "action in [Action::\"POST\"]"];
const RESOURCES: [&str; 9] = [
    "resource",
    "resource == Route::\"ab\"",
    "resource in Route::\"a\"",
    "resource in Route::\"all\"",
    "resource in Service::\"orders\"",
    "resource in Service::\"billing\"",
    "resource is Route",
    "resource is Route in Route::\"ax\"",
    "resource is Route in Service::\"orders\"",
];
const CONDITIONS: [&str; 29] = [
    "",
    "when { principal.claims has level && principal.claims.level + 9223372036854775807 > 0 }",
    "unless { principal.claims has level && principal.claims.level * 9223372036854775807 > 0 }",
    "when { context.headers.hasTag(\"x-a\") }",
    "unless { context has parameters && context.parameters has x && context.parameters.x == \"b\" }",
    "when { context.query.hasTag(\"q\") && context.query.getTag(\"q\").contains(\"1\") }",
    "when { context.time > datetime(\"2020-01-01\") }",
    "when { context.path like \"/a/*\" && context.method == \"GET\" }",
    "when { context.client.isInRange(ip(\"127.0.0.0/8\")) || context.door == \"x\" }",
    "unless { principal.scopes.contains(\"read\") }",
    "when { context.path like \"/a/*\" }",
    "when { context.path like \"/a/b*\" } unless { principal.scopes.contains(\"read\") }",
    "when { context.path == \"/c\" || \"/a/b\" == context.path }",
    "when { context.path like \"/c*\" || context.path like \"*c\" }",
    "unless { context.path like \"/a*\" }",
    "when { context.path like \"/a/*\" } when { principal.claims has level && principal.claims.level + 9223372036854775807 > 0 }",
    "when { principal.claims has level && principal.claims.level + 9223372036854775807 > 0 && context.path like \"/a/*\" }",
    "when { context.path like \"/\" && context.method == \"GET\" }",
    "when { principal in [Group::\"corp/ops\", Group::\"partner/support\"] }",
    "unless { User::\"corp/alice\" == principal || principal is Workload }",
    "when { if principal.scopes.contains(\"read\") then principal is User else action == Action::\"GET\" }",
    "when { principal != User::\"corp/alice\" && !(principal is User in Issuer::\"partner\") }",
    "when { User::\"corp/alice\".scopes.contains(\"read\") }",
    "when { User::\"corp/alice\" in Group::\"corp/ops\" }",
    "unless { User::\"corp/alice\" has client }",
    "when { Names::\"headers\".hasTag(\"x-a\") }",
    "unless { Names::\"query\".hasTag(\"q\") }",
    "when { context.path like \"/a/b*\" && context.headers.hasTag(\"x-a\") }",
    "when { resource in Route::\"a\" && principal.scopes.containsAny([\"read\", \"write\"]) }",
];

fn written() -> impl Strategy<Value = String> {
    let parts = (
        any::<bool>(),
        0..PRINCIPALS.len(),
        0..ACTIONS.len(),
        0..RESOURCES.len(),
        0..CONDITIONS.len(),
    );
    parts.prop_map(|(permit, principal, action, resource, condition)| {
        let effect = if permit { "permit" } else { "forbid" };
        let (principal, action) = (PRINCIPALS[principal], ACTIONS[action]);
        let (resource, condition) = (RESOURCES[resource], CONDITIONS[condition]);
        format!("{effect}({principal}, {action}, {resource}) {condition};\n")
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let level = ClaimTest { claim: "level".to_owned(), any_of: vec![MatchValue::Long(1)] };
    prop_oneof![
        Just(authenticated()),
        Just(in_groups(&["corp/support"])),
        Just(in_groups(&["corp/support", "partner/support"])),
        Just(Condition { users: texts(&["corp/alice"]), ..in_groups(&["corp/support"]) }),
        Just(Condition { users: texts(&["corp/alice", "partner/bob"]), ..Condition::default() }),
        Just(Condition { workloads: texts(&["corp/ci"]), ..Condition::default() }),
        Just(Condition { issuers: texts(&["partner"]), ..Condition::default() }),
        Just(Condition { scopes: texts(&["read"]), ..Condition::default() }),
        Just(Condition { claims: vec![level], ..in_groups(&["partner/support"]) }),
        Just(Condition { networks: texts(&["127.0.0.0/8"]), ..Condition::default() }),
        Just(Condition { methods: texts(&["GET"]), ..in_groups(&["corp/ops"]) }),
    ]
}

const ROUTES: [(&str, &str, &str); 5] = [
    ("all", "/**", "orders"),
    ("a", "/a/**", "orders"),
    ("ax", "/a/{x}", "billing"),
    ("ab", "/a/b", "orders"),
    ("c", "/c", "billing"),
];

fn specs() -> impl Strategy<Value = GateSpec> {
    let rules = || prop::collection::vec(condition(), 0..3);
    let of_one = (rules(), rules(), rules(), any::<bool>());
    let routes = prop::collection::vec(of_one, ROUTES.len());
    let policies = prop::collection::vec(written(), 0..12);
    (routes, policies, rules()).prop_map(|(rules, policies, deny)| {
        let routes = ROUTES.into_iter().zip(rules).map(
            |((name, path, service), (allow, deny, require, public))| {
                let mut route = RouteSpec { allow, deny, require, ..route(name, path) };
                route.accept = texts(&["corp", "partner"]);
                route.service = service.to_owned();
                route.matches.methods = texts(&["GET", "POST"]);
                if public {
                    route.allow.push(anyone());
                }
                route
            },
        );
        let file = PolicyFile { name: "p".to_owned(), text: policies.concat() };
        let defaults = Defaults { deny, ..Defaults::default() };
        GateSpec { defaults, policies: vec![file], ..spec(routes.collect()) }
    })
}

fn callers() -> Vec<Option<String>> {
    let both = json!(["orders", "billing"]);
    vec![
        None,
        Some(token("corp", json!({ "aud": both, "groups": ["support", "ops"], "level": 1 }))),
        Some(token("corp", json!({ "aud": both, "groups": ["support", "ops"], "level": -1 }))),
        Some(token("corp", json!({ "aud": both, "scope": "read" }))),
        Some(token("corp", json!({ "aud": both, "sub": "carol", "groups": ["support", "ops"] }))),
        Some(token("corp", json!({ "aud": both, "sub": "carol", "scope": "read" }))),
        Some(token("corp", json!({ "aud": both, "sub": "ci", "kind": "workload" }))),
        Some(token("partner", json!({ "aud": both, "groups": ["support"], "level": -1 }))),
        Some(token("partner", json!({ "aud": both, "sub": "bob", "scope": "read" }))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn sliced_and_unsliced_decisions_are_equal(spec in specs()) {
        let gate = build(&spec);
        let keys = Ring::usual();
        // What is remembered of a caller under one path must not be what holds under another.
        let cache = cache();
        let around =
            Surroundings { now: after(0), keys: &keys, cache: Some(&cache), sessions: None };
        for loaded in gate.index().policies() {
            let json = loaded.policy.to_json().unwrap();
            // What the words of the short form say, its policy says.
            prop_assert_eq!(&loaded.reads, &CallerReads::of_policy(&json), "{}", loaded.policy);
            prop_assert_eq!(loaded.needs, Needs::of_policy(&json), "{}", loaded.policy);
        }
        let callers = callers();
        for target in ["/", "/a/", "/a/b?q=1", "/a/c", "/c", "/a/b/c"] {
            for method in ["GET", "POST"] {
                for caller in &callers {
                    let ask = caller.iter().fold(get(target).method(method), |ask, token| ask.by(token));
                    let ask = if target == "/c" || target == "/a/c" { ask.with("x-a", "1") } else { ask };
                    if let Some((sliced, unsliced)) = gate.decide_both_ways(&ask.read(), around) {
                        prop_assert_eq!(sliced, unsliced, "{:?}", ask);
                    }
                }
            }
        }
    }
}

#[test]
fn a_decision_remembered_under_one_path_does_not_hold_under_another() {
    let text = r#"
        permit(principal, action, resource == Route::"a");
        forbid(principal, action, resource) when { context.path like "/a/b*" };
        forbid(principal in Group::"corp/ops", action, resource) when { context.path == "/a/c/d" };
    "#;
    let file = PolicyFile { name: "p".to_owned(), text: text.to_owned() };
    let route = RouteSpec { allow: Vec::new(), ..route("a", "/a/**") };
    let gate = build(&GateSpec { policies: vec![file], ..spec(vec![route]) });
    let (keys, cache) = (Ring::usual(), cache());
    let around = Surroundings { now: after(0), keys: &keys, cache: Some(&cache), sessions: None };
    let ops = token("corp", json!({ "groups": ["ops"] }));
    let other = token("corp", json!({ "sub": "other" }));
    for _ in 0..2 {
        for (target, for_ops, for_other) in [
            ("/a/c", Outcome::Allow, Outcome::Allow),
            ("/a/b", Outcome::Forbidden, Outcome::Forbidden),
            ("/a/c/d", Outcome::Forbidden, Outcome::Allow),
            ("/a/bc", Outcome::Forbidden, Outcome::Forbidden),
            ("/a/c/e", Outcome::Allow, Outcome::Allow),
        ] {
            for (caller, expected) in [(&ops, for_ops), (&other, for_other)] {
                let ask = get(target).by(caller).read();
                let (sliced, unsliced) = gate.decide_both_ways(&ask, around).unwrap();
                assert_eq!((sliced.outcome, unsliced.outcome), (expected, expected), "{target}");
            }
        }
    }
}

#[test]
fn a_policy_that_names_a_caller_decides_about_each_by_itself() {
    let tokens = [
        token("corp", json!({ "scope": "write", "groups": ["ops"] })),
        token("corp", json!({ "jti": "t-2" })),
        token("corp", json!({ "sub": "bob" })),
    ];
    for condition in [
        r#"permit(principal == User::"corp/alice", action, resource) when { User::"corp/alice".scopes.contains("write") };"#,
        r#"permit(principal, action, resource) when { User::"corp/alice" in Group::"corp/ops" };"#,
        r#"permit(principal, action, resource); forbid(principal, action, resource) when { User::"corp/alice".scopes.contains("no") };"#,
    ] {
        let file = PolicyFile { name: "p".to_owned(), text: condition.to_owned() };
        let route = RouteSpec { allow: Vec::new(), ..route("a", "/a/**") };
        let gate = build(&GateSpec { policies: vec![file], ..spec(vec![route]) });
        let (keys, cache) = (Ring::usual(), cache());
        let around =
            Surroundings { now: after(0), keys: &keys, cache: Some(&cache), sessions: None };
        for token in tokens.iter().chain(tokens.iter().rev()) {
            let (sliced, unsliced) =
                gate.decide_both_ways(&get("/a/b").by(token).read(), around).unwrap();
            assert_eq!(sliced, unsliced, "{condition}");
        }
    }
}
