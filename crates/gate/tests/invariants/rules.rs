//! Invariant 3: empty denies, deny wins, an error never opens.

use gate::spec::{ClaimTest, Condition, GateSpec, MatchValue, PolicyFile, RouteSpec};
use gate::{DenialKind, Forbidding, Verdict};
use serde_json::json;
use tokens::Absence;

use super::support::*;

fn claims(claim: &str, any_of: Vec<MatchValue>) -> Condition {
    let test = ClaimTest { claim: claim.to_owned(), any_of };
    Condition { claims: vec![test], ..Condition::default() }
}

fn suspended() -> Condition {
    claims("suspended", vec![MatchValue::Bool(true)])
}

fn with_policies(routes: Vec<RouteSpec>, text: &str) -> GateSpec {
    let file = PolicyFile { name: "test.cedar".to_owned(), text: text.to_owned() };
    GateSpec { policies: vec![file], ..spec(routes) }
}

#[test]
fn invariant_3_a_route_without_rules_denies_everyone() {
    let gate = build(&spec(vec![route("a", "/a")]));
    assert_eq!(get("/a").by(&token("corp", json!({}))).outcome(&gate), "no_permit");
    assert_eq!(get("/a").outcome(&gate), "no_credential");
    assert_eq!(get("/b").outcome(&gate), "no_route");
    assert_eq!(get("/b").outcome(&build(&spec(Vec::new()))), "no_route");
}

#[test]
fn invariant_3_deny_wins_wherever_it_stands() {
    let denied = [
        spec(vec![RouteSpec { deny: vec![suspended()], ..open_route("a", "/a") }]),
        GateSpec {
            defaults: gate::spec::Defaults { deny: vec![suspended()], ..Default::default() },
            ..spec(vec![open_route("a", "/a")])
        },
        with_policies(
            vec![open_route("a", "/a")],
            "forbid(principal, action, resource) when { principal.claims has suspended && principal.claims.suspended };",
        ),
    ];
    for spec in denied {
        let gate = build(&spec);
        assert_eq!(get("/a").by(&token("corp", json!({}))).outcome(&gate), "permit");
        let ask = get("/a").by(&token("corp", json!({ "suspended": true })));
        assert_eq!(ask.outcome(&gate), "forbidden");
    }
}

#[test]
fn invariant_3_a_forbid_that_cannot_be_evaluated_denies_and_is_named() {
    let text = r#"@id("overflow") forbid(principal, action, resource)
        when { principal.claims has level && principal.claims.level + 9223372036854775807 > 0 };"#;
    let gate = build(&with_policies(vec![open_route("a", "/a")], text));
    assert_eq!(get("/a").by(&token("corp", json!({ "level": -1 }))).outcome(&gate), "forbidden");
    let Verdict::Denial(denial) = get("/a").by(&token("corp", json!({ "level": 1 }))).judged(&gate)
    else {
        panic!("an error opened the gate");
    };
    let why = "integer overflow while attempting to add the values `1` and `9223372036854775807`";
    let error = ("test.cedar#overflow".into(), why.to_owned());
    assert_eq!(*denial.kind(), DenialKind::Forbidden(Forbidding::ByError(vec![error.clone()])));
    assert_eq!(denial.policies(), ["test.cedar#overflow".into()]);
    assert_eq!(denial.errors(), [error]);
    assert_eq!(
        denial.reason(),
        format!("a rule that denies could not be evaluated (`test.cedar#overflow`: {why})")
    );
}

#[test]
fn invariant_3_a_permit_that_cannot_be_evaluated_does_not_match_and_is_named() {
    let text = r#"@id("overflow") permit(principal, action, resource)
        when { principal.claims has level && principal.claims.level + 9223372036854775807 > 0 };"#;
    let overflowing = get("/a").by(&token("corp", json!({ "level": 1 })));
    let gate = build(&with_policies(vec![route("a", "/a")], text));
    let Verdict::Denial(denial) = overflowing.judged(&gate) else {
        panic!("an error opened the gate");
    };
    assert_eq!(denial.code(), "no_permit");
    assert_eq!(&*denial.errors()[0].0, "test.cedar#overflow");

    let gate = build(&with_policies(vec![open_route("a", "/a")], text));
    let Verdict::Permit(permit) = overflowing.judged(&gate) else {
        panic!("the other permit does not count");
    };
    assert_eq!(permit.policies(), ["a/allow/0".into()]);
    assert_eq!(&*permit.errors()[0].0, "test.cedar#overflow");
}

