//! The headers of a request: what is taken out, what is refused, and what goes on.

use std::collections::BTreeSet;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::RequestRefusal;

/// The names of headers that tell identity to services. They are written by the gate alone; a caller who sends one,
/// in any spelling, is refused.
#[derive(Clone, Debug, Default)]
pub struct IdentityHeaders(BTreeSet<String>);

impl IdentityHeaders {
    /// The header that carries the signed identity unless a service names another.
    pub const DEFAULT: &'static str = "doorward-identity";

    /// The given names, and [`IdentityHeaders::DEFAULT`].
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().chain([Self::DEFAULT]);
        Self(names.map(folded).collect())
    }

    /// Whether `name` could be read as one of them: case and the difference between `-` and `_` do not count, because
    /// CGI, WSGI and FastCGI drop both.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(&folded(name))
    }
}

/// The headers of a request, sorted out.
#[derive(Clone, Debug, Default)]
pub(super) struct SortedHeaders {
    /// What goes on to the service, and what policies see.
    pub(super) end_to_end: HeaderMap,
    /// The one `Authorization` header.
    pub(super) authorization: Option<HeaderValue>,
    /// `Forwarded` and its kin as the peer sent them; to be believed only of a trusted peer.
    pub(super) forwarded_for: Vec<HeaderValue>,
    pub(super) forwarded_proto: Vec<HeaderValue>,
}

/// Takes out what is between the caller and us, what is ours to write, and what is not to be believed.
///
/// # Errors
/// An identity header in any spelling, a `Connection` that names more than hop-by-hop headers, or a doubled
/// `Authorization`.
pub(super) fn sort(
    headers: &HeaderMap,
    ours: &IdentityHeaders,
) -> Result<SortedHeaders, RequestRefusal> {
    let named = connection_names(headers, ours)?;
    let mut sorted = SortedHeaders::default();
    sorted.end_to_end.reserve(headers.len());
    for (name, value) in headers {
        match classify(name, ours) {
            Class::EndToEnd if named.iter().any(|named| named == name.as_str()) => {}
            Class::EndToEnd => {
                sorted.end_to_end.append(name, value.clone());
            }
            Class::Authorization if sorted.authorization.is_some() => {
                return Err(RequestRefusal::DoubledAuthorization);
            }
            Class::Authorization => sorted.authorization = Some(value.clone()),
            Class::ForwardedFor => sorted.forwarded_for.push(value.clone()),
            Class::ForwardedProto => sorted.forwarded_proto.push(value.clone()),
            Class::Dropped => {}
            Class::Identity => return Err(RequestRefusal::IdentityHeader),
        }
    }
    Ok(sorted)
}

enum Class {
    Authorization,
    Dropped,
    EndToEnd,
    ForwardedFor,
    ForwardedProto,
    Identity,
}

fn classify(name: &HeaderName, ours: &IdentityHeaders) -> Class {
    if name == header::AUTHORIZATION {
        return Class::Authorization;
    }
    let name = folded(name.as_str());
    if ours.0.contains(&name) {
        return Class::Identity;
    }
    match name.as_str() {
        "x-forwarded-for" => Class::ForwardedFor,
        "x-forwarded-proto" => Class::ForwardedProto,
        // Written anew by the transport, from the body that is really sent and the host that was judged.
        "host" | "content-length" | "transfer-encoding" => Class::Dropped,
        // Between the caller and us alone (RFC 9110 §7.6.1).
        "connection"
        | "keep-alive"
        | "proxy-connection"
        | "te"
        | "trailer"
        | "upgrade"
        | "proxy-authorization"
        | "proxy-authenticate"
        | "http2-settings" => Class::Dropped,
        // Ways in which proxies tell each other who is asking and for what; not to be believed, and so not passed on.
        // `authorization` is here for its underscore twins.
        "authorization"
        | "forwarded"
        | "x-real-ip"
        | "x-client-ip"
        | "x-cluster-client-ip"
        | "true-client-ip"
        | "cf-connecting-ip"
        | "x-rewrite-url"
        | "x-original-url"
        | "x-http-method"
        | "x-http-method-override"
        | "x-method-override" => Class::Dropped,
        _ if name.starts_with("x-forwarded-")
            || name.starts_with("x-original-")
            || name.starts_with("x-envoy-") =>
        {
            Class::Dropped
        }
        _ => Class::EndToEnd,
    }
}

/// The names that `Connection` lists: they are taken out, unless taking them out would change what is judged.
fn connection_names(
    headers: &HeaderMap,
    ours: &IdentityHeaders,
) -> Result<Vec<String>, RequestRefusal> {
    let mut names = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        let value = value.to_str().map_err(|_| RequestRefusal::ConnectionNamesEndToEnd)?;
        for name in value.split(',').map(folded) {
            let name = name.trim();
            if ours.0.contains(name) {
                return Err(RequestRefusal::IdentityHeader);
            }
            let end_to_end = [
                "authorization",
                "cache-control",
                "content-encoding",
                "content-length",
                "content-range",
                "content-type",
                "cookie",
                "date",
                "expect",
                "forwarded",
                "host",
                "if-match",
                "if-none-match",
                "origin",
                "range",
                "referer",
                "transfer-encoding",
            ];
            if end_to_end.contains(&name)
                || name.starts_with("x-forwarded-")
                || name.starts_with("sec-")
            {
                return Err(RequestRefusal::ConnectionNamesEndToEnd);
            }
            if !name.is_empty() {
                names.push(name.to_owned());
            }
        }
    }
    Ok(names)
}

/// A header name as the laxest reader would take it.
fn folded(name: &str) -> String {
    name.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
