//! Invariant 5: identities are scoped. Invariant 7: only pinned issuers.

use gate::spec::{Condition, GateSpec, IdentityField, RouteSpec};
use gate::{Surroundings, Verdict};
use serde_json::json;

use super::support::*;

fn both(name: &str, path: &str) -> RouteSpec {
    RouteSpec { accept: texts(&["corp", "partner"]), ..route(name, path) }
}

#[test]
fn invariant_5_a_group_or_subject_of_one_issuer_is_not_that_of_another() {
    let users = Condition { users: texts(&["corp/alice"]), ..Condition::default() };
    let workloads =
        Condition { workloads: texts(&["corp/spiffe://corp/ci"]), ..Condition::default() };
    let gate = build(&spec(vec![
        RouteSpec { allow: vec![in_groups(&["corp/support"])], ..both("groups", "/groups") },
        RouteSpec { allow: vec![users], ..both("users", "/users") },
        RouteSpec { allow: vec![workloads], ..both("workloads", "/workloads") },
    ]));
    let ci = json!({ "sub": "spiffe://corp/ci", "kind": "workload" });
    let table = [
        ("/groups", "corp", json!({ "groups": ["support"] }), "permit"),
        ("/groups", "partner", json!({ "groups": ["support"] }), "no_permit"),
        ("/groups", "partner", json!({ "groups": ["corp/support"] }), "no_permit"),
        ("/groups", "partner", json!({ "groups": ["../corp/support"] }), "no_permit"),
        ("/groups", "corp", json!({ "groups": ["Support", "support "] }), "no_permit"),
        ("/users", "corp", json!({}), "permit"),
        ("/users", "corp", json!({ "kind": "workload" }), "no_permit"),
        ("/users", "partner", json!({}), "no_permit"),
        ("/users", "partner", json!({ "sub": "corp/alice" }), "no_permit"),
        ("/users", "corp", json!({ "sub": "Alice" }), "no_permit"),
        ("/workloads", "corp", ci.clone(), "permit"),
        ("/workloads", "corp", json!({ "sub": "spiffe://corp/ci" }), "no_permit"),
        ("/workloads", "partner", ci, "no_permit"),
    ];
    for (path, issuer, changes, expected) in table {
        let outcome = get(path).by(&token(issuer, changes.clone())).outcome(&gate);
        assert_eq!(outcome, expected, "{path} {issuer} {changes}");
    }
}

#[test]
fn invariant_5_a_bare_name_is_legal_only_where_one_issuer_is_accepted() {
    let allow = vec![in_groups(&["support"])];
    let one = build(&spec(vec![RouteSpec { allow: allow.clone(), ..route("a", "/a") }]));
    let support = json!({ "groups": ["support"] });
    assert_eq!(get("/a").by(&token("corp", support)).outcome(&one), "permit");
    let two = spec(vec![RouteSpec { allow, ..both("a", "/a") }]);
    assert_eq!(
        problems(&two),
        [
            "routes[0].allow[0].groups[0]: `support` does not say whose it is, and more than one issuer is accepted here"
        ]
    );
    let unknown =
        spec(vec![RouteSpec { allow: vec![in_groups(&["acme/support"])], ..route("a", "/a") }]);
    assert_eq!(problems(&unknown), ["routes[0].allow[0].groups[0]: there is no issuer `acme`"]);
    let other =
        spec(vec![RouteSpec { allow: vec![in_groups(&["partner/x"])], ..route("a", "/a") }]);
    assert_eq!(
        problems(&other),
        [
            "routes[0].allow[0].groups[0]: the issuer `partner` is not accepted here, so this can never hold"
        ]
    );
}

#[test]
fn invariant_5_no_two_pairs_of_issuer_and_name_are_one() {
    for name in ["corp/eu", "Corp", "", "corp eu", "-corp", "corp\"", "корп"] {
        let mut spec = spec(vec![]);
        spec.issuers.push(issuer(options(name)));
        let problems = problems(&spec);
        assert_eq!(problems, [format!("issuers.{name}: `{name}` is not a name for an issuer")]);
    }
    let mut doubled = spec(vec![]);
    let mut second = options("corp");
    second.issuer = "https://other.example.com".to_owned();
    doubled.issuers.push(issuer(second));
    assert_eq!(problems(&doubled), ["issuers.corp: there are two issuers named `corp`"]);
    let mut pinned_twice = spec(vec![]);
    let mut second = options("again");
    second.issuer = "https://corp.example.com".to_owned();
    pinned_twice.issuers.push(issuer(second));
    assert_eq!(
        problems(&pinned_twice),
        [
            "issuers.again.issuer: `https://corp.example.com` is pinned twice, as `corp` and as `again`"
        ]
    );
}