#[test]
fn invariant_3_a_forbid_that_holds_is_told_beside_one_that_cannot_be_evaluated() {
    let text = r#"@id("overflow") forbid(principal, action, resource)
        when { principal.claims has level && principal.claims.level + 9223372036854775807 > 0 };"#;
    let open = RouteSpec { deny: vec![suspended()], ..open_route("a", "/a") };
    let gate = build(&with_policies(vec![open], text));
    let ask = get("/a").by(&token("corp", json!({ "level": 1, "suspended": true })));
    let Verdict::Denial(denial) = ask.judged(&gate) else { panic!("permitted") };
    assert_eq!(*denial.kind(), DenialKind::Forbidden(Forbidding::ByRule));
    assert_eq!(denial.policies(), ["a/deny/0".into()]);
    assert_eq!(&*denial.errors()[0].0, "test.cedar#overflow");
}

#[test]
fn invariant_3_a_denied_claim_cannot_be_dodged() {
    let gate = build(&spec(vec![RouteSpec { deny: vec![suspended()], ..open_route("a", "/a") }]));
    let table = [
        (json!({ "suspended": false }), "permit"),
        (json!({ "suspended": true }), "forbidden"),
        (json!({ "suspended": null }), "missing_claim"),
        (json!({ "suspended": "true" }), "mistyped_claim"),
        (json!({ "suspended": "false" }), "mistyped_claim"),
        (json!({ "suspended": 0 }), "mistyped_claim"),
        (json!({ "suspended": [] }), "mistyped_claim"),
    ];
    for (changes, expected) in table {
        let outcome = get("/a").by(&token("corp", changes.clone())).outcome(&gate);
        assert_eq!(outcome, expected, "{changes}");
    }
}

#[test]
fn invariant_3_a_deny_that_could_never_hold_is_refused() {
    let deny = |condition| spec(vec![RouteSpec { deny: vec![condition], ..open_route("a", "/a") }]);
    let texted = |text: &str| vec![MatchValue::String(text.to_owned())];
    let table = [
        (
            claims("email", texted("a@example.com")),
            "routes[0].deny[0].claims.email: a token of `corp` may leave the claim `email` out, and would slip past this",
        ),
        (
            claims("role", texted("x")),
            "routes[0].deny[0].claims.role: the issuer `corp` does not declare the claim `role`",
        ),
        (
            claims("suspended", texted("true")),
            "routes[0].deny[0].claims.suspended: the claim `suspended` is declared as a bool, and `\"true\"` is none",
        ),
        (
            claims("suspended", Vec::new()),
            "routes[0].deny[0].claims.suspended: the claim `suspended` is compared with nothing",
        ),
        (
            Condition { methods: texts(&["get"]), ..Condition::default() },
            "routes[0].deny[0].methods[0]: no route takes the method `get`",
        ),
        (
            Condition { methods: texts(&["*"]), ..Condition::default() },
            "routes[0].deny[0].methods[0]: `*` is not a method",
        ),
        (
            Condition { issuers: texts(&["partner"]), ..Condition::default() },
            "routes[0].deny[0].issuers[0]: the issuer `partner` is not accepted here, so this can never hold",
        ),
        (
            Condition { networks: texts(&["10.0.0.0/+8"]), ..Condition::default() },
            "routes[0].deny[0].networks[0]: `10.0.0.0/+8` is not a network: expected an address and a prefix length, such as `10.0.0.0/8`",
        ),
        (Condition::default(), "routes[0].deny[0]: an empty rule says nothing"),
    ];
    for (condition, expected) in table {
        assert_eq!(problems(&deny(condition)), [expected]);
    }
    let mut groupless = deny(in_groups(&["support"]));
    let mut options = options("corp");
    options.groups = None;
    groupless.issuers[0] = issuer(options.clone());
    assert_eq!(
        problems(&groupless),
        ["routes[0].deny[0].groups[0]: the issuer `corp` tells no groups, so this never holds"]
    );
    options.subjects = tokens::SubjectRule::Workload;
    let mut workloads = deny(Condition { users: texts(&["ci"]), ..Condition::default() });
    workloads.issuers[0] = issuer(options);
    assert_eq!(
        problems(&workloads),
        ["routes[0].deny[0].users[0]: every subject of `corp` is a workload, so this never holds"]
    );
}

#[test]
fn invariant_3_a_deny_over_a_claim_binds_the_issuers_of_narrower_routes_or_is_refused() {
    let broad = RouteSpec { deny: vec![suspended()], ..open_route("broad", "/a/**") };
    let narrow = RouteSpec { accept: texts(&["partner"]), ..open_route("narrow", "/a/b") };
    let mut spec = spec(vec![broad, narrow]);
    let gate = build(&spec);
    let ask = get("/a/b").by(&token("partner", json!({ "suspended": true })));
    assert_eq!(ask.outcome(&gate), "forbidden");
    let mut silent = options("partner");
    silent.claims.clear();
    spec.issuers[1] = issuer(silent);
    assert_eq!(
        problems(&spec),
        [
            "routes[0].deny[0].claims.suspended: the issuer `partner` does not declare the claim `suspended`"
        ]
    );
}

