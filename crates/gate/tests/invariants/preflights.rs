//! Preflights: answered by the route's `cors` alone. Invariant 1: they make no permit. Invariant 10: at every door alike.

use std::time::Duration;

use gate::spec::{Condition, CorsSpec, Defaults, GateSpec, RouteSpec};
use gate::{Answer, Gate, Verdict};
use http::{HeaderMap, Method};
use serde_json::json;

use super::support::*;

const APP: &str = "https://app.example.com";

fn cors() -> CorsSpec {
    CorsSpec {
        origins: texts(&[APP, "http://localhost:3000"]),
        headers: texts(&["Authorization", "Content-Type"]),
        expose: texts(&["ETag"]),
        max_age: Some(Duration::from_secs(600)),
        ..CorsSpec::default()
    }
}

fn at(name: &str, path: &str, methods: &[&str], cors: Option<CorsSpec>) -> RouteSpec {
    let mut route = RouteSpec { cors, ..open_route(name, path) };
    route.matches.methods = texts(methods);
    route
}

/// A gate with a route that answers preflights, and one that does not.
fn usual() -> Gate {
    build(&spec(vec![
        at("a", "/a", &["GET", "PUT"], Some(cors())),
        at("plain", "/plain", &["GET", "OPTIONS"], None),
    ]))
}

fn asking(path: &str, origin: &str, method: &str) -> Ask {
    get(path).method("OPTIONS").with("origin", origin).with("access-control-request-method", method)
}

fn written(answer: &Answer) -> Vec<String> {
    let mut headers = HeaderMap::new();
    if let Some(sharing) = &answer.sharing {
        sharing.write(&mut headers);
    }
    let mut lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines
}

fn told_to(gate: &Gate, ask: &Ask) -> (u16, Vec<String>) {
    let answer = match ask.judged(gate) {
        Verdict::Preflight(preflight) => preflight.answer(),
        Verdict::Denial(denial) => denial.answer(),
        Verdict::Permit(permit) => panic!("{permit:?}"),
    };
    (answer.status.as_u16(), written(&answer))
}

#[test]
fn a_preflight_is_answered_without_a_credential() {
    let ask = asking("/a", APP, "PUT")
        .with("access-control-request-headers", "authorization,content-type");
    let expected = [
        "access-control-allow-headers: authorization, content-type",
        "access-control-allow-methods: PUT",
        "access-control-allow-origin: https://app.example.com",
        "access-control-max-age: 600",
        "vary: Origin",
    ];
    assert_eq!(told_to(&usual(), &ask), (204, texts(&expected)));
    let credentials = CorsSpec { credentials: true, max_age: None, ..cors() };
    let gate = build(&spec(vec![at("a", "/a", &["GET"], Some(credentials))]));
    let (_, lines) = told_to(&gate, &asking("/a", APP, "GET"));
    assert!(lines.contains(&"access-control-allow-credentials: true".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("max-age")), "{lines:?}");
}

#[test]
fn what_cors_does_not_allow_gets_no_leave_and_a_code_of_its_own() {
    let narrow = CorsSpec { methods: Some(texts(&["PUT"])), ..cors() };
    let gate = build(&spec(vec![
        at("a", "/a", &["GET", "PUT"], Some(narrow)),
        at("plain", "/plain", &["GET"], None),
    ]));
    let with = |ask: Ask, names: &str| ask.with("access-control-request-headers", names);
    for (ask, code, status) in [
        (asking("/a", "https://evil.example", "PUT"), "preflight_origin", 403),
        (asking("/a", "null", "PUT"), "preflight_origin", 403),
        (asking("/a", "*", "PUT"), "preflight_origin", 403),
        (asking("/a", "", "PUT"), "preflight_origin", 403),
        (asking("/a", "https://app.example.com.evil.com", "PUT"), "preflight_origin", 403),
        (asking("/a", "https://evilapp.example.com", "PUT"), "preflight_origin", 403),
        (asking("/a", "https://app.example.com:443", "PUT"), "preflight_origin", 403),
        (asking("/a", "https://app.example.com:8443", "PUT"), "preflight_origin", 403),
        (asking("/a", "https://app.example.com/", "PUT"), "preflight_origin", 403),
        (asking("/a", "http://app.example.com", "PUT"), "preflight_origin", 403),
        (asking("/a", "HTTPS://APP.EXAMPLE.COM", "PUT"), "preflight_origin", 403),
        (asking("/a", APP, "GET"), "preflight_method", 403),
        (with(asking("/a", APP, "PUT"), "authorization, x-other"), "preflight_header", 403),
        (with(asking("/a", APP, "PUT"), "*"), "preflight_header", 403),
        (with(asking("/a", APP, "PUT"), "a b"), "preflight_header", 403),
        // What no route answers is what it is without `cors`.
        (asking("/a", APP, "DELETE"), "method_not_allowed", 405),
        (asking("/a", APP, "put"), "method_not_allowed", 405),
        (asking("/a", APP, "not a method"), "method_not_allowed", 405),
        (asking("/plain", APP, "GET"), "method_not_allowed", 405),
        (asking("/nowhere", APP, "GET"), "no_route", 404),
        (asking("/.doorward/jwks.json", APP, "GET"), "no_route", 404),
        (asking("/a", APP, "PUT").with("origin", APP), "method_not_allowed", 405),
        (asking("/a", APP, "PUT").with("doorward-identity", "x"), "identity_header", 400),
        (asking("/a/../a", APP, "PUT"), "dot_segment", 400),
    ] {
        assert_eq!(ask.outcome(&gate), code, "{ask:?}");
        assert_eq!(told_to(&gate, &ask), (status, Vec::new()), "{ask:?}");
    }
}

