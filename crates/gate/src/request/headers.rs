//! The headers of a request: what is taken out, what is refused, and what goes on.

use std::borrow::Cow;
use std::collections::HashSet;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::RequestRefusal;
use super::cookies::SortedCookies;
use super::peer::Hearsay;
use crate::by_name::Names;

/// How many headers are written for a service, as a rule: who asks, and where from.
const WRITTEN_FOR_SERVICES: usize = 8;

/// The names of headers that tell identity to services. They are written by the gate alone; a caller who sends one,
/// in any spelling, is refused.
#[derive(Clone, Debug, Default)]
pub struct IdentityHeaders(Names);

impl IdentityHeaders {
    /// The header that carries the signed identity unless a service names another.
    pub const DEFAULT: &'static str = "doorward-identity";

    /// The given names, and [`IdentityHeaders::DEFAULT`].
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().chain([Self::DEFAULT]);
        Self(names.map(|name| folded(name).into_owned()).collect())
    }

    /// Whether `name` could be read as one of them: neither case counts nor the difference between `-`, `_` and other
    /// punctuation, because CGI, WSGI and FastCGI drop them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(&*folded(name))
    }
}

/// The headers of a request, sorted out.
#[derive(Debug, Default)]
pub(super) struct SortedHeaders {
    /// What goes on to the service, and what policies see.
    pub(super) end_to_end: HeaderMap,
    /// What the cookies are.
    pub(super) cookies: SortedCookies,
    /// The one `Authorization` header.
    pub(super) authorization: Option<HeaderValue>,
    /// `Forwarded` and its kin as the peer sent them.
    pub(super) hearsay: Hearsay,
    /// Whether `Connection` named something that would have gone on.
    pub(super) named_away: bool,
    /// Whether something was dropped that services may take for another request, or for who is asking.
    pub(super) misleading: bool,
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
    check_transfer_encoding(headers)?;
    let mut sorted = SortedHeaders::default();
    sorted.end_to_end.reserve(headers.len() + WRITTEN_FOR_SERVICES);
    // Refused only at the end: in which order names come depends on how they were told.
    let mut doubled = false;
    for (name, value) in headers {
        match classify(name, ours) {
            Class::EndToEnd if named.contains(&*folded(name.as_str())) => sorted.named_away = true,
            Class::EndToEnd => {
                sorted.end_to_end.append(name, value.clone());
            }
            Class::Authorization => {
                doubled |= sorted.authorization.replace(value.clone()).is_some()
            }
            Class::Cookie => sorted.cookies.take(value),
            Class::Forwarded => sorted.hearsay.forwarded.push(value.clone()),
            Class::ForwardedFor => sorted.hearsay.x_for.push(value.clone()),
            Class::ForwardedProto => sorted.hearsay.x_proto.push(value.clone()),
            // A proxy that writes a header anew, or takes it out, does so in its usual spelling.
            Class::Dropped => sorted.misleading |= folded(name.as_str()) != name.as_str(),
            Class::Misleading => sorted.misleading = true,
            Class::Identity => return Err(RequestRefusal::IdentityHeader),
        }
    }
    let cookies = std::mem::take(&mut sorted.cookies.theirs);
    sorted.end_to_end.extend(cookies.into_iter().map(|line| (header::COOKIE, line)));
    match (doubled, sorted.cookies.doubled) {
        (true, _) => Err(RequestRefusal::DoubledAuthorization),
        (false, true) => Err(RequestRefusal::DoubledSession),
        (false, false) => Ok(sorted),
    }
}

enum Class {
    Authorization,
    Cookie,
    /// Every proxy writes it anew, or it tells only where a request comes from.
    Dropped,
    EndToEnd,
    Forwarded,
    ForwardedFor,
    ForwardedProto,
    Identity,
    /// Dropped too; services could take it for another method, target or host, for another's certificate or an identity.
    Misleading,
}

