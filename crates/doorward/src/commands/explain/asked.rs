//! The request that is asked about, as the proxy door would read it.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use gate::ClientCertificate;
use gate::request::{RawRequest, Scheme};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokens::UnverifiedChain;

/// The door whose reading it is.
const DOOR: &str = "proxy";

/// A request, before it is read.
#[derive(Debug)]
pub(super) struct Asked {
    method: Method,
    target: Uri,
    headers: HeaderMap,
    peer: IpAddr,
    scheme: Scheme,
    certificate: Option<Arc<ClientCertificate>>,
}

impl Asked {
    /// From the command line; each complaint says what was expected.
    pub(super) fn new(
        method: &str,
        url: &str,
        lines: &[String],
        peer: IpAddr,
        token: Option<&str>,
    ) -> Result<Self, String> {
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| format!("`{method}` is not a method"))?;
        let (authority, target) = split(url)?;
        // The door's parser takes the target from the request line in the same way.
        let target = target.parse().map_err(|error| {
            format!("`{target}` is not a request target: {error}; the proxy door answers 400")
        })?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| format!("`{line}` is not a header: expected `Name: value`"))?;
            let name: HeaderName =
                name.trim().parse().map_err(|_| format!("`{name}` is not a header's name"))?;
            let value = HeaderValue::from_str(value.trim())
                .map_err(|_| format!("the value of `{name}` cannot stand in a header"))?;
            headers.append(name, value);
        }
        if !headers.contains_key(HOST) {
            let host = HeaderValue::from_str(authority);
            headers.insert(HOST, host.map_err(|_| format!("`{authority}` is not a host"))?);
        }
        let scheme = if url.starts_with("https://") { Scheme::Https } else { Scheme::Http };
        let asked = Self { method, target, headers, peer, scheme, certificate: None };
        match token {
            Some(token) => asked.with_token(token),
            None => Ok(asked),
        }
    }

    /// The same, with a bearer token beside whatever else is shown.
    pub(super) fn with_token(mut self, token: &str) -> Result<Self, String> {
        let value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| "the token has characters that no header can hold".to_owned())?;
        self.headers.append(AUTHORIZATION, value);
        Ok(self)
    }

    /// The same, over TLS with the client certificates in a file.
    pub(super) fn with_certificate(mut self, path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let pem = std::fs::read(path).map_err(|error| format!("`{shown}`: {error}"))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.map_err(|error| format!("`{shown}` is not a PEM file: {error}"))?;
        let chain = UnverifiedChain::new(chain.iter().map(AsRef::as_ref))
            .ok_or_else(|| format!("`{shown}` holds no certificate"))?;
        self.scheme = Scheme::Https;
        self.certificate = Some(Arc::new(ClientCertificate::new(chain)));
        Ok(self)
    }

    /// The bearer token that is shown, if one is.
    pub(super) fn bearer(&self) -> Option<&str> {
        let value = self.headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
    }

    pub(super) fn raw(&self) -> RawRequest<'_> {
        RawRequest {
            method: &self.method,
            target_authority: None,
            target_scheme: None,
            path: self.target.path(),
            query: self.target.query(),
            headers: &self.headers,
            peer: self.peer,
            scheme: self.scheme,
            certificate: self.certificate.as_ref(),
            door: DOOR,
            relay: None,
        }
    }
}

/// The authority and the target of a URL, as a caller takes them apart.
fn split(url: &str) -> Result<(&str, &str), String> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
        .ok_or_else(|| format!("`{url}` is not a URL: expected `http://host/path`"))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest.split_at_checked(end) {
        Some((authority, "")) => Ok((authority, "/")),
        Some((authority, target)) if target.starts_with('/') => Ok((authority, target)),
        _ => Err(format!("`{url}` has no path: expected `http://host/path?query`")),
    }
}
