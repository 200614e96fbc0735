use super::*;

#[test]
fn plain_http_is_configured_for_loopback_only_or_with_the_danger_named() {
    for url in [
        "http://127.0.0.1:8080/",
        "http://127.8.8.8/",
        "http://[::1]/",
        "http://localhost/",
        "http://idp.localhost/",
    ] {
        assert!(Destination::configured(url).is_ok(), "{url}");
    }
    for url in [
        "http://idp.example.com/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://localhost.example/",
    ] {
        assert_eq!(Destination::configured(url), Err(UrlError::PlainHttp), "{url}");
        assert!(Destination::danger_plain_http(url).is_ok(), "{url}");
    }
}

#[test]
fn plain_http_is_learned_for_the_configured_origin_only() {
    let from = Destination::danger_plain_http("http://idp.example.com/issuer").unwrap();
    assert!(Destination::learned("http://idp.example.com/keys", &from).is_ok());
    assert!(Destination::learned("https://keys.example.com/", &from).is_ok());
    for url in ["http://keys.example.com/", "http://idp.example.com:8080/", "http://127.0.0.1/"] {
        assert_eq!(Destination::learned(url, &from), Err(UrlError::PlainHttp), "{url}");
    }
}

#[test]
fn inside_addresses_are_for_the_configured_origin_only() {
    let from = Destination::configured("https://idp.example.com/issuer").unwrap();
    let learned = |url| Destination::learned(url, &from).unwrap();
    let inside: IpAddr = "10.0.0.1".parse().unwrap();
    let outside: IpAddr = "8.8.8.8".parse().unwrap();
    let cases = [
        (from.clone(), true),
        (learned("https://idp.example.com/keys"), true),
        (learned("https://IDP.example.com:443/keys"), true),
        (learned("https://idp.example.com:8443/keys"), false),
        (learned("https://keys.example.com/"), false),
        // What a learned place names is learned from the configured one, however long the chain.
        (
            Destination::learned(
                "https://keys.example.com/b",
                &learned("https://keys.example.com/"),
            )
            .unwrap(),
            false,
        ),
        (
            Destination::learned(
                "https://idp.example.com/b",
                &learned("https://keys.example.com/"),
            )
            .unwrap(),
            true,
        ),
    ];
    for (place, may_be_inside) in cases {
        assert_eq!(place.permit(inside).is_ok(), may_be_inside, "{place}");
        assert!(place.permit(outside).is_ok(), "{place}");
    }
}

#[test]
fn a_query_is_not_shown() {
    let place = Destination::configured("https://idp.example.com/keys?token=secret").unwrap();
    assert_eq!(place.to_string(), "https://idp.example.com/keys");
}
