//! One reading of a request. What is judged here is what is forwarded, because there is nothing else to forward.

mod cookies;
mod forwarded;
mod headers;
mod host;
mod own_page;
mod path;
mod peer;
mod refusal;
mod relay;
mod via;

use std::net::IpAddr;
use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, header};

pub use headers::IdentityHeaders;
pub use host::{CanonicalHost, MAX_HOST_BYTES, Scheme};
pub use path::{CanonicalPath, MAX_SEGMENTS};
pub use peer::{Network, NetworkError};
pub use refusal::RequestRefusal;
pub use relay::Relay;

pub(crate) use cookies::SortedCookies;
pub(crate) use headers::folded;
pub(crate) use host::canonical_name;
pub(crate) use path::decode_segment;
pub(crate) use relay::Relayed;

use self::cookies::OwnCookies;
use crate::certificate::ClientCertificate;
use crate::session::SessionCookie;

/// A request as a front door read it off the wire, before anything is believed of it.
#[derive(Clone, Copy, Debug)]
pub struct RawRequest<'a> {
    /// The method, as sent.
    pub method: &'a Method,
    /// The host that the request target itself names, if it does (absolute form, or `:authority`).
    pub target_authority: Option<&'a Authority>,
    /// The scheme that the request target itself names, if it does.
    pub target_scheme: Option<&'a str>,
    /// The path of the target, before `?`.
    pub path: &'a str,
    /// The query of the target, after `?`.
    pub query: Option<&'a str>,
    /// All headers, in order.
    pub headers: &'a HeaderMap,
    /// The other end of the connection.
    pub peer: IpAddr,
    /// How the connection reached us.
    pub scheme: Scheme,
    /// The client certificate that the connection has shown, if it has.
    pub certificate: Option<&'a Arc<ClientCertificate>>,
    /// The front door's name in records: `proxy`, `ext_authz`, …
    pub door: &'static str,
    /// What the proxy says that asks about the request and forwards it; nothing of a request that we forward.
    pub relay: Option<Relay<'a>>,
}

/// How requests are read; the same at every door.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The names of identity headers, which are the gate's alone to write.
    pub identity_headers: IdentityHeaders,
    /// Whose forwarded headers count.
    pub trusted_peers: Vec<Network>,
    /// Our pseudonym in `Via`, if we have one: what has it has been here before.
    pub via: Option<String>,
    /// How large a request may be.
    pub limits: ReadingLimits,
}

/// How large a request may be, apart from its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadingLimits {
    /// The most bytes of path and query, with the `?` between them.
    pub target_bytes: usize,
    /// The most bytes of the head: request line and header lines as HTTP/1.1 writes them without a byte too many.
    pub head_bytes: usize,
    /// The most header lines.
    pub headers: usize,
}

impl Default for ReadingLimits {
    fn default() -> Self {
        Self { target_bytes: 8 << 10, head_bytes: 32 << 10, headers: 100 }
    }
}

/// A request with one reading.
///
/// It is handed on by many until it is forwarded: what it has stays where it is.
#[derive(Clone, Debug)]
pub struct CanonicalRequest(Box<Parts>);

/// What was read of it.
#[derive(Clone, Debug)]
struct Parts {
    method: Method,
    scheme: Scheme,
    host: CanonicalHost,
    path: CanonicalPath,
    query: Option<String>,
    headers: HeaderMap,
    authorization: Option<HeaderValue>,
    session: Option<SessionCookie>,
    own_cookies: OwnCookies,
    peer: IpAddr,
    client: IpAddr,
    door: &'static str,
    certificate: Option<Arc<ClientCertificate>>,
    relayed: Option<Box<Relayed>>,
}

impl CanonicalRequest {
    /// Reads a request by the table of ARCHITECTURE.md.
    ///
    /// # Errors
    /// Whatever two readers could take for different requests.
    pub fn read(raw: &RawRequest<'_>, reading: &Reading) -> Result<Self, RequestRefusal> {
        check_size(raw, reading.limits)?;
        if raw.method == Method::CONNECT {
            return Err(RequestRefusal::TargetForm);
        }
        if raw.target_scheme.is_some_and(|scheme| scheme != raw.scheme.as_str()) {
            return Err(RequestRefusal::TargetScheme);
        }
        let sorted = headers::sort(raw.headers, &reading.identity_headers)?;
        if reading.via.as_deref().is_some_and(|name| via::has_passed(raw.headers, name)) {
            return Err(RequestRefusal::Loop);
        }
        let (client, scheme) =
            peer::believe(raw.peer, raw.scheme, &reading.trusted_peers, &sorted.hearsay)?;
        let host = read_host(raw, scheme)?;
        let path = CanonicalPath::parse(raw.path)?;
        let query = raw.query.map(read_query).transpose()?;
        // Escaping can make a path longer.
        check_target(path.as_str().len(), query.as_deref(), reading.limits)?;
        let relayed = Relayed::read(raw, (&host, &path), &sorted)?;
        // Envoy joins lines of this one even where it tells all others as they came.
        if relayed.is_some() && sorted.authorization.as_ref().is_some_and(is_joined) {
            return Err(RequestRefusal::DoubledAuthorization);
        }
        Ok(Self(Box::new(Parts {
            method: raw.method.clone(),
            scheme,
            host,
            path,
            query,
            headers: sorted.end_to_end,
            authorization: sorted.authorization,
            session: sorted.cookies.session,
            own_cookies: sorted.cookies.own,
            peer: raw.peer.to_canonical(),
            client,
            door: raw.door,
            certificate: raw.certificate.cloned(),
            relayed,
        })))
    }

