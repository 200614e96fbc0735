//! A request as a proxy tells of it, whatever its way of telling.

use std::net::SocketAddr;
use std::sync::Arc;

use gate::ClientCertificate;
use gate::request::{RawRequest, Relay, Scheme};
use http::{HeaderMap, Method, Version};

/// A request that a proxy asks about.
#[derive(Debug)]
pub(crate) struct Told {
    pub(super) method: Method,
    /// Path and query, as they came.
    pub(super) target: String,
    /// With `Host`.
    pub(super) headers: HeaderMap,
    /// Where it came to the proxy from.
    pub(super) peer: SocketAddr,
    /// How it came to the proxy.
    pub(super) scheme: Scheme,
    /// The scheme that the request itself names, if the proxy tells.
    pub(super) target_scheme: Option<String>,
    pub(super) version: Version,
    pub(super) certificate: Option<Arc<ClientCertificate>>,
    /// Whether header lines of one name come as one.
    pub(super) joined_headers: bool,
    /// Whether the proxy takes out the headers that it is told to.
    pub(super) removes_headers: bool,
    /// Whether the service gets the cookies that the proxy is told.
    pub(super) takes_cookies: bool,
    /// What the proxy takes it for, by name.
    pub(super) route: Option<String>,
    pub(super) service: Option<String>,
}

impl Told {
    /// The request as the gate takes it, at `door`.
    pub(crate) fn raw(&self, door: &'static str) -> RawRequest<'_> {
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        RawRequest {
            method: &self.method,
            target_authority: None,
            target_scheme: self.target_scheme.as_deref(),
            path,
            query,
            headers: &self.headers,
            peer: self.peer.ip(),
            scheme: self.scheme,
            certificate: self.certificate.as_ref(),
            door,
            relay: Some(Relay {
                joined_headers: self.joined_headers,
                removes_headers: self.removes_headers,
                takes_cookies: self.takes_cookies,
                route: self.route.as_deref(),
                service: self.service.as_deref(),
            }),
        }
    }
}
