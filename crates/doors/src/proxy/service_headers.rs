//! The headers between us and a service: what it is told, and what of its answer is passed on.

use gate::route::Route;
use gate::{CanonicalRequest, Watch};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::answer::X_REQUEST_ID;
use crate::identity_headers::identity_headers;
use crate::judge::RequestFacts;
use crate::telling::Telling;
use crate::trace::TRACEPARENT;

/// The headers that the service gets: what was judged, who asks, and where from.
pub(super) fn upstream_headers(
    request: &CanonicalRequest,
    watch: &Watch<Route>,
    route: &Route,
    signed: Option<HeaderValue>,
    facts: &RequestFacts,
    telling: &Telling,
) -> HeaderMap {
    let mut headers = request.headers().clone();
    // The answer to `Expect: 100-continue` is given at the door; asked again, the service's would be lost.
    headers.remove(header::EXPECT);
    let host = request.host().to_string();
    let mut put = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(header::HOST, &host);
    put(X_REQUEST_ID, facts.id.as_str());
    telling.request(&mut headers, request, facts.version);
    if let Some(trace) = facts.trace.header() {
        headers.insert(HeaderName::from_static(TRACEPARENT), trace);
    }
    let identity = &route.service().identity;
    if identity.forward_credential
        && let Some(credential) = request.authorization()
    {
        headers.insert(header::AUTHORIZATION, credential.clone());
    }
    for (name, value) in identity_headers(watch.caller(), identity, signed) {
        headers.insert(name, value);
    }
    headers
}

/// Takes out of an answer what was between the service and us alone (RFC 9110 §7.6.1).
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // RFC 9112 §6.3: it does not count, and whoever believed it would cut the answer short.
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let always = [
        header::CONNECTION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    let others =
        ["keep-alive", "proxy-connection", "proxy-authenticate"].map(HeaderName::from_static);
    for name in always.iter().chain(&others).chain(&named) {
        if *name != header::CONTENT_LENGTH {
            headers.remove(name);
        }
    }
}