#[test]
fn invariant_5_each_service_has_an_audience_of_its_own() {
    let billing = RouteSpec { service: "billing".to_owned(), ..open_route("billing", "/billing") };
    let gate = build(&spec(vec![open_route("orders", "/orders"), billing]));
    let table = [
        (json!({ "aud": "orders" }), "permit", "wrong_audience"),
        (json!({ "aud": ["orders"] }), "permit", "wrong_audience"),
        (json!({ "aud": "billing" }), "wrong_audience", "permit"),
        (json!({ "aud": ["orders", "billing"] }), "permit", "permit"),
        (json!({ "aud": "Orders" }), "wrong_audience", "wrong_audience"),
        (json!({ "aud": "orders billing" }), "wrong_audience", "wrong_audience"),
        (json!({ "aud": "*" }), "wrong_audience", "wrong_audience"),
    ];
    for (changes, orders, billing) in table {
        let token = token("corp", changes.clone());
        assert_eq!(get("/orders").by(&token).outcome(&gate), orders, "{changes}");
        assert_eq!(get("/billing").by(&token).outcome(&gate), billing, "{changes}");
    }
    let mut shared = spec(vec![]);
    shared.services[1].audience = "orders".to_owned();
    assert_eq!(
        problems(&shared),
        [
            "services.billing.audience: the services `billing` and `orders` share the audience `orders`"
        ]
    );
    shared.services[1].audience = String::new();
    assert_eq!(
        problems(&shared),
        ["services.billing.audience: the service `billing` has no audience"]
    );
}

#[test]
fn an_identity_that_no_header_can_carry_is_an_error() {
    let mut unnamed = spec(vec![]);
    unnamed.services[1].identity.token_header = Some("Signed Identity".to_owned());
    unnamed.services[1].identity.headers = vec![("X:User".to_owned(), IdentityField::Subject)];
    assert_eq!(
        problems(&unnamed),
        [
            "services.billing.identity.token: `Signed Identity` cannot be the name of a header",
            "services.billing.identity.headers.X:User: `X:User` cannot be the name of a header",
        ]
    );
}

#[test]
fn invariant_5_names_with_odd_characters_mean_themselves_alone() {
    let odd = [
        "a\"b",
        "a\\",
        "a\\\"b",
        "a\nb",
        "a\tb",
        "a'b",
        "a\u{301}",
        "\u{202e}ab",
        "a*",
        "a b",
        "é",
        "\") || true || (\"",
        "a\u{0}b",
        "{}",
        "\\u{61}",
    ];
    for name in odd {
        let allow = [
            Condition { groups: vec![format!("corp/{name}")], ..Condition::default() },
            Condition { scopes: vec![name.to_owned()], ..Condition::default() },
            Condition {
                claims: vec![gate::spec::ClaimTest {
                    claim: "email".to_owned(),
                    any_of: vec![gate::spec::MatchValue::String(name.to_owned())],
                }],
                ..Condition::default()
            },
        ];
        for (position, condition) in allow.into_iter().enumerate() {
            let named = RouteSpec { allow: vec![condition], ..route(name, "/a") };
            let gate = build(&spec(vec![named]));
            let outcome = |value: &str| {
                let changes = match position {
                    0 => json!({ "groups": [value] }),
                    1 => json!({ "scope": value }),
                    _ => json!({ "email": value }),
                };
                get("/a").by(&token("corp", changes)).outcome(&gate)
            };
            // A scope holds no spaces, quotes or control characters, so some of these can never be told.
            let tellable = position != 1
                || name.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
            if tellable && !(position == 0 && name.contains(char::is_control)) {
                assert_eq!(outcome(name), "permit", "{position} {name:?}");
            }
            assert_eq!(outcome("other"), "no_permit", "{position} {name:?}");
        }
    }
}

#[test]
fn invariant_5_a_claim_may_be_called_anything() {
    let names =
        ["if", "in", "has", "principal", "true", "__cedar", "a b", "a\"b", "a\\", "é", "1", ""];
    for name in names {
        let mut options = options("corp");
        options.claims[0].name = name.into();
        let condition = Condition {
            claims: vec![gate::spec::ClaimTest {
                claim: name.to_owned(),
                any_of: vec![gate::spec::MatchValue::Bool(true)],
            }],
            ..Condition::default()
        };
        let mut spec = spec(vec![RouteSpec { deny: vec![condition], ..open_route("a", "/a") }]);
        spec.issuers = vec![issuer(options)];
        // With a policy file, the generated schema is read too.
        spec.policies = vec![gate::spec::PolicyFile {
            name: "p".to_owned(),
            text: "forbid(principal, action, resource) when { context.path == \"/x\" };".to_owned(),
        }];
        let gate = build(&spec);
        let outcome = |suspended: bool| {
            get("/a").by(&token("corp", json!({ "suspended": suspended }))).outcome(&gate)
        };
        assert_eq!((outcome(false), outcome(true)), ("permit", "forbidden"), "{name}");
    }
}

