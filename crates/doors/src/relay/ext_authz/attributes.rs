//! What Envoy tells about a request, as the request that came to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use gate::request::Scheme;
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use thiserror::Error;

use super::certificates::Certificates;
use super::wire::{AttributeContext, HttpRequest, Peer};
use crate::relay::told::Told;

/// The keys of `context_extensions` in which an operator says what Envoy takes the request for.
const ROUTE: &str = "route";
const SERVICE: &str = "service";

/// Attributes that are those of no request.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum AttributeError {
    /// There is no HTTP request among them.
    #[error("expected an HTTP request, and there is none")]
    NoRequest,
    /// A part that no request can have.
    #[error("the {0} is none")]
    Part(&'static str),
    /// A part that is told twice, and not the same.
    #[error("the {0} is told twice, and not the same")]
    Disagrees(&'static str),
    /// The client certificate cannot be read.
    #[error("the client certificate is not one in PEM")]
    Certificate,
}

/// Reads what Envoy tells of a request.
///
/// # Errors
/// What no request can be.
pub(super) fn read(
    context: AttributeContext,
    certificates: &Certificates,
) -> Result<Told, AttributeError> {
    let mut extensions = context.context_extensions;
    let http = context.request.and_then(|request| request.http);
    let mut http = http.ok_or(AttributeError::NoRequest)?;
    let (headers, joined_headers) = headers(&mut http)?;
    let source = context.source.unwrap_or_default();
    let certificate = match source.certificate.as_str() {
        "" => None,
        escaped => Some(certificates.read(escaped).ok_or(AttributeError::Certificate)?),
    };
    Ok(Told {
        method: http.method.parse().map_err(|_| AttributeError::Part("method"))?,
        target: http.path,
        peer: address(&source)?,
        scheme: scheme(&headers)?,
        // What Envoy goes by, which over HTTP/2 is its caller's word.
        target_scheme: Some(http.scheme),
        version: match http.protocol.as_str() {
            "HTTP/2" => Version::HTTP_2,
            "HTTP/3" => Version::HTTP_3,
            "HTTP/1.0" => Version::HTTP_10,
            _ => Version::HTTP_11,
        },
        headers,
        certificate,
        joined_headers,
        removes_headers: true,
        takes_cookies: true,
        route: extensions.remove(ROUTE),
        service: extensions.remove(SERVICE),
    })
}

/// The headers, and whether lines of one name were joined. What HTTP/2 tells in pseudo-headers is told beside them as well,
/// and must be the same.
fn headers(http: &mut HttpRequest) -> Result<(HeaderMap, bool), AttributeError> {
    let mut lines: Vec<(String, Vec<u8>)> = Vec::new();
    let raw = http.header_map.take();
    let joined = raw.is_none();
    for line in raw.into_iter().flat_map(|map| map.headers) {
        let value =
            if line.raw_value.is_empty() { line.value.into_bytes() } else { line.raw_value };
        lines.push((line.key, value));
    }
    if joined {
        let joined = std::mem::take(&mut http.headers);
        lines.extend(joined.into_iter().map(|(name, value)| (name, value.into_bytes())));
    }
    let mut headers = HeaderMap::with_capacity(lines.len() + 1);
    let host = HeaderValue::from_str(&http.host).map_err(|_| AttributeError::Part("host"))?;
    headers.insert(HOST, host);
    for (name, value) in lines {
        let same = match name.as_str() {
            ":authority" => (value == http.host.as_bytes(), "host"),
            ":method" => (value == http.method.as_bytes(), "method"),
            ":path" => (value == http.path.as_bytes(), "path"),
            name if name.starts_with(':') => (true, ""),
            _ => {
                let name = HeaderName::from_bytes(name.as_bytes());
                let name = name.map_err(|_| AttributeError::Part("name of a header"))?;
                let value = HeaderValue::from_bytes(&value);
                headers.append(name, value.map_err(|_| AttributeError::Part("value of a header"))?);
                continue;
            }
        };
        if let (false, what) = same {
            return Err(AttributeError::Disagrees(what));
        }
    }
    Ok((headers, joined))
}

/// How the request came to Envoy: by the one header that it always writes anew, or takes from a proxy that it trusts.
fn scheme(headers: &HeaderMap) -> Result<Scheme, AttributeError> {
    let mut said = headers.get_all("x-forwarded-proto").iter();
    match (said.next().map(HeaderValue::as_bytes), said.next()) {
        (Some(b"http"), None) => Ok(Scheme::Http),
        (Some(b"https"), None) => Ok(Scheme::Https),
        _ => Err(AttributeError::Part("scheme in `x-forwarded-proto`")),
    }
}

/// Where the request came to Envoy from. What came through a Unix socket came from no address, which no rule names.
fn address(source: &Peer) -> Result<SocketAddr, AttributeError> {
    let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let Some(address) = source.address.as_ref().and_then(|address| address.socket_address.as_ref())
    else {
        return Ok(nowhere);
    };
    let ip: IpAddr = address.address.parse().map_err(|_| AttributeError::Part("source address"))?;
    Ok(SocketAddr::new(ip, u16::try_from(address.port_value).unwrap_or_default()))
}
