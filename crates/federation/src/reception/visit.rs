//! A request to one of our own pages.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use gate::request::{RawRequest, Reading, Scheme};
use gate::{CanonicalRequest, Gate};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method};
use tokens::Digest;

use super::cookies::BROWSER;
use crate::form::Parameters;

/// The most bytes that a form may have.
pub(super) const MAX_FORM_BYTES: usize = 64 * 1024;
/// The most bytes that one may have in which a provider answers: 256 KiB in base64, with line ends, escaped, and a state.
pub(super) const MAX_ANSWER_BYTES: usize = 768 * 1024;

/// A request to one of our own pages, read like every other.
#[derive(Debug)]
pub struct Visit {
    /// The request.
    pub request: CanonicalRequest,
    /// The body, at most [`super::Reception::form_limit`].
    pub body: Bytes,
    /// Its id in records.
    pub id: String,
    /// Where it came from.
    pub peer: SocketAddr,
    /// Who judges where the visitor wants to go.
    pub gate: Arc<Gate>,
}

impl Visit {
    pub(super) fn method(&self) -> &Method {
        self.request.method()
    }

    pub(super) fn query(&self) -> Option<Parameters> {
        Parameters::parse(self.request.query().unwrap_or_default()).ok()
    }

    /// What was sent as a form.
    pub(super) fn form(&self) -> Option<Parameters> {
        let kind = self.request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
        let kind = kind.split(';').next()?.trim();
        let form = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let text = std::str::from_utf8(&self.body).ok().filter(|_| form)?;
        Parameters::parse(text).ok()
    }

    /// By which state and ticket an answer was left for this browser.
    pub(super) fn ticket(&self) -> Option<(String, String)> {
        let mut query = self.query()?;
        Some((query.take("RelayState")?, query.take("ticket").unwrap_or_default()))
    }

    /// The value of the cookie by which we know the browser here.
    pub(super) fn browser(&self) -> Option<&str> {
        self.request.own_cookie(BROWSER)
    }

    /// The digest of that.
    pub(super) fn browser_digest(&self) -> Option<String> {
        self.browser().map(|value| Digest::of(value).to_string())
    }

    /// Whether browsers keep cookies of ours here: over TLS, or on this very machine.
    pub(super) fn keeps_cookies(&self) -> bool {
        let name = self.request.host().name();
        let here = name == "localhost" || name.ends_with(".localhost") || name == "127.0.0.1";
        self.request.scheme() == Scheme::Https || here
    }

    /// The request that the visitor would make next, if `to` is a place on this host that has one reading.
    pub(super) fn request_for(&self, to: &str) -> Option<CanonicalRequest> {
        self.request_at(&self.request.host().to_string(), to)
    }

    /// The request that the visitor would make next, if `url` is a place that is reached as this one was, on any host.
    pub(super) fn request_to(&self, url: &str) -> Option<CanonicalRequest> {
        let rest = url.strip_prefix(self.request.scheme().as_str())?.strip_prefix("://")?;
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, to) = rest.split_at_checked(at)?;
        self.request_at(host, if to.is_empty() { "/" } else { to })
    }

    fn request_at(&self, host: &str, to: &str) -> Option<CanonicalRequest> {
        let (path, query) = match to.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (to, None),
        };
        if !path.starts_with('/') || path.starts_with("//") || to.len() > gate::MAX_RETURN_BYTES {
            return None;
        }
        let host = HeaderValue::from_str(host).ok()?;
        let raw = RawRequest {
            method: &Method::GET,
            target_authority: None,
            target_scheme: None,
            path,
            query,
            headers: &HeaderMap::from_iter([(HOST, host)]),
            peer: self.request.peer(),
            scheme: self.request.scheme(),
            certificate: None,
            door: self.request.door(),
            relay: None,
        };
        CanonicalRequest::read(&raw, &Reading::default()).ok()
    }
}
