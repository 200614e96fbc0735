use super::*;

fn read(host: &[&str], target: &str, method: Method) -> Result<CanonicalRequest, RequestRefusal> {
    let uri: http::Uri = target.parse().unwrap();
    let mut headers = HeaderMap::new();
    for host in host {
        headers.append(header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
    }
    let raw = RawRequest {
        target_authority: uri.authority(),
        target_scheme: uri.scheme_str(),
        query: uri.query(),
        ..raw(&method, uri.path(), &headers)
    };
    CanonicalRequest::read(&raw, &Reading::default())
}

/// A request in origin form, without a query.
fn raw<'a>(method: &'a Method, path: &'a str, headers: &'a HeaderMap) -> RawRequest<'a> {
    RawRequest {
        method,
        target_authority: None,
        target_scheme: None,
        path,
        query: None,
        headers,
        peer: IpAddr::from([127, 0, 0, 1]),
        scheme: Scheme::Http,
        certificate: None,
        door: "proxy",
        relay: None,
    }
}

#[test]
fn the_host_is_named_once_and_the_target_agrees() {
    use RequestRefusal::{HostDisagrees, InvalidHost, MissingHost};
    let table: &[(&[&str], &str, Result<&str, RequestRefusal>)] = &[
        (&["a.example"], "/", Ok("a.example")),
        (&["A.EXAMPLE:80"], "http://a.example./x", Ok("a.example")),
        (&[], "http://a.example/x", Ok("a.example")),
        (&[], "/", Err(MissingHost)),
        (&[""], "/", Err(MissingHost)),
        (&["a.example", "a.example"], "/", Err(HostDisagrees)),
        (&["a.example", "b.example"], "/", Err(HostDisagrees)),
        (&["b.example"], "http://a.example/x", Err(HostDisagrees)),
        (&["a.example"], "http://user@a.example/x", Err(InvalidHost)),
        (&["a.example:81"], "http://a.example/x", Err(HostDisagrees)),
    ];
    for (hosts, target, expected) in table {
        let read = read(hosts, target, Method::GET).map(|request| request.host().to_string());
        assert_eq!(read.as_deref().map_err(|e| *e), *expected, "{hosts:?} {target}");
    }
}

#[test]
fn the_query_is_kept_byte_for_byte() {
    let query = "redirect_uri=https%3A%2F%2Fa.example%2Fcb%3fx&a=%zz&b=../..//&c[]=1|2";
    let request = read(&["a.example"], &format!("/login?{query}"), Method::GET).unwrap();
    assert_eq!(request.query(), Some(query));
    assert_eq!(request.target(), format!("/login?{query}"));
}

#[test]
fn a_query_with_what_no_uri_has_is_refused() {
    let (method, mut headers) = (Method::GET, HeaderMap::new());
    headers.insert(header::HOST, HeaderValue::from_static("a.example"));
    for byte in 0..=u8::MAX {
        let text = format!("a={}", char::from(byte));
        let raw = RawRequest { query: Some(&text), ..raw(&method, "/x", &headers) };
        let expected = match byte {
            b'#' => Some(RequestRefusal::Fragment),
            b'"' | b'<' | b'>' => Some(RequestRefusal::InvalidQuery),
            b'!'..=b'~' => None,
            _ => Some(RequestRefusal::InvalidQuery),
        };
        let read = CanonicalRequest::read(&raw, &Reading::default());
        assert_eq!(read.err(), expected, "{text:?}");
    }
}

#[test]
fn an_empty_query_stays_an_empty_query() {
    let request = read(&["a.example"], "/x?", Method::GET).unwrap();
    assert_eq!(request.target(), "/x?");
}

#[test]
fn connect_and_asterisk_are_refused() {
    let refused = |target, method| read(&["a.example"], target, method).unwrap_err();
    assert_eq!(refused("a.example:443", Method::CONNECT), RequestRefusal::TargetForm);
    assert_eq!(refused("*", Method::OPTIONS), RequestRefusal::TargetForm);
}

#[test]
fn only_a_bearer_credential_is_taken_for_one() {
    let mut request = read(&["a.example"], "/", Method::GET).unwrap();
    assert_eq!(request.bearer(), Bearer::Absent);
    let table = [
        ("Bearer abc", Bearer::Token("abc")),
        ("bearer abc", Bearer::Token("abc")),
        ("BEARER  abc", Bearer::Token("abc")),
        ("Bearer ", Bearer::Token("")),
        ("Bearer", Bearer::Token("")),
        ("Bearer\tabc", Bearer::Token("")),
        ("Bearer \tabc", Bearer::Token("\tabc")),
        ("Bearer, abc", Bearer::Token("")),
        ("", Bearer::OtherScheme),
        ("Bearerabc", Bearer::OtherScheme),
        ("Basic YTpi", Bearer::OtherScheme),
        ("DPoP abc", Bearer::OtherScheme),
    ];
    for (value, expected) in table {
        request.0.authorization = Some(HeaderValue::from_str(value).unwrap());
        assert_eq!(request.bearer(), expected, "{value}");
    }
    request.0.authorization = Some(HeaderValue::from_bytes(b"Bearer \xff").unwrap());
    assert_eq!(request.bearer(), Bearer::Token(""));
}
