//! The request that a proxy asks about, as it tells of it in headers.

use std::net::{IpAddr, SocketAddr};

use gate::request::Scheme;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Version};
use thiserror::Error;

use crate::relay::told::Told;

/// How a proxy asks by HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Which one it is.
    pub caller: Caller,
    /// Whether it takes `Cookie` from the answer, in place of the caller's own. A request with a cookie of ours goes on through
    /// no other.
    pub takes_cookies: bool,
}

/// Which proxy asks, and so in which headers it tells of a request. Only these count; they must be there, and once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri`, and the last address of `-For`.
    Caddy,
    /// `X-Original-Method`, `-Proto`, `-Host`, `-URI` and `-For`, as it is configured to send them.
    Haproxy,
    /// As HAProxy. It passes 401 and 403 on, and makes 500 of what else is no success.
    Nginx,
    /// As Caddy.
    Traefik,
}

impl Caller {
    /// The status in which it is told that a request does not go on. Any success says to it that the request does: so what
    /// the gate would answer itself with one (a preflight) is refused here.
    pub(super) fn refusal(self, status: StatusCode) -> StatusCode {
        let passes_on = self != Self::Nginx || status == StatusCode::UNAUTHORIZED;
        match status {
            _ if status.is_server_error() => status,
            _ if status.is_client_error() && passes_on => status,
            _ => StatusCode::FORBIDDEN,
        }
    }

    /// What nginx can tell its caller: it takes no redirect for an answer, and can make one of the `Location` beside a 401.
    pub(super) fn tell<B>(self, response: &mut Response<B>) {
        if self == Self::Nginx && response.status() == StatusCode::FOUND {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
        }
    }

    /// The names, in the order of method, scheme, host, target and client.
    const fn names(self) -> [HeaderName; 5] {
        match self {
            Self::Caddy | Self::Traefik => [
                HeaderName::from_static("x-forwarded-method"),
                HeaderName::from_static("x-forwarded-proto"),
                HeaderName::from_static("x-forwarded-host"),
                HeaderName::from_static("x-forwarded-uri"),
                HeaderName::from_static("x-forwarded-for"),
            ],
            Self::Haproxy | Self::Nginx => [
                HeaderName::from_static("x-original-method"),
                HeaderName::from_static("x-original-proto"),
                HeaderName::from_static("x-original-host"),
                HeaderName::from_static("x-original-uri"),
                HeaderName::from_static("x-original-for"),
            ],
        }
    }
}

/// Headers that tell of no request.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum OriginalError {
    /// One is not there, or more than once.
    #[error("expected one `{0}`, and there are {1}")]
    Count(HeaderName, usize),
    /// One says what no request has.
    #[error("`{0}` is none that a request has")]
    Part(HeaderName),
}

/// Reads the head of a question.
///
/// # Errors
/// When it tells of no request.
pub(crate) fn read(asking: Asking, question: Parts) -> Result<Told, OriginalError> {
    let Asking { caller, takes_cookies } = asking;
    let mut headers = question.headers;
    // What is between the proxy and us says nothing of the request.
    for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    let [method, proto, host, target, client] = caller.names();
    let mut one = |name: &HeaderName| {
        let count = headers.get_all(name).iter().count();
        let value = headers.remove(name).filter(|_| count == 1);
        value.ok_or_else(|| OriginalError::Count(name.clone(), count))
    };
    let told = [one(&method)?, one(&proto)?, one(&host)?, one(&target)?, one(&client)?];
    let [said_method, said_proto, said_host, said_target, said_client] = &told;
    let part = |name: &HeaderName| OriginalError::Part(name.clone());
    let peer = last_address(said_client).ok_or_else(|| part(&client))?;
    // Those before it are hearsay, and believed only when the last is one of a trusted peer.
    if matches!(caller, Caller::Caddy | Caller::Traefik)
        && let Some(others) = all_but_last(said_client)
    {
        headers.insert(client, others);
    }
    headers.insert(HOST, said_host.clone());
    let binding = question.uri.query().unwrap_or_default();
    let bound = |name: &str| {
        let mut pairs = binding.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    Ok(Told {
        method: Method::from_bytes(said_method.as_bytes()).map_err(|_| part(&method))?,
        target: said_target.to_str().map_err(|_| part(&target))?.to_owned(),
        peer,
        scheme: match said_proto.as_bytes() {
            b"http" | b"ws" => Scheme::Http,
            b"https" | b"wss" => Scheme::Https,
            _ => return Err(part(&proto)),
        },
        target_scheme: None,
        // Which one it came in, no proxy says.
        version: Version::HTTP_11,
        headers,
        certificate: None,
        joined_headers: false,
        removes_headers: false,
        takes_cookies,
        route: bound("route"),
        service: bound("service"),
    })
}

/// The address that the proxy itself has seen.
fn last_address(value: &HeaderValue) -> Option<SocketAddr> {
    let last = value.to_str().ok()?.rsplit(',').next()?.trim();
    let address: IpAddr = last.parse().ok()?;
    Some(SocketAddr::new(address, 0))
}

fn all_but_last(value: &HeaderValue) -> Option<HeaderValue> {
    let (others, _) = value.to_str().ok()?.rsplit_once(',')?;
    HeaderValue::from_str(others.trim()).ok()
}

#[cfg(test)]
#[path = "original_tests.rs"]
mod tests;