#[test]
fn invariant_7_a_token_of_an_unlisted_or_unaccepted_issuer_is_refused() {
    let gate = build(&spec(vec![open_route("a", "/a")]));
    let public = build(&spec(vec![RouteSpec { allow: vec![anyone()], ..route("a", "/a") }]));
    let table = [
        (token("acme", json!({})), "issuer_not_accepted"),
        (token("partner", json!({})), "issuer_not_accepted"),
        (token("corp", json!({ "iss": "https://corp.example.com/" })), "issuer_not_accepted"),
        (token("corp", json!({ "iss": "https://CORP.example.com" })), "issuer_not_accepted"),
        (token("corp", json!({ "iss": "corp" })), "issuer_not_accepted"),
        (token_signed_by("partner", "corp", json!({})), "unknown_key"),
        (token_signed_by("acme", "corp", json!({})), "unknown_key"),
    ];
    for (token, expected) in table {
        assert_eq!(get("/a").by(&token).outcome(&gate), expected);
        assert_eq!(get("/a").by(&token).outcome(&public), expected, "on a public route");
    }
}

#[test]
fn invariant_7_keys_are_asked_for_only_of_the_issuer_that_is_pinned() {
    struct Listening(std::sync::Mutex<Vec<String>>);
    impl gate::Keys for Listening {
        fn keys_of(&self, issuer: &str) -> gate::IssuerKeys {
            self.0.lock().unwrap().push(issuer.to_owned());
            gate::IssuerKeys::Unavailable
        }
    }
    let gate = build(&spec(vec![RouteSpec { accept: texts(&["corp"]), ..open_route("a", "/a") }]));
    for (issuer, asked) in [("acme", &[][..]), ("partner", &[]), ("corp", &["corp"])] {
        let keys = Listening(Default::default());
        let around = Surroundings { now: after(0), keys: &keys, cache: None, sessions: None };
        let verdict = get("/a").by(&token(issuer, json!({}))).admit(&gate, around);
        assert!(matches!(verdict, Verdict::Denial(_)));
        assert_eq!(*keys.0.lock().unwrap(), asked, "{issuer}");
    }
}

#[test]
fn a_bad_credential_is_refused_on_public_routes_too() {
    let public = RouteSpec { allow: vec![anyone()], ..route("a", "/a") };
    let gate = build(&spec(vec![public]));
    let outcome = |value: &str| get("/a").with("authorization", value).outcome(&gate);
    assert_eq!(get("/a").outcome(&gate), "permit");
    assert_eq!(get("/a").by(&token("corp", json!({}))).outcome(&gate), "permit");
    assert_eq!(outcome("Basic YTpi"), "permit");
    for bad in ["Bearer", "Bearer ", "Bearer x", "bearer\tx", "Bearer a.b.c", "BEARER  x y"] {
        assert_ne!(outcome(bad), "permit", "{bad}");
    }
    let expired = token("corp", json!({ "exp": NOW - 300, "iat": NOW - 600 }));
    assert_eq!(get("/a").by(&expired).outcome(&gate), "expired");
    let bound = token("corp", json!({ "cnf": { "jkt": key("corp").thumbprint().to_string() } }));
    assert_eq!(get("/a").by(&bound).outcome(&gate), "sender_constrained");
}

#[test]
fn an_anonymous_caller_is_told_to_sign_in_or_that_it_is_not_allowed() {
    let blocked = Condition { networks: texts(&["127.0.0.0/8"]), ..Condition::default() };
    let public = RouteSpec { allow: vec![anyone()], deny: vec![blocked], ..route("a", "/a") };
    let partly = RouteSpec {
        allow: vec![Condition { networks: texts(&["192.0.2.0/24"]), ..anyone() }],
        ..route("b", "/b")
    };
    let gate = build(&GateSpec { ..spec(vec![public, partly]) });
    let Verdict::Denial(denial) = get("/a").judged(&gate) else { panic!("permitted") };
    let answer = denial.answer();
    assert_eq!((answer.status.as_u16(), &*answer.detail), (403, "this is not allowed"));
    let Verdict::Denial(denial) = get("/b").judged(&gate) else { panic!("permitted") };
    assert_eq!(denial.answer().status.as_u16(), 401);
}