#[test]
fn options_is_a_method_like_others_where_there_is_no_cors() {
    let gate = usual();
    let ask = asking("/plain", APP, "GET");
    assert_eq!(ask.outcome(&gate), "no_credential");
    let Verdict::Permit(permit) = ask.by(&token("corp", json!({}))).judged(&gate) else {
        panic!("denied")
    };
    assert_eq!(permit.request().method(), Method::OPTIONS);
    assert!(permit.target().sharing(permit.request()).is_none());
    // What is no preflight is none, wherever it goes.
    let bare = get("/a").method("OPTIONS");
    assert_eq!(bare.outcome(&gate), "method_not_allowed");
    assert_eq!(bare.with("origin", APP).outcome(&gate), "method_not_allowed");
}

#[test]
fn invariant_1_a_preflight_makes_no_permit_whoever_asks_and_whatever_the_rules_say() {
    let everything = at("a", "/a", &["GET", "OPTIONS"], Some(cors()));
    let everyone = Condition { networks: texts(&["0.0.0.0/0"]), ..Condition::default() };
    for deny in [Vec::new(), vec![everyone]] {
        let route = RouteSpec { allow: vec![anyone()], ..everything.clone() };
        let defaults = Defaults { deny, ..Defaults::default() };
        let gate = build(&GateSpec { defaults, ..spec(vec![route]) });
        for ask in [asking("/a", APP, "GET"), asking("/a", APP, "GET").by("not.a.token")] {
            assert_eq!(ask.outcome(&gate), "preflight");
        }
        assert_eq!(asking("/a", "https://evil.example", "GET").outcome(&gate), "preflight_origin");
    }
}

#[test]
fn invariant_9_a_disabled_route_answers_no_preflight() {
    let disabled = RouteSpec { disabled: true, ..at("a", "/a/b", &["GET"], Some(cors())) };
    let broad = at("broad", "/**", &["GET", "OPTIONS"], Some(cors()));
    let gate = build(&spec(vec![disabled, broad]));
    assert_eq!(asking("/a/b", APP, "GET").outcome(&gate), "no_route");
    assert_eq!(asking("/a/c", APP, "GET").outcome(&gate), "preflight");
}

#[test]
fn a_preflight_is_the_affair_of_the_route_that_takes_what_it_asks_about() {
    let read = at("read", "/a", &["GET"], Some(cors()));
    let other = CorsSpec { origins: texts(&["https://other.example"]), ..cors() };
    let write = at("write", "/a", &["PUT"], Some(other));
    let gate = build(&spec(vec![read, write]));
    assert_eq!(asking("/a", APP, "GET").outcome(&gate), "preflight");
    assert_eq!(asking("/a", APP, "PUT").outcome(&gate), "preflight_origin");
    assert_eq!(asking("/a", "https://other.example", "PUT").outcome(&gate), "preflight");
}

#[test]
fn invariant_10_a_preflight_is_answered_alike_at_every_door() {
    let gate = usual();
    for ask in [asking("/a", APP, "GET"), asking("/a", "null", "GET")] {
        let verdicts = ["proxy", "ext_authz", "forward_auth"]
            .map(|door| told(&Ask { door, ..ask.clone() }.judged(&gate)));
        assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{verdicts:?}");
    }
}

