//! URLs: those that Doorward fetches from, and those of the endpoints it forwards to.

use std::net::{IpAddr, SocketAddr};

use doors::proxy::At;
use egress::{Destination, UrlError};
use http::Uri;

use super::socket_path::socket_path;
use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// A URL that keys are fetched from: `https`, or `http` where that is allowed.
#[derive(Clone, Debug)]
pub(in crate::config) struct FetchUrl(String);

written! { FetchUrl }

impl FetchUrl {
    /// The URL as it was written.
    pub(in crate::config) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is fetched can be changed on the way: plain HTTP to another machine.
    pub(in crate::config) fn is_plain_beyond_loopback(&self) -> bool {
        Destination::configured(&self.0) == Err(UrlError::PlainHttp)
    }
}

impl Written for FetchUrl {
    const TITLE: &'static str = "URL";
    const EXPECTED: &'static str = "a URL";
    const HELP: &'static str = "write a URL such as `https://example.com`";
    const MAY_REFER: bool = true;

    fn read(text: &str) -> Result<Self, Complaint> {
        let uri = read(text, Self::HELP)?;
        match uri.scheme_str() {
            Some("https" | "http") => Ok(Self(text.to_owned())),
            _ => Err(Complaint::new(format!("`{}` is neither https nor http", shortened(text)))
                .help(Self::HELP)),
        }
    }
}

/// One address of a service, such as `http://10.0.0.11:9001`, `https://orders.internal:8443` or `unix:/run/orders.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct EndpointUrl {
    pub(in crate::config) tls: bool,
    pub(in crate::config) at: At,
}

written! { EndpointUrl }

impl Written for EndpointUrl {
    const TITLE: &'static str = "endpoint";
    const EXPECTED: &'static str = "an endpoint";
    const HELP: &'static str = "write `http://host:port`, such as `http://10.0.0.11:9001`";
    const MAY_REFER: bool = true;

    fn read(text: &str) -> Result<Self, Complaint> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self { tls: false, at: At::Socket(socket_path(path, text)?) });
        }
        let uri = read(text, Self::HELP)?;
        let shown = shortened(text);
        let (host, port) = (uri.host().unwrap_or(""), uri.port_u16());
        let (scheme, tls) = match uri.scheme_str() {
            Some("http") => ("http", false),
            Some("https") => ("https", true),
            _ => {
                let complaint = Complaint::new(format!("`{shown}` is neither http nor https"));
                return Err(complaint.help(Self::HELP));
            }
        };
        let path = uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        if !matches!(path, "" | "/") {
            return Err(Complaint::new(format!("`{shown}` has a path or a query")).help(format!(
                "write `{scheme}://{}`; the path comes from the request",
                uri.authority().map_or("", http::uri::Authority::as_str)
            )));
        }
        let Some(port) = port.filter(|port| *port > 0) else {
            return Err(Complaint::new(format!("`{shown}` has no port")).help(format!(
                "write `{scheme}://{host}:{}`, or the port that the service listens on",
                if tls { 443 } else { 80 }
            )));
        };
        let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
        let at = match address {
            Ok(address) => At::Address(SocketAddr::new(address, port)),
            Err(_) => At::Name(host.to_ascii_lowercase(), port),
        };
        Ok(Self { tls, at })
    }
}

/// Reads a URL as strictly as the client that would fetch it.
fn read(text: &str, help: &str) -> Result<Uri, Complaint> {
    let refused = |why: &str| Complaint::new(format!("`{}` is not a URL{why}", shortened(text)));
    if text.contains('@') {
        return Err(Complaint::new("a URL here may not hold a user name or a password")
            .help("remove what stands before the `@`"));
    }
    if !text.contains("://") {
        return Err(refused("").help(help));
    }
    match Destination::danger_plain_http(text) {
        Ok(_) | Err(UrlError::Scheme) => {}
        Err(error) => return Err(refused(&format!(": {error}")).help(help)),
    }
    text.parse().map_err(|_| refused("").help(help))
}