    /// The method, case kept.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// How the caller reached us, or a trusted peer of ours.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &CanonicalHost {
        &self.0.host
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &CanonicalPath {
        &self.0.path
    }

    /// The query, byte for byte as sent.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.0.query.as_deref()
    }

    /// What goes on to the service: no hop-by-hop header, no forwarded header, no credential.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The same, to be forwarded: the request has none from here on.
    #[must_use]
    pub fn take_headers(&mut self) -> HeaderMap {
        std::mem::take(&mut self.0.headers)
    }

    /// The caller's `Authorization`, whole; goes on only to services that ask for it.
    #[must_use]
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.0.authorization.as_ref()
    }

    /// The session cookie, if there is one. It goes on to nobody.
    #[must_use]
    pub fn session(&self) -> Option<&SessionCookie> {
        self.0.session.as_ref()
    }

    /// The value of a cookie of ours beside the session's, if it is there once. None of them goes on.
    #[must_use]
    pub fn own_cookie(&self, name: &str) -> Option<&str> {
        self.0.own_cookies.get(name)
    }

    /// The other end of the connection.
    #[must_use]
    pub fn peer(&self) -> IpAddr {
        self.0.peer
    }

    /// The caller's address: the peer's own, or what a trusted peer says.
    #[must_use]
    pub fn client(&self) -> IpAddr {
        self.0.client
    }

    /// The front door's name.
    #[must_use]
    pub fn door(&self) -> &'static str {
        self.0.door
    }

    /// The client certificate that the peer's connection has shown, if it has. Nothing of it is verified yet.
    #[must_use]
    pub fn certificate(&self) -> Option<&Arc<ClientCertificate>> {
        self.0.certificate.as_ref()
    }

    /// What a proxy has said that forwards it; nothing of a request that we forward.
    pub(crate) fn relayed(&self) -> Option<&Relayed> {
        self.0.relayed.as_deref()
    }

    /// The target to forward: path, and query if there is one.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.0.query {
            Some(query) => format!("{}?{query}", self.0.path.as_str()),
            None => self.0.path.as_str().to_owned(),
        }
    }

    /// The credential that the caller shows, if it is of a kind we know.
    pub(crate) fn bearer(&self) -> Bearer<'_> {
        let Some(value) = &self.0.authorization else {
            return Bearer::Absent;
        };
        let bytes = value.as_bytes();
        let is_token =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        let end = bytes.iter().position(|byte| !is_token(byte)).unwrap_or(bytes.len());
        let (scheme, rest) = bytes.split_at_checked(end).unwrap_or((bytes, b""));
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return Bearer::OtherScheme;
        }
        // Whatever follows the scheme is for the token's reader to refuse: it never makes the caller anonymous.
        let token = std::str::from_utf8(rest).ok().filter(|rest| rest.starts_with(' '));
        Bearer::Token(token.map_or("", |rest| rest.trim_start_matches(' ')))
    }
}

/// What `Authorization` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer<'a> {
    Absent,
    OtherScheme,
    Token(&'a str),
}

/// The length of a target that is not too long.
fn check_target(
    path: usize,
    query: Option<&str>,
    limits: ReadingLimits,
) -> Result<usize, RequestRefusal> {
    let length = path + query.map_or(0, |query| "?".len() + query.len());
    if length > limits.target_bytes {
        return Err(RequestRefusal::TargetTooLong { most: limits.target_bytes });
    }
    Ok(length)
}

fn check_size(raw: &RawRequest<'_>, limits: ReadingLimits) -> Result<(), RequestRefusal> {
    let target = check_target(raw.path.len(), raw.query, limits)?;
    let request_line = raw.method.as_str().len() + target + " ".len() + " HTTP/1.1\r\n".len();
    let fields =
        raw.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    if request_line + fields.sum::<usize>() + "\r\n".len() > limits.head_bytes {
        return Err(RequestRefusal::HeadTooLarge { most: limits.head_bytes });
    }
    if raw.headers.len() > limits.headers {
        return Err(RequestRefusal::TooManyHeaders { most: limits.headers });
    }
    Ok(())
}

fn read_host(raw: &RawRequest<'_>, scheme: Scheme) -> Result<CanonicalHost, RequestRefusal> {
    let parse = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).map_err(|_| RequestRefusal::InvalidHost)?;
        CanonicalHost::parse(text, scheme)
    };
    let mut hosts = raw.headers.get_all(header::HOST).iter();
    let named = hosts.next().map(|value| parse(value.as_bytes())).transpose()?;
    if hosts.next().is_some() {
        return Err(RequestRefusal::HostDisagrees);
    }
    let target =
        raw.target_authority.map(|target| parse(target.as_str().as_bytes())).transpose()?;
    match (target, named) {
        (Some(target), Some(named)) if target != named => Err(RequestRefusal::HostDisagrees),
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(RequestRefusal::MissingHost),
    }
}

/// Whether a credential that was joined from several lines may be more than one: no bearer token has a comma (RFC 6750
/// §2.1).
fn is_joined(authorization: &HeaderValue) -> bool {
    let bytes = authorization.as_bytes();
    bytes.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
        && bytes.contains(&b',')
}

fn read_query(raw: &str) -> Result<String, RequestRefusal> {
    if raw.contains('#') {
        return Err(RequestRefusal::Fragment);
    }
    // Of what no URI has (RFC 3986 §3.4), what servers refuse or read in more than one way; browsers escape these.
    let odd = |byte: u8| byte <= b' ' || byte >= 0x7F || matches!(byte, b'"' | b'<' | b'>');
    if raw.bytes().any(odd) {
        return Err(RequestRefusal::InvalidQuery);
    }
    Ok(raw.to_owned())
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
