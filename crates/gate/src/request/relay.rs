//! Requests that another forwards. A proxy asks about them, and sends on what it has received, whatever was read here: so
//! nothing may have to be changed for what is forwarded to be what was judged.

use http::Method;
use http::header::{HOST, UPGRADE};

use super::headers::SortedHeaders;
use super::{CanonicalHost, CanonicalPath, RawRequest, RequestRefusal};

/// What a proxy that asks about a request says beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relay<'a> {
    /// Header lines of one name come as one, joined by commas: one line and several cannot be told apart.
    pub joined_headers: bool,
    /// Whether the proxy takes out the headers that it is told to. One that does not passes on whatever came.
    pub removes_headers: bool,
    /// Whether the service gets the cookies that the proxy is told here, in place of those that came: with one that does not
    /// pass them on so, nobody takes out ours.
    pub takes_cookies: bool,
    /// The route that the proxy takes the request for, by its name; it must be the one that is found here.
    pub route: Option<&'a str>,
    /// The service that it sends the request to, by its name; it must be the one that the route found here has.
    pub service: Option<&'a str>,
}

/// The same, of a request that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relayed {
    pub(crate) joined_headers: bool,
    /// Whether the service would get cookies of ours.
    pub(crate) leaks_cookies: bool,
    pub(crate) route: Option<Box<str>>,
    pub(crate) service: Option<Box<str>>,
    /// Whether it asks for a WebSocket, which it gets from the proxy if it is permitted.
    pub(crate) websocket: bool,
}

impl Relayed {
    /// Reads what a request has only because another forwards it; nothing of one that we forward.
    ///
    /// # Errors
    /// When it would have to be changed.
    pub(super) fn read(
        raw: &RawRequest<'_>,
        (host, path): (&CanonicalHost, &CanonicalPath),
        headers: &SortedHeaders,
    ) -> Result<Option<Box<Self>>, RequestRefusal> {
        let Some(relay) = raw.relay else { return Ok(None) };
        let misled = headers.misleading && !relay.removes_headers;
        if headers.named_away || misled || path.as_str() != raw.path || !is_written_as(raw, host) {
            return Err(RequestRefusal::NotCanonical);
        }
        Ok(Some(Box::new(Self {
            joined_headers: relay.joined_headers,
            leaks_cookies: headers.cookies.are_some_ours() && !relay.takes_cookies,
            route: relay.route.map(Box::from),
            service: relay.service.map(Box::from),
            websocket: asks_for_websocket(raw)?,
        })))
    }
}

/// Whether the host is written as it was read: whoever takes `Orders.test.` for another host forwards elsewhere.
fn is_written_as(raw: &RawRequest<'_>, host: &CanonicalHost) -> bool {
    let host = host.to_string();
    let target = raw.target_authority.is_none_or(|authority| authority.as_str() == host);
    target && raw.headers.get(HOST).is_none_or(|named| named.as_bytes() == host.as_bytes())
}

/// Any other upgrade opens a connection on which nobody judges anything (h2c among them).
/// A WebSocket over HTTP/1.1 is asked for by GET (RFC 6455 §4.1).
fn asks_for_websocket(raw: &RawRequest<'_>) -> Result<bool, RequestRefusal> {
    let mut asked = raw.headers.get_all(UPGRADE).iter().peekable();
    let any = asked.peek().is_some();
    let fits = !any || raw.method == Method::GET;
    if fits && asked.all(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        Ok(any)
    } else {
        Err(RequestRefusal::Upgrade)
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
