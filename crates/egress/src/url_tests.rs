use super::*;

#[test]
fn a_url_is_read_into_its_parts() {
    let cases = [
        ("https://idp.example.com", "https://idp.example.com/", 443),
        ("https://IDP.Example.com:443/a/b", "https://idp.example.com/a/b", 443),
        ("https://idp.example.com:8443?x=1", "https://idp.example.com:8443/", 8443),
        ("http://127.0.0.1/keys?x=1", "http://127.0.0.1/keys", 80),
        ("https://[2001:db8::1]:9/", "https://[2001:db8::1]:9/", 9),
        ("https://[::1]", "https://[::1]/", 443),
        ("https://a_b.svc/", "https://a_b.svc/", 443),
        ("https://x:1/a@b:c", "https://x:1/a@b:c", 1),
    ];
    for (text, shown, port) in cases {
        let url = Url::parse(text).unwrap();
        assert_eq!(url.to_string(), shown, "{text}");
        assert_eq!(url.origin.port, port, "{text}");
    }
    assert_eq!(Url::parse("https://x?a=%2F&b").unwrap().target.as_str(), "/?a=%2F&b");
}

#[test]
fn what_two_parsers_could_read_in_two_ways_is_refused() {
    let cases = [
        ("idp.example.com/keys", UrlError::Scheme),
        ("ftp://idp.example.com/", UrlError::Scheme),
        ("HTTPS://idp.example.com/", UrlError::Scheme),
        ("//idp.example.com/", UrlError::Scheme),
        ("", UrlError::Scheme),
        ("https://user@idp.example.com/", UrlError::Userinfo),
        ("https://user:pass@idp.example.com/", UrlError::Userinfo),
        ("https://127.0.0.1:80@idp.example.com/", UrlError::Userinfo),
        ("https://idp.example.com/#top", UrlError::Fragment),
        ("https://idp.example.com#@evil.example/", UrlError::Fragment),
        ("https://idp.example.com\\@evil.example/", UrlError::Character),
        ("https://idp.example.com/a b", UrlError::Character),
        (" https://idp.example.com/", UrlError::Character),
        ("https://idp.example.com/\r\nx: y", UrlError::Character),
        ("https://bücher.example/", UrlError::Character),
        ("https:///keys", UrlError::Host),
        ("https://:443/", UrlError::Host),
        ("https://idp..example.com/", UrlError::Host),
        ("https://idp.example.com./", UrlError::Host),
        ("https://-idp.example.com/", UrlError::Host),
        ("https://idp%2eexample.com/", UrlError::Host),
        ("https://idp;x/", UrlError::Host),
        ("https://2130706433/", UrlError::Host),
        ("https://127.1/", UrlError::Host),
        ("https://0x7f000001/", UrlError::Host),
        ("https://0177.0.0.1/", UrlError::Host),
        ("https://127.0.0.1.1/", UrlError::Host),
        ("https://[::1/", UrlError::Host),
        ("https://[::1]x/", UrlError::Host),
        ("https://[fe80::1%25eth0]/", UrlError::Host),
        ("https://[127.0.0.1]/", UrlError::Host),
        ("https://::1/", UrlError::Host),
        ("https://idp.example.com:/", UrlError::Port),
        ("https://idp.example.com:0/", UrlError::Port),
        ("https://idp.example.com:65536/", UrlError::Port),
        ("https://idp.example.com:+1/", UrlError::Port),
        ("https://idp.example.com:1:2/", UrlError::Port),
    ];
    for (text, expected) in cases {
        assert_eq!(Url::parse(text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn lengths_are_accepted_up_to_their_limits() {
    let url = |bytes: usize| format!("https://x/{}", "a".repeat(bytes - "https://x/".len()));
    assert!(Url::parse(&url(MAX_URL_BYTES)).is_ok());
    assert_eq!(Url::parse(&url(MAX_URL_BYTES + 1)), Err(UrlError::TooLong { limit: 2048 }));
    let label = |bytes: usize| format!("https://{}/", "a".repeat(bytes));
    assert!(Url::parse(&label(MAX_LABEL_BYTES)).is_ok());
    assert_eq!(Url::parse(&label(MAX_LABEL_BYTES + 1)), Err(UrlError::Host));
    let name = |bytes: usize| {
        let labels = "a.".repeat((MAX_NAME_BYTES - 1) / 2);
        format!("https://{labels}{}/", "b".repeat(bytes - labels.len()))
    };
    assert!(Url::parse(&name(MAX_NAME_BYTES)).is_ok());
    assert_eq!(Url::parse(&name(MAX_NAME_BYTES + 1)), Err(UrlError::Host));
}

#[test]
fn each_error_says_what_was_expected() {
    let cases = [
        (
            UrlError::Character,
            "expected a URL of printable ASCII characters, without `\\`, `\"`, `<`, `>`, `^`, `{`, `|`, `}` and backtick",
        ),
        (UrlError::Fragment, "expected a URL without a fragment (`#`)"),
        (
            UrlError::Host,
            "expected a host: a name of ASCII labels, an IPv4 address, or an IPv6 address in brackets",
        ),
        (
            UrlError::PlainHttp,
            "expected https: plain http is accepted only to a loopback address that is configured, or with `danger_plain_http`",
        ),
        (UrlError::Port, "expected a port from 1 to 65535"),
        (UrlError::Scheme, "expected an absolute URL that begins with `https://`"),
        (UrlError::TooLong { limit: 2048 }, "expected a URL of at most 2048 bytes"),
        (UrlError::Userinfo, "expected a URL without userinfo (`user:password@`)"),
    ];
    for (error, text) in cases {
        assert_eq!(error.to_string(), text);
    }
}