fn classify(name: &HeaderName, ours: &IdentityHeaders) -> Class {
    let spelled = name.as_str();
    let name = folded(spelled);
    if ours.0.contains(&*name) && spelled != "authorization" {
        return Class::Identity;
    }
    match &*name {
        // Only the usual spelling counts: a trusted proxy that replaces the header may let its twins through.
        "authorization" if spelled == name => Class::Authorization,
        "cookie" => Class::Cookie,
        "forwarded" if spelled == name => Class::Forwarded,
        "x-forwarded-for" if spelled == name => Class::ForwardedFor,
        "x-forwarded-proto" if spelled == name => Class::ForwardedProto,
        // Ours to write: a twin would stand beside it where spellings are folded.
        "x-request-id" | "traceparent" | "tracestate" if spelled != name => Class::Dropped,
        // Written anew by the transport, from the body that is really sent and the host that was judged.
        "host" | "content-length" | "transfer-encoding" => Class::Dropped,
        // Between the caller and us alone (RFC 9110 §7.6.1).
        "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "upgrade"
        | "proxy-authenticate" | "http2-settings" => Class::Dropped,
        // A credential, for us alone at most.
        "proxy-authorization" => Class::Misleading,
        // Ways in which proxies tell each other where a request comes from; not to be believed, and so not passed on.
        "forwarded"
        | "client-ip"
        | "x-real-ip"
        | "x-client-ip"
        | "x-cluster-client-ip"
        | "x-originating-ip"
        | "x-remote-ip"
        | "x-remote-addr"
        | "front-end-https"
        | "true-client-ip"
        | "cf-connecting-ip"
        | "cf-connecting-ipv6"
        | "fly-client-ip"
        | "http-client-ip"
        | "proxy-client-ip"
        | "wl-proxy-client-ip"
        | "x-azure-clientip"
        | "x-proxyuser-ip"
        | "fastly-client-ip"
        | "x-forwarded"
        | "x-forwarded-by"
        | "x-forwarded-for"
        | "x-forwarded-host"
        | "x-forwarded-method"
        | "x-forwarded-port"
        | "x-forwarded-prefix"
        | "x-forwarded-proto"
        | "x-forwarded-server"
        | "x-forwarded-uri" => Class::Dropped,
        // And for what and by whom it is asked. `proxy` becomes the variable HTTP_PROXY in CGI.
        "proxy"
        | "x-host"
        | "x-http-host-override"
        | "x-scheme"
        | "x-url-scheme"
        | "x-arr-clientcert"
        | "x-rewrite-url"
        | "x-http-method"
        | "x-http-method-override"
        | "x-method-override" => Class::Misleading,
        _ if TOLD_BY_PROXIES.iter().any(|prefix| name.starts_with(prefix)) => Class::Misleading,
        _ => Class::EndToEnd,
    }
}

/// How names begin in which proxies tell where a request comes from, and what certificate it came with (RFC 9440, and what
/// servers used before it).
const TOLD_BY_PROXIES: [&str; 9] = [
    "client-cert",
    "forwarded-",
    "ssl-client-",
    "x-client-cert",
    "x-client-verify",
    "x-envoy-",
    "x-forwarded-",
    "x-original-",
    "x-ssl-",
];

/// Anything but one `chunked` is read in more than one way by the servers behind us (RFC 9112 §6.1).
fn check_transfer_encoding(headers: &HeaderMap) -> Result<(), RequestRefusal> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(RequestRefusal::TransferEncoding),
    }
}

/// The names that `Connection` lists: they are taken out, unless taking them out would change what is judged.
fn connection_names(
    headers: &HeaderMap,
    ours: &IdentityHeaders,
) -> Result<HashSet<String>, RequestRefusal> {
    let mut names = HashSet::new();
    for value in headers.get_all(header::CONNECTION) {
        let value = value.to_str().map_err(|_| RequestRefusal::ConnectionNamesEndToEnd)?;
        for name in value.split(',').map(|name| folded(name.trim())) {
            if ours.0.contains(&*name) {
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
            if end_to_end.contains(&&*name)
                || name.starts_with("x-forwarded-")
                || name.starts_with("sec-")
            {
                return Err(RequestRefusal::ConnectionNamesEndToEnd);
            }
            if !name.is_empty() {
                names.insert(name.into_owned());
            }
        }
    }
    Ok(names)
}

/// A header name as the laxest reader would take it: CGI keeps letters and digits, and writes `_` for all else.
pub(crate) fn folded(name: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.bytes().all(plain) {
        return Cow::Borrowed(name);
    }
    let fold = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    Cow::Owned(name.chars().map(fold).collect())
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
