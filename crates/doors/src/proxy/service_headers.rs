//! The headers between us and a service: what it is told, and what of its answer is passed on.

use gate::route::Route;
use gate::{CanonicalRequest, Watch};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

use super::failure::Failure;
use crate::answer::X_REQUEST_ID;
use crate::header_values::HeaderValues;
use crate::identity_headers::identity_headers;
use crate::judge::RequestFacts;
use crate::telling::Telling;
use crate::trace::TRACEPARENT;

/// The headers that the service gets: what was judged, who asks, and where from. They are taken out of the request.
pub(super) fn upstream_headers(
    request: &mut CanonicalRequest,
    watch: &Watch<Route>,
    route: &Route,
    signed: Option<HeaderValue>,
    facts: &RequestFacts,
    telling: &Telling,
) -> HeaderMap {
    let mut headers = request.take_headers();
    let mut values = HeaderValues::new();
    // The answer to `Expect: 100-continue` is given at the door; asked again, the service's would be lost.
    headers.remove(header::EXPECT);
    // INVARIANT: a canonical host and an id can stand in a header.
    if let Some(id) = values.text(facts.id.as_str()) {
        headers.insert(X_REQUEST_ID, id);
    }
    if let Some(host) = values.shown(request.host()) {
        telling.request(&mut headers, &mut values, request, &host, facts.version);
        headers.insert(header::HOST, host);
    }
    if let Some(trace) = facts.trace.header(&mut values) {
        headers.insert(HeaderName::from_static(TRACEPARENT), trace);
    }
    let identity = &route.service().identity;
    if identity.forward_credential
        && let Some(credential) = request.authorization()
    {
        headers.insert(header::AUTHORIZATION, credential.clone());
    }
    for (name, value) in identity_headers(watch.caller(), identity, signed, &mut values) {
        headers.insert(name, value);
    }
    headers
}

/// Has an answer say once, or not at all, how long it is (RFC 9110 §8.6): the answer to HEAD passes on what no body is
/// held against.
///
/// # Errors
/// When it says so in several ways, or in one that is no plain number.
pub(super) fn settle_length(headers: &mut HeaderMap) -> Result<(), Failure> {
    // RFC 9112 §6.3: it does not count, and whoever believed it would cut the answer short.
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    if let (Some(only), None) = (values.next(), values.next())
        && is_canonical(only)
    {
        return Ok(());
    }
    let mut all = headers.get_all(header::CONTENT_LENGTH).iter().map(length_in);
    let Some(first) = all.next() else { return Ok(()) };
    let length = first.filter(|_| all.all(|other| other == first)).ok_or(Failure::BadLength)?;
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(())
}

/// Whether a value is a number as we would write it.
fn is_canonical(value: &HeaderValue) -> bool {
    match value.as_bytes() {
        [b'0'] => true,
        // All numbers of 19 digits fit.
        [b'1'..=b'9', rest @ ..] => rest.len() < 19 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The number that a value is, or several times.
fn length_in(value: &HeaderValue) -> Option<u64> {
    let mut all = value.to_str().ok()?.split(',').map(|part| {
        let digits = part.trim_matches([' ', '\t']);
        // A sign would parse as well.
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|_| plain)
    });
    let first = all.next()?;
    first.filter(|_| all.all(|other| other == first))
}

/// Takes out of an answer what was between the service and us alone (RFC 9110 §7.6.1).
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let mut named: Vec<HeaderName> = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        // Names are read one by one: what is no name hides none beside it.
        let names = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let more = names.filter(|name| !is_hop_by_hop(name));
        named.extend(more.filter_map(|name| HeaderName::from_bytes(name).ok()));
    }
    // As a rule one or two of them are there: they are found faster than each is looked for.
    let there = HOP_BY_HOP.iter().filter(|known| headers.keys().any(|name| name == known));
    named.extend(there.cloned());
    for name in named.iter().filter(|name| **name != header::CONTENT_LENGTH) {
        headers.remove(name);
    }
}

fn is_hop_by_hop(name: &[u8]) -> bool {
    HOP_BY_HOP.iter().any(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name))
}

/// What is between two connected parties, whether `Connection` names it or not.
static HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(values: &[&str]) -> Result<Vec<HeaderValue>, Failure> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_LENGTH, HeaderValue::from_str(value).unwrap());
        }
        settle_length(&mut headers)?;
        Ok(headers.get_all(header::CONTENT_LENGTH).iter().cloned().collect())
    }

    #[test]
    fn what_connection_names_is_taken_out_whatever_stands_beside_it() {
        for named in
            ["x-one, x-two", "X-One ,\tX-TWO", "x-one, \u{e9}, x-two", "close,x-two,,x-one"]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONNECTION, HeaderValue::from_bytes(named.as_bytes()).unwrap());
            for name in ["x-one", "x-two", "keep-alive", "x-three"] {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
            }
            remove_hop_by_hop(&mut headers);
            let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
            assert_eq!(left, ["x-three"], "{named}");
        }
    }

    #[test]
    fn a_length_that_is_said_more_than_once_is_said_once() {
        assert_eq!(settled(&[]), Ok(vec![]));
        for values in [&["2"] as &[_], &["2", "2"], &["2,2"], &["2 ,\t2", "2", "02"]] {
            assert_eq!(settled(values), Ok(vec![HeaderValue::from(2)]), "{values:?}");
        }
        let most = u64::MAX.to_string();
        assert_eq!(settled(&[most.as_str()]), Ok(vec![HeaderValue::from(u64::MAX)]));
    }

    #[test]
    fn a_length_that_differs_or_is_no_plain_number_is_a_failure() {
        for values in [
            &["2", "3"] as &[_],
            &["2,3"],
            &["2", "x"],
            &["x", "2"],
            &["+2"],
            &["-2"],
            &[""],
            &["2,"],
            &["2 2"],
            &["0x2"],
            &["18446744073709551616"],
        ] {
            assert_eq!(settled(values), Err(Failure::BadLength), "{values:?}");
        }
    }
}