#[test]
fn invariant_3_the_default_of_a_claim_counts_where_it_is_absent() {
    let deny = claims("level", vec![MatchValue::Long(0)]);
    let gate = build(&spec(vec![RouteSpec { deny: vec![deny], ..open_route("a", "/a") }]));
    assert_eq!(get("/a").by(&token("corp", json!({}))).outcome(&gate), "forbidden");
    assert_eq!(get("/a").by(&token("corp", json!({ "level": 1 }))).outcome(&gate), "permit");
    assert_eq!(
        get("/a").by(&token("corp", json!({ "level": 1.0 }))).outcome(&gate),
        "mistyped_claim"
    );
}

#[test]
fn invariant_3_a_denied_header_or_parameter_holds_for_any_value_in_any_spelling() {
    let text = r#"
        forbid(principal, action, resource)
        when { context.headers.hasTag("x-role") && context.headers.getTag("x-role").contains("admin") };
        forbid(principal, action, resource)
        when { context.query.hasTag("debug") && context.query.getTag("debug").contains("1") };"#;
    let gate = build(&with_policies(vec![open_route("a", "/a")], text));
    let token = token("corp", json!({}));
    let table = [
        (get("/a?x=1").with("x-role", "user"), "permit"),
        (get("/a").with("x-role", "admin"), "forbidden"),
        (get("/a").with("X-Role", "user").with("x-role", "admin"), "forbidden"),
        (get("/a").with("x-role", "admin").with("x-role", "user"), "forbidden"),
        (get("/a").with("x-role", "user, admin"), "forbidden"),
        (get("/a").with("x-role", "admin,user"), "forbidden"),
        (get("/a").with("x_role", "admin"), "forbidden"),
        (get("/a?debug=1"), "forbidden"),
        (get("/a?debug=0&debug=1"), "forbidden"),
        (get("/a?%64ebug=%31"), "forbidden"),
        (get("/a?x=1;debug=1"), "forbidden"),
    ];
    for (ask, expected) in table {
        assert_eq!(ask.clone().by(&token).outcome(&gate), expected, "{ask:?}");
    }
}

#[test]
fn invariant_3_a_policy_about_what_there_is_not_is_refused() {
    let table = [
        (
            r#"forbid(principal, action, resource == Route::"b");"#,
            "policies[0]: `test.cedar`: the policy `test.cedar#policy0` names `Route::\"b\"`, which there is not",
        ),
        (
            r#"forbid(principal in Group::"support", action, resource);"#,
            "policies[0]: `test.cedar`: the policy `test.cedar#policy0` names `Group::\"support\"`, which there is not",
        ),
        (
            r#"forbid(principal == User::"acme/alice", action, resource);"#,
            "policies[0]: `test.cedar`: the policy `test.cedar#policy0` names `User::\"acme/alice\"`, which there is not",
        ),
        (
            "permit(principal == ?principal, action, resource);",
            "policies[0]: `test.cedar` holds a template, and nothing links templates",
        ),
    ];
    for (text, expected) in table {
        let problems = problems(&with_policies(vec![open_route("a", "/a")], text));
        assert_eq!(problems, [expected], "{text}");
    }
    let never_valid = [
        "forbid(principal, action, resource) when { principal.claims.suspended == 1 };",
        "forbid(principal, action, resource) when { principal.claims.email == \"a\" };",
        "forbid(principal, action == Action::\"BREW\", resource);",
        // Nobody is an agent yet: such a rule would look like one and never hold.
        "forbid(principal is Agent, action, resource);",
    ];
    for text in never_valid {
        let problems = problems(&with_policies(vec![open_route("a", "/a")], text));
        assert!(!problems.is_empty(), "{text}");
    }
}

#[test]
fn invariant_3_a_claim_that_another_issuer_declares_otherwise_is_refused() {
    let mut spec = spec(vec![open_route("a", "/a")]);
    let mut other = options("partner");
    other.claims[0].kind = tokens::ClaimKind::String;
    other.claims[0].absent = Absence::Required;
    spec.issuers[1] = issuer(other);
    assert_eq!(
        problems(&spec),
        [
            "issuers.partner.claims.suspended.type: the claim `suspended` is declared with another type by another issuer"
        ]
    );
}
