//! The peers, each configured for the same work.

use std::path::Path;

use anyhow::Result;
use testbed::Port;
use tokens::Algorithm;

use super::contestant::{Contestant, Process};
use super::field::Field;
use super::public_key::pem;
use crate::peer::Peer;

/// The configurations, with what is in braces to be filled in.
const NGINX: &str = include_str!("../../bench/nginx.conf");
const ENVOY: &str = include_str!("../../bench/envoy.yaml");
const HAPROXY: &str = include_str!("../../bench/haproxy.cfg");
/// How Envoy is told to end TLS.
const ENVOY_TLS: &str = include_str!("../../bench/envoy-tls.yaml");

/// In what the same peer differs from scenario to scenario.
#[derive(Clone, Copy)]
pub(super) struct Peers<'a> {
    pub(super) field: &'a Field,
    pub(super) service: std::net::SocketAddr,
    /// A file with a certificate and its key: callers speak TLS 1.3, and HTTP/2 if they like.
    pub(super) tls: Option<&'a Path>,
    /// How many connections there may be.
    pub(super) connections: usize,
    /// How many verified tokens Envoy keeps; none, and it has no cache.
    pub(super) kept: usize,
    /// Whether POST is allowed too.
    pub(super) posts: bool,
}

impl<'a> Peers<'a> {
    /// As they are where nothing else is said.
    pub(super) fn usual(field: &'a Field) -> Self {
        let service = field.service;
        Self { field, service, tls: None, connections: 4096, kept: 10_000, posts: false }
    }

    /// nginx, which checks nothing.
    pub(super) fn nginx(&self) -> Result<Contestant> {
        let port = Port::reserve()?;
        let (service, connections) = (self.service.to_string(), self.connections.to_string());
        let tls = self.tls.map_or(String::new(), |file| {
            let file = file.display();
            format!(" ssl http2; ssl_protocols TLSv1.3; ssl_certificate {file}; ssl_certificate_key {file}")
        });
        let values = [("service", &*service), ("connections", &*connections), ("tls", &*tls)];
        let peer = Peer::nginx(&self.folder("nginx")?, "nginx", NGINX, port.address(), &values)?;
        Contestant::new("nginx", port.address(), Process::Peer(peer), vec![port])
    }

    /// Envoy, which checks token, method, path and scope.
    pub(super) fn envoy(&self, name: &'static str) -> Result<Contestant> {
        let port = Port::reserve()?;
        let folder = self.folder(name)?;
        std::fs::write(folder.join("keys.json"), self.field.key_set())?;
        let service = self.service.port().to_string();
        let cache = match self.kept {
            0 => String::new(),
            kept => format!("jwt_cache_config: {{ jwt_cache_size: {kept} }}"),
        };
        let tls = self.tls.map_or(String::new(), |file| {
            ENVOY_TLS.trim_end().replace("{file}", &file.display().to_string())
        });
        let methods = if self.posts { "safe_regex: { regex: \"GET|POST\" }" } else { "exact: GET" };
        let values =
            [("service_port", &*service), ("cache", &*cache), ("tls", &*tls), ("methods", methods)];
        let peer = Peer::envoy(&folder, ENVOY, port.address(), &values)?;
        Contestant::new(name, port.address(), Process::Peer(peer), vec![port])
    }

    /// HAProxy, which checks the same, and keeps nothing.
    pub(super) fn haproxy(&self) -> Result<Contestant> {
        let port = Port::reserve()?;
        let folder = self.folder("haproxy")?;
        for (algorithm, file) in [(Algorithm::Rs256, "rs256.pem"), (Algorithm::Es256, "es256.pem")]
        {
            let keys = self.field.issuer(algorithm)?.key_set();
            std::fs::write(folder.join(file), pem(&keys)?)?;
        }
        let text = HAPROXY
            .replace("{listen}", &port.address().to_string())
            .replace("{service}", &self.service.to_string());
        let peer = Peer::haproxy(&folder, &text, port.address())?;
        Contestant::new("haproxy", port.address(), Process::Peer(peer), vec![port])
    }

    /// A new folder for one of them.
    fn folder(&self, name: &str) -> Result<std::path::PathBuf> {
        let folder = tempfile::Builder::new().prefix(name).tempdir_in(&self.field.folder)?;
        // It goes with the folder that it is in.
        Ok(folder.keep())
    }
}