#[test]
fn a_denial_can_be_read_by_the_pages_that_may_call() {
    let gate = usual();
    let shared = ["access-control-allow-origin: https://app.example.com", "vary: Origin"];
    let exposed = ["access-control-expose-headers: etag"];
    let all: Vec<_> = shared[..1].iter().chain(&exposed).chain(&shared[1..]).copied().collect();
    assert_eq!(told_to(&gate, &get("/a").with("origin", APP)), (401, texts(&all)));
    let foreign = get("/a").with("origin", "https://evil.example");
    assert_eq!(told_to(&gate, &foreign), (401, texts(&["vary: Origin"])));
    assert_eq!(told_to(&gate, &get("/a")), (401, texts(&["vary: Origin"])));
    assert_eq!(told_to(&gate, &get("/plain").with("origin", APP)), (401, Vec::new()));
}

#[test]
fn any_origin_is_told_the_same() {
    let any = CorsSpec { origins: texts(&["*"]), expose: Vec::new(), ..cors() };
    let gate = build(&spec(vec![at("a", "/a", &["GET"], Some(any))]));
    for origin in [APP, "null"] {
        let ask = get("/a").with("origin", origin);
        assert_eq!(told_to(&gate, &ask), (401, texts(&["access-control-allow-origin: *"])));
    }
}

#[test]
fn what_a_service_says_about_sharing_is_replaced() {
    let gate = usual();
    let ask = get("/a").with("origin", "https://evil.example").by(&token("corp", json!({})));
    let Verdict::Permit(permit) = ask.judged(&gate) else { panic!("denied") };
    let sharing = permit.target().sharing(permit.request()).unwrap();
    for (vary, expected) in [("accept", 2), ("accept, ORIGIN", 1), ("*", 1)] {
        let theirs = [
            ("access-control-allow-origin", "https://evil.example"),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-private-network", "true"),
            ("vary", vary),
            ("etag", "1"),
        ];
        let mut headers: HeaderMap = theirs
            .iter()
            .map(|(name, value)| {
                (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
            })
            .collect();
        sharing.write(&mut headers);
        let mut names: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["etag", "vary"]);
        assert_eq!(headers.get_all("vary").iter().count(), expected, "{vary}");
    }
}

#[test]
fn an_origin_is_exact_or_the_gate_is_not_built() {
    let table = [
        (&[][..], "routes[0].cors.origins: `cors` names no origin, so it allows nothing"),
        (
            &["null"],
            "routes[0].cors.origins[0]: `null` is the origin of every sandboxed page, whoever made it",
        ),
        (
            &["https://*.example.com"],
            "routes[0].cors.origins[0]: `https://*.example.com` is not an origin",
        ),
        (&["app.example.com"], "routes[0].cors.origins[0]: `app.example.com` is not an origin"),
        (
            &["https://app.example.com/a"],
            "routes[0].cors.origins[0]: `https://app.example.com/a` is not an origin",
        ),
        (
            &["https://App.example.com:443/"],
            "routes[0].cors.origins[0]: `https://App.example.com:443/` is not an origin as browsers write it",
        ),
        (
            &[APP, "*"],
            "routes[0].cors.origins[1]: `*` stands for any origin, and there are others beside it",
        ),
    ];
    for (origins, expected) in table {
        let cors = CorsSpec { origins: texts(origins), ..cors() };
        assert_eq!(problems(&spec(vec![at("a", "/a", &["GET"], Some(cors))])), [expected]);
    }
    let open = CorsSpec { origins: texts(&["*"]), credentials: true, ..cors() };
    assert_eq!(
        problems(&spec(vec![at("a", "/a", &["GET"], Some(open))])),
        [
            "routes[0].cors.origins[0]: `*` beside `credentials: true`: any page could act as the person in front of it"
        ]
    );
    let odd = CorsSpec {
        methods: Some(texts(&["GET", "PUT"])),
        headers: texts(&["*"]),
        expose: texts(&["a b"]),
        ..cors()
    };
    assert_eq!(
        problems(&spec(vec![at("a", "/a", &["GET"], Some(odd))])),
        [
            "routes[0].cors.methods[1]: the route does not take `PUT`",
            "routes[0].cors.headers[0]: `*` is not the name of a header",
            "routes[0].cors.expose[0]: `a b` is not the name of a header",
        ]
    );
}
