//! Where Doorward listens.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use doors::relay::Asking;
use tokens::CertificateProfile;

/// Where Doorward listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The reverse proxy, plain HTTP.
    pub http: Option<SocketAddr>,
    /// The reverse proxy, HTTPS.
    pub https: Option<Https>,
    /// The decision service for Envoy.
    pub ext_authz: Option<AskingDoor>,
    /// The decision service for proxies that ask by HTTP, and how they ask.
    pub forward_auth: Option<(AskingDoor, Asking)>,
    /// Whether requests over plain HTTP are redirected to HTTPS.
    pub redirect_to_https: bool,
    /// Whether connections from trusted peers begin with the PROXY protocol.
    pub proxy_protocol: bool,
    /// Health, readiness and metrics.
    pub admin: SocketAddr,
}

/// A door at which proxies ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskingDoor {
    /// Where it is.
    pub at: ListenAt,
    /// TLS, and which proxies may ask; who is on the same machine may without.
    pub tls: Option<AskingTls>,
}

/// Mutual TLS with proxies that ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskingTls {
    /// PEM files with the certificate chain that they are shown, and its private key.
    pub certificates: Vec<PathBuf>,
    /// Which certificates theirs are.
    pub profile: CertificateProfile,
    /// The subjects of those that may ask.
    pub proxies: BTreeSet<String>,
}

/// Where it is listened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAt {
    /// At an IP address and port.
    Address(SocketAddr),
    /// At a Unix socket.
    Socket(PathBuf),
}

impl ListenAt {
    /// Whether the system may choose the port.
    #[must_use]
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Address(address) if address.port() == 0)
    }
}

impl fmt::Display for ListenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Where HTTPS is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Https {
    /// The address.
    pub address: SocketAddr,
    /// PEM files with certificate chains and private keys.
    pub certificates: Vec<PathBuf>,
    /// How more certificates are obtained, if they are.
    pub acme: Option<Acme>,
    /// Whether callers must show a client certificate, once there are issuers of some.
    pub client_certificates_required: bool,
}

/// How certificates are obtained from a server that speaks ACME (RFC 8555), whose terms have been accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// The URL of its directory.
    pub directory: String,
    /// The names, in lower case; at least one.
    pub domains: Vec<String>,
    /// Where the server can reach the operator.
    pub contact: Vec<String>,
    /// The directory for the account's key and the certificates.
    pub cache: PathBuf,
    /// Whose certificates the server may show; the system's without any.
    pub ca: Option<PathBuf>,
    /// How long before its end a certificate is renewed.
    pub renew_before: Duration,
}
