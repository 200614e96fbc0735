//! Entry points for fuzzing: bytes of any kind go in; a broken invariant panics.

use std::net::IpAddr;

use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::request::{
    CanonicalHost, CanonicalPath, CanonicalRequest, IdentityHeaders, RawRequest, Reading,
    ReadingLimits, Scheme, SortedCookies,
};

/// Reads bytes as a request: lines of method, host in the target (or nothing), path, query (or nothing), and headers
/// as `name:value`. A request that has one reading has the same one when it is read again as it would be forwarded, and
/// carries nothing that is ours to write.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_request(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let Ok(method) = Method::from_bytes(next()) else { return };
    let target_authority = Authority::try_from(next()).ok();
    let (Ok(path), Ok(query)) = (str::from_utf8(next()), str::from_utf8(next())) else { return };
    let mut headers = HeaderMap::new();
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let peer = IpAddr::from([10, 0, 0, 1]);
    let reading = Reading {
        identity_headers: IdentityHeaders::new(["X-Forwarded-User"]),
        trusted_peers: "10.0.0.0/8".parse().into_iter().collect(),
        via: Some("gate".to_owned()),
        limits: ReadingLimits::default(),
    };
    let raw = RawRequest {
        method: &method,
        target_authority: target_authority.as_ref(),
        target_scheme: None,
        path,
        query: (!query.is_empty()).then_some(query),
        headers: &headers,
        peer,
        scheme: Scheme::Https,
        certificate: None,
        door: "fuzz",
        relay: None,
    };
    let Ok(request) = CanonicalRequest::read(&raw, &reading) else { return };
    check_path(request.path());
    check_host(request.host(), request.scheme());
    check_headers(&request, &reading.identity_headers);
    check_forwarded(&request, &raw, &reading);
}

/// Reads lines of bytes as the `Cookie` lines of a request. What goes on holds every cookie that is not ours, in order, and
/// none that is.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_cookies(bytes: &[u8]) {
    let lines =
        bytes.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let lines: Vec<_> = lines.collect();
    let mut sorted = SortedCookies::default();
    lines.iter().for_each(|line| sorted.take(line));
    let names = |lines: &[HeaderValue]| -> Vec<Vec<u8>> {
        let pairs = lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let name = |pair: &[u8]| {
            pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii().to_vec()
        };
        pairs.map(name).filter(|name| !name.is_empty()).collect()
    };
    let is_ours =
        |name: &Vec<u8>| name == b"__Host-doorward" || name.starts_with(b"__Host-doorward-");
    let (before, after) = (names(&lines), names(&sorted.theirs));
    assert!(!after.iter().any(is_ours), "one of ours goes on");
    let theirs: Vec<_> = before.iter().filter(|name| !is_ours(name)).cloned().collect();
    assert_eq!(after, theirs, "a cookie of the service's is lost or made up");
    assert_eq!(sorted.are_some_ours(), before.iter().any(is_ours), "one of ours is overlooked");
}

fn check_path(path: &CanonicalPath) {
    assert_eq!(
        CanonicalPath::parse(path.as_str()).as_ref(),
        Ok(path),
        "read twice, a path differs"
    );
    for segment in path.segments() {
        assert!(!matches!(&*segment, "." | ".."), "a dot segment got through");
        assert!(!segment.contains(['\\', '\0']), "a backslash or NUL got through");
        assert!(!segment.contains('/'), "a segment holds a slash");
    }
}

fn check_host(host: &CanonicalHost, scheme: Scheme) {
    let again = CanonicalHost::parse(&host.to_string(), scheme);
    assert_eq!(again.as_ref(), Ok(host), "read twice, a host differs");
    assert!(!host.name().bytes().any(|byte| byte.is_ascii_uppercase()), "a host in capitals");
}

fn check_headers(request: &CanonicalRequest, ours: &IdentityHeaders) {
    for name in request.headers().keys() {
        assert!(!ours.contains(name.as_str()), "an identity header got through");
        let between = [
            header::AUTHORIZATION,
            header::CONNECTION,
            header::CONTENT_LENGTH,
            header::HOST,
            header::TE,
            header::TRANSFER_ENCODING,
            header::UPGRADE,
        ];
        assert!(!between.contains(name), "`{name}` got through");
        let folded = name.as_str().replace('_', "-");
        assert!(!folded.starts_with("x-forwarded-"), "`{name}` got through");
    }
}

/// Reads the request as the service would get it.
fn check_forwarded(request: &CanonicalRequest, raw: &RawRequest<'_>, reading: &Reading) {
    let target = request.target();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target.as_str(), None),
    };
    let mut headers = request.headers().clone();
    let host = HeaderValue::from_str(&request.host().to_string());
    headers.extend(host.into_iter().map(|host| (header::HOST, host)));
    headers.extend(request.authorization().cloned().map(|value| (header::AUTHORIZATION, value)));
    let scheme = request.scheme();
    let forwarded =
        RawRequest { target_authority: None, path, query, headers: &headers, scheme, ..*raw };
    let again = CanonicalRequest::read(&forwarded, reading);
    let told = |request: &CanonicalRequest| {
        let place = (request.scheme(), request.host().clone(), request.path().clone());
        let query = request.query().map(str::to_owned);
        let credential = request.authorization().cloned();
        (request.method().clone(), place, query, request.headers().clone(), credential)
    };
    assert_eq!(
        again.as_ref().map(told),
        Ok(told(request)),
        "what is forwarded is not what was judged"
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn no_request_breaks_an_invariant(
            method in "(GET|get|P[A-Z]{1,5}|[!-~]{0,4})",
            target_host in prop_oneof![Just(String::new()), "(a|A|xn--|\\.|:|[0-9]|\\[::1\\]|-|_){0,8}"],
            path in "(/|%2[eEfF5]|%5[cC]|%25|\\.|;|%C3%A9|%00|%[0-9a-f]{2}|[!-~]|é){0,16}",
            query in "([!-~]|%2[fF]){0,8}",
            host in "(a|A|é|。|xn--|\\.|:443|:80|[0-9]|-|_|@|\\[::ffff:1.2.3.4\\]){0,8}",
            headers in prop::collection::vec(
                "(Host|Connection|X[-_]Forwarded[-_](For|User|Proto)|Forwarded|Via|Authorization|x_hop|x-hop|Te|Doorward[-_.]Identity|Accept):( ?[ -~]{0,12}|x[-_]hop|10\\.0\\.0\\.9, 1\\.2\\.3\\.4|https|(for=|\"|1\\.2\\.3\\.4|,|;|\\\\|proto=https?){0,5})", 0..4,
            ),
        ) {
            let text = format!("{method}\n{target_host}\n/{path}\n{query}\nhost:{host}\n{}", headers.join("\n"));
            fuzz_request(text.as_bytes());
        }

        #[test]
        fn no_cookies_break_an_invariant(
            lines in "(__Host-doorward|-browser|ly|=|;| |\t|\n|,|\"|a|__host-doorward){0,24}",
        ) {
            fuzz_cookies(lines.as_bytes());
        }

        #[test]
        fn no_bytes_break_an_invariant(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            fuzz_request(&bytes);
            fuzz_cookies(&bytes);
        }
    }
}
