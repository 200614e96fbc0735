//! Where services are, and how they are asked.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use doors::proxy::At;
use doors::{Ejection, Health, Retry, Timeouts};

/// Where a service is and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its addresses; at least one, each once.
    pub endpoints: Vec<Endpoint>,
    /// How long an endpoint that comes up takes to get all of its share.
    pub slow_start: Duration,
    /// Whether HTTP/2 is spoken with them.
    pub http2: bool,
    /// How TLS is spoken with those that are `https`.
    pub tls: Option<ServiceTls>,
    /// How they are checked.
    pub health: Option<Health>,
    /// When one is left alone for what it answers.
    pub ejection: Ejection,
    /// What is sent once more.
    pub retry: Retry,
    /// How long it is waited for.
    pub timeouts: Timeouts,
    /// How many connections each data thread opens to each endpoint.
    pub max_connections: usize,
    /// So many of these, of a hundred, one caller may have.
    pub caller_share_percent: usize,
    /// How many requests of each data thread may wait for a connection.
    pub max_pending: usize,
    /// How many requests are under way at a time on one connection of HTTP/2.
    pub max_streams: usize,
}

/// How TLS is spoken with a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceTls {
    /// A PEM file with the authorities to believe; none for the system's.
    pub ca: Option<PathBuf>,
    /// The name that its certificate is for; none for the host of the endpoint.
    pub server_name: Option<String>,
    /// The SPIFFE ID that its certificate has, in place of a name.
    pub spiffe_id: Option<String>,
    /// PEM files with the certificate to show and its key.
    pub certificates: Vec<PathBuf>,
}

/// One address of a service, or a name for several.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Where it is.
    pub at: At,
    /// How much it is given beside the others.
    pub weight: u32,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        match &self.at {
            At::Address(address) => write!(f, "{scheme}://{address}"),
            At::Name(host, port) => write!(f, "{scheme}://{host}:{port}"),
            At::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({})", self.weight)
    }
}
