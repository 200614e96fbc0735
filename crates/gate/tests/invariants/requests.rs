//! Invariant 2: what is judged is what is forwarded. Invariant 8: identity headers are ours.

use gate::Verdict;
use gate::spec::{
    EmptySegments, EncodedSlash, GateSpec, IdentityField, IdentityForward, RouteSpec,
    SegmentParameters,
};
use serde_json::json;

use super::support::*;

#[test]
fn invariant_2_an_ambiguous_path_is_refused_before_any_rule_is_asked() {
    let gate = build(&spec(vec![
        RouteSpec { allow: vec![anyone()], ..route("public", "/public/**") },
        route("admin", "/admin/**"),
    ]));
    let table = [
        ("/public/../admin/x", "dot_segment"),
        ("/public/%2e%2e/admin/x", "dot_segment"),
        ("/public/%2E%2E%2Fadmin/x", "dot_segment"),
        ("/public/%252e%252e/admin/x", "dot_segment"),
        ("/public/..;/admin/x", "dot_segment"),
        ("/public/%5c../admin", "backslash"),
        ("/public/a%2fb", "encoded_slash"),
        ("/public/a%2Fb", "encoded_slash"),
        ("/public/a%252fb", "encoded_slash"),
        ("/public//a", "empty_segment"),
        ("//public/a", "empty_segment"),
        ("/public/a;x=1", "segment_parameters"),
        ("/public/a%00", "control_in_path"),
        ("/public/a#b", "fragment"),
        ("/public/a?b#c", "fragment"),
        ("/public/a%3Fb", "permit"),
        ("/public/a%23b", "permit"),
        ("/%70ublic/a", "permit"),
        ("/%61dmin/a", "no_credential"),
        ("/ADMIN/a", "no_route"),
    ];
    for (target, expected) in table {
        assert_eq!(get(target).outcome(&gate), expected, "{target}");
    }
}

#[test]
fn invariant_2_a_route_that_keeps_an_oddity_keeps_it_unread() {
    let gate = build(&spec(vec![
        RouteSpec {
            allow: vec![anyone()],
            encoded_slash: EncodedSlash::Opaque,
            empty_segments: EmptySegments::Keep,
            segment_parameters: SegmentParameters::Keep,
            ..route("odd", "/odd/**")
        },
        route("admin", "/odd/admin/**"),
    ]));
    for target in ["/odd/a%2Fb", "/odd/a%252Fb", "/odd//a", "/odd/a;v=1", "/odd/admin%2Fx"] {
        let Verdict::Permit(permit) = get(target).judged(&gate) else { panic!("{target}") };
        assert_eq!(permit.request().target(), target);
    }
    for target in ["/odd/..%2Fadmin", "/odd/a%2F..%2Fb", "/odd/..;/admin", "/odd/%2e%2e%252fx"] {
        assert_eq!(get(target).outcome(&gate), "dot_segment", "{target}");
    }
}

#[test]
fn invariant_2_every_spelling_of_a_host_is_one_host() {
    let mut own = RouteSpec { allow: vec![anyone()], ..route("own", "/**") };
    own.matches.host = "orders.example.com".to_owned();
    let gate = build(&spec(vec![own, route("other", "/**")]));
    for host in ["ORDERS.example.COM", "orders.example.com.", "orders.example.com:80"] {
        assert_eq!(get("/").on(host).outcome(&gate), "permit", "{host}");
    }
    for (host, outcome) in [
        ("orders.example.com.evil.com", "no_credential"),
        ("evil@orders.example.com", "invalid_host"),
        ("orders.example.com:x", "invalid_host"),
        ("", "missing_host"),
    ] {
        assert_eq!(get("/").on(host).outcome(&gate), outcome, "{host}");
    }
}

#[test]
fn invariant_8_an_identity_header_in_any_spelling_is_refused_on_every_route() {
    let mut spec: GateSpec = spec(vec![RouteSpec { allow: vec![anyone()], ..route("a", "/a") }]);
    spec.services[1].identity = IdentityForward {
        token_header: Some("X-Signed".to_owned()),
        headers: vec![("X-Forwarded-User".to_owned(), IdentityField::Subject)],
        forward_credential: false,
    };
    let gate = build(&spec);
    for name in
        ["doorward-identity", "Doorward_Identity", "x-signed", "X_SIGNED", "x-forwarded_user"]
    {
        assert_eq!(get("/a").with(name, "root").outcome(&gate), "identity_header", "{name}");
        assert_eq!(get("/nowhere").with(name, "root").outcome(&gate), "identity_header");
        let named = get("/a").with("connection", name);
        assert_eq!(named.outcome(&gate), "identity_header", "Connection: {name}");
    }
}

#[test]
fn invariant_8_forwarded_headers_count_only_from_trusted_peers_and_never_go_on() {
    let inside = gate::spec::Condition { networks: texts(&["192.0.2.0/24"]), ..anyone() };
    let gate = build(&spec(vec![RouteSpec { allow: vec![inside], ..route("a", "/a") }]));
    let from = |peer: &str| {
        let mut ask = get("/a").with("x-forwarded-for", "192.0.2.7");
        ask.peer = peer.parse().unwrap();
        ask
    };
    assert_eq!(from("203.0.113.9").outcome(&gate), "no_credential");
    assert_eq!(from("10.0.0.1").outcome(&gate), "permit");
    assert_eq!(from("::ffff:10.0.0.1").outcome(&gate), "permit");
    let spoofed = |name: &str| {
        let mut ask = get("/a").with(name, "192.0.2.7");
        ask.peer = "10.0.0.1".parse().unwrap();
        ask
    };
    for name in ["x_forwarded_for", "x-real-ip", "x-forwarded", "true-client-ip"] {
        assert_eq!(spoofed(name).outcome(&gate), "no_credential", "{name}");
    }
    let standard = |peer: &str, value: &str| {
        let mut ask = get("/a").with("forwarded", value);
        ask.peer = peer.parse().unwrap();
        ask
    };
    assert_eq!(standard("203.0.113.9", "for=192.0.2.7").outcome(&gate), "no_credential");
    assert_eq!(standard("203.0.113.9", "junk").outcome(&gate), "no_credential");
    assert_eq!(standard("10.0.0.1", "for=192.0.2.7").outcome(&gate), "permit");
    assert_eq!(standard("10.0.0.1", "192.0.2.7").outcome(&gate), "forwarded_header");
    let both = standard("10.0.0.1", "for=192.0.2.7").with("x-forwarded-for", "192.0.2.8");
    assert_eq!(both.outcome(&gate), "forwarded_disagrees");
    let Verdict::Permit(permit) = from("10.0.0.1").judged(&gate) else { panic!("denied") };
    let names: Vec<_> = permit.request().headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(names, [""; 0]);
}

#[test]
fn the_credential_does_not_go_on_among_the_headers() {
    let gate = build(&spec(vec![open_route("a", "/a")]));
    let ask = get("/a").by(&token("corp", json!({}))).with("accept", "*/*");
    let Verdict::Permit(permit) = ask.judged(&gate) else { panic!("denied") };
    let names: Vec<_> = permit.request().headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["accept"]);
}
