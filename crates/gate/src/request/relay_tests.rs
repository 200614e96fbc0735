use http::HeaderMap;
use http::header::HeaderName;
use http::{HeaderValue, Method};

use super::super::{CanonicalRequest, Reading, Scheme};
use super::*;

/// What is refused of a request with this target and these header lines that another forwards, and of the same that we do.
fn refused(
    target: &str,
    lines: &[(&str, &str)],
    joined_headers: bool,
) -> [Option<RequestRefusal>; 2] {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers.entry(HOST).or_insert(HeaderValue::from_static("orders.test"));
    [Some(Relay { joined_headers, ..Relay::default() }), None].map(|relay| {
        let raw = RawRequest {
            method: &Method::GET,
            target_authority: None,
            target_scheme: None,
            path,
            query,
            headers: &headers,
            peer: [127, 0, 0, 1].into(),
            scheme: Scheme::Https,
            certificate: None,
            door: "test",
            relay,
        };
        CanonicalRequest::read(&raw, &Reading::default()).err()
    })
}

#[test]
fn what_would_have_to_be_changed_is_refused() {
    let changed = [Some(RequestRefusal::NotCanonical), None];
    let as_it_is = [None, None];
    let table: [(&str, &[(&str, &str)], _); 27] = [
        ("/orders/7?a=%7e&b=%2F", &[], as_it_is),
        ("/orders/%C3%A9", &[], as_it_is),
        ("/orders/%c3%a9", &[], changed),
        ("/orders/%37", &[], changed),
        ("/orders/~7", &[], as_it_is),
        ("/orders/%7E7", &[], changed),
        ("/", &[("host", "Orders.test")], changed),
        ("/", &[("host", "orders.test.")], changed),
        ("/", &[("host", "orders.test:443")], changed),
        ("/", &[("host", "orders.test:8443")], as_it_is),
        ("/", &[("connection", "keep-alive, te"), ("te", "trailers")], as_it_is),
        ("/", &[("connection", "x-team")], as_it_is),
        ("/", &[("connection", "x-team"), ("x-team", "a")], changed),
        ("/", &[("connection", "x-team"), ("X_Team", "a")], changed),
        ("/", &[("x-original-url", "/admin")], changed),
        ("/", &[("x-forwarded-access-token", "a")], changed),
        ("/", &[("x-forwarded-roles", "admin")], changed),
        ("/", &[("forwarded-user", "root")], changed),
        ("/", &[("proxy-authorization", "Basic a")], changed),
        ("/", &[("x-envoy-original-path", "/admin")], changed),
        ("/", &[("x-real-ip", "10.0.0.1")], as_it_is),
        ("/", &[("X_HTTP_Method_Override", "PUT")], changed),
        ("/", &[("ssl-client-cert", "a")], changed),
        ("/", &[("x-forwarded-client-cert", "a")], changed),
        ("/", &[("X_Forwarded_For", "192.0.2.1")], changed),
        ("/", &[("x.real.ip", "192.0.2.1")], changed),
        ("/", &[("x-forwarded-for", "192.0.2.1"), ("x-real-ip", "192.0.2.1")], as_it_is),
    ];
    for (target, lines, expected) in table {
        assert_eq!(refused(target, lines, false), expected, "{target} {lines:?}");
    }
}

#[test]
fn what_a_proxy_takes_out_when_told_to_need_not_be_refused() {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("orders.test"));
    headers.insert("x-original-url", HeaderValue::from_static("/admin"));
    for removes_headers in [true, false] {
        let raw = RawRequest {
            method: &Method::GET,
            target_authority: None,
            target_scheme: None,
            path: "/",
            query: None,
            headers: &headers,
            peer: [127, 0, 0, 1].into(),
            scheme: Scheme::Https,
            certificate: None,
            door: "test",
            relay: Some(Relay { removes_headers, ..Relay::default() }),
        };
        let read = CanonicalRequest::read(&raw, &Reading::default());
        assert_eq!(read.is_ok(), removes_headers);
    }
}

#[test]
fn only_a_websocket_is_upgraded_to() {
    for (upgrade, refusal) in [
        ("websocket", None),
        ("WebSocket", None),
        ("h2c", Some(RequestRefusal::Upgrade)),
        ("websocket, h2c", Some(RequestRefusal::Upgrade)),
        ("", Some(RequestRefusal::Upgrade)),
    ] {
        let lines = [("connection", "upgrade"), ("upgrade", upgrade)];
        assert_eq!(refused("/", &lines, false), [refusal, None], "{upgrade}");
    }
    let two = [("upgrade", "websocket"), ("upgrade", "h2c")];
    assert_eq!(refused("/", &two, false), [Some(RequestRefusal::Upgrade), None]);
}

#[test]
fn credentials_that_were_joined_are_more_than_one() {
    let doubled = Some(RequestRefusal::DoubledAuthorization);
    for (authorization, expected) in [
        ("Bearer a.b.c", None),
        ("Bearer a.b.c,Bearer d.e.f", doubled),
        ("bearer a.b.c, Basic eDp5", doubled),
        ("Digest username=\"a\", realm=\"b\"", None),
    ] {
        for joined in [true, false] {
            let found = refused("/", &[("authorization", authorization)], joined);
            assert_eq!(found, [expected, None], "{authorization} {joined}");
        }
    }
}
