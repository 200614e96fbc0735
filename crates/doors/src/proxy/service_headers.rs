//! The headers between us and a service: what it is told, and what of its answer is passed on.

use gate::route::Route;
use gate::spec::IdentityField;
use gate::{Caller, CanonicalRequest, Watch};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};
use tokens::{ClaimValue, SubjectKind};

use crate::answer::X_REQUEST_ID;
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
    if let (Some(name), Some(signed)) = (&identity.token_header, signed)
        && let Ok(name) = HeaderName::from_bytes(name.as_bytes())
    {
        headers.insert(name, signed);
    }
    if let Caller::Known(known) = watch.caller() {
        for (name, field) in &identity.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            // A value that cannot stand in a header as it is, or that the service would read without its blanks, is
            // left out whole: it would be another identity.
            let value = identity_text(known, field)
                .filter(|text| text.trim() == text)
                .and_then(|text| HeaderValue::from_str(&text).ok());
            if let (Ok(name), Some(value)) = (name, value) {
                headers.insert(name, value);
            }
        }
    }
    headers
}

fn identity_text(identity: &gate::Identity, field: &IdentityField) -> Option<String> {
    Some(match field {
        IdentityField::Claim(name) => match identity.claims().get(name.as_str())? {
            ClaimValue::Bool(value) => value.to_string(),
            ClaimValue::Long(value) => value.to_string(),
            ClaimValue::String(value) => value.to_string(),
            ClaimValue::Strings(values) => join(values.iter().map(AsRef::as_ref), ',')?,
        },
        IdentityField::Groups => join(identity.groups().iter().map(String::as_str), ',')?,
        IdentityField::Issuer => identity.issuer().to_string(),
        IdentityField::Kind => match identity.kind() {
            SubjectKind::User => "user".to_owned(),
            SubjectKind::Workload => "workload".to_owned(),
        },
        IdentityField::Scopes => join(identity.scopes().iter().map(String::as_str), ' ')?,
        IdentityField::Subject => identity.subject().to_owned(),
    })
}

/// A list in one header; nothing when an item is empty, is framed by blanks or holds the separator, because the list
/// would read as another one.
fn join<'a>(items: impl Iterator<Item = &'a str>, separator: char) -> Option<String> {
    let mut text = String::new();
    for item in items {
        if item.is_empty() || item.trim() != item || item.contains(separator) {
            return None;
        }
        if !text.is_empty() {
            text.push(separator);
        }
        text.push_str(item);
    }
    Some(text)
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
