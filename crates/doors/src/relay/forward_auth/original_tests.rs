use http::Request;

use super::*;

/// A question in these header lines, and what it tells of.
fn told(caller: Caller, lines: &[(&str, &str)]) -> Result<Told, OriginalError> {
    let question = Request::get("/check?route=orders").header(HOST, "doorward:9192");
    let question = lines.iter().fold(question, |head, (name, value)| head.header(*name, *value));
    read(Asking { caller, takes_cookies: false }, question.body(()).unwrap().into_parts().0)
}

const TOLD: [(&str, &str); 5] = [
    ("x-original-method", "PUT"),
    ("x-original-proto", "https"),
    ("x-original-host", "orders.test"),
    ("x-original-uri", "/orders/7?a=%2F&b"),
    ("x-original-for", "192.0.2.7"),
];

#[test]
fn a_request_is_what_the_proxy_says() {
    let original = told(Caller::Nginx, &TOLD).unwrap();
    let raw = original.raw("forward_auth");
    assert_eq!((raw.method.as_str(), raw.path, raw.query), ("PUT", "/orders/7", Some("a=%2F&b")));
    assert_eq!((raw.scheme, raw.peer), (Scheme::Https, [192, 0, 2, 7].into()));
    assert_eq!(raw.headers.get(HOST).unwrap(), "orders.test");
    assert_eq!(raw.headers.len(), 1, "what it says is taken out: {:?}", raw.headers);
    assert_eq!(raw.relay.and_then(|relay| relay.route), Some("orders"));
}

#[test]
fn what_is_not_said_once_is_not_guessed_at() {
    for (index, (name, value)) in TOLD.iter().enumerate() {
        let mut lines = TOLD.to_vec();
        lines.remove(index);
        let name = HeaderName::from_static(name);
        let error = told(Caller::Nginx, &lines).unwrap_err();
        assert_eq!(error, OriginalError::Count(name.clone(), 0));
        lines.extend([(name.as_str(), *value), (name.as_str(), *value)]);
        let error = told(Caller::Nginx, &lines).unwrap_err();
        assert_eq!(error, OriginalError::Count(name.clone(), 2));
    }
    let error = told(Caller::Caddy, &TOLD).unwrap_err();
    let expected = "expected one `x-forwarded-method`, and there are 0";
    assert_eq!(error.to_string(), expected, "what another proxy would say is not listened to");
}

#[test]
fn what_no_request_has_is_refused() {
    for (name, value) in [
        ("x-original-method", "G T"),
        ("x-original-proto", "ftp"),
        ("x-original-for", "unknown"),
        ("x-original-for", "192.0.2.7, "),
    ] {
        let lines = TOLD.map(|(told, said)| (told, if told == name { value } else { said }));
        let error = told(Caller::Nginx, &lines).unwrap_err();
        assert_eq!(error, OriginalError::Part(HeaderName::from_static(name)), "{value}");
    }
}

#[test]
fn the_last_address_is_the_proxys_own_word_and_those_before_are_hearsay() {
    let lines = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "orders.test"),
        ("x-forwarded-uri", "/"),
        ("x-forwarded-for", "6.6.6.6, 10.0.0.2"),
    ];
    let original = told(Caller::Caddy, &lines).unwrap();
    let raw = original.raw("forward_auth");
    assert_eq!(raw.peer, IpAddr::from([10, 0, 0, 2]));
    assert_eq!(raw.headers.get("x-forwarded-for").unwrap(), "6.6.6.6");
    assert!(!raw.headers.contains_key("x-forwarded-uri"));
}

#[test]
fn nothing_that_a_proxy_takes_for_a_yes_is_said_of_a_request_that_does_not_go_on() {
    for (status, nginx, others) in [
        (204, 403, 403),
        (308, 403, 403),
        (400, 403, 400),
        (401, 401, 401),
        (404, 403, 404),
        (429, 403, 429),
        (503, 503, 503),
    ] {
        let status_for =
            |caller: Caller| caller.refusal(StatusCode::from_u16(status).unwrap()).as_u16();
        assert_eq!(status_for(Caller::Nginx), nginx, "{status}");
        for other in [Caller::Caddy, Caller::Haproxy, Caller::Traefik] {
            assert_eq!(status_for(other), others, "{status}");
        }
    }
}
