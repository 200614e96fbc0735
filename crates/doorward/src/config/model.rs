//! What Doorward runs by: checked, with every default filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use doors::proxy::At;
use doors::relay::Caller;
use doors::{Ejection, Health, Retry, RouteTimeouts, Timeouts};
use gate::spec::GateSpec;
use tokens::CertificateProfile;

use super::origin::Origin;
use super::value::Network;

/// A configuration that has been read and found good.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where Doorward listens.
    pub listen: Listen,
    /// The networks of the peers whose forwarded headers count.
    pub trusted_peers: Vec<Network>,
    /// What services are told about the way that a request has come.
    pub forwarding: Forwarding,
    /// The signed identity that services are told, if any is.
    pub identity: Option<Identity>,
    /// Where the keys of the issuers come from, by name; disabled ones included.
    pub issuers: BTreeMap<String, IssuerKeys>,
    /// Where services are and how they are asked, by name.
    pub services: BTreeMap<String, Upstream>,
    /// The timeouts of routes that have some of their own, by name.
    pub route_timeouts: BTreeMap<String, RouteTimeouts>,
    /// The name servers that are asked for the names of endpoints; none for the machine's own.
    pub dns_servers: Vec<SocketAddr>,
    /// What the gate is built from.
    pub gate: GateSpec,
    /// Where decisions are asked for that others enforce, if anywhere.
    pub authzen: Option<Authzen>,
    /// The audit log.
    pub audit: Audit,
    /// What one caller may ask of the listener.
    pub limits: Limits,
    /// How many threads serve requests; at least one.
    pub data_threads: usize,
    /// How many verified tokens are kept; zero keeps none.
    pub token_cache_entries: usize,
    /// What Doorward tells about itself.
    pub telemetry: Telemetry,
    pub(super) exceptions: Vec<Exception>,
    pub(super) origin: Origin,
}

impl Config {
    /// The exceptions to safe defaults that this configuration makes, in its order.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// What it comes down to, for people and for comparison: every effective value, in a stable order. Texts that a
    /// reference stood for are shown as the reference.
    #[must_use]
    pub fn normalized(&self) -> String {
        let profiles = self.gate.issuers.iter().map(|issuer| &issuer.identities);
        let profiles: Vec<_> = profiles.collect();
        let sections: [(&str, &dyn fmt::Debug); 22] = [
            ("listen", &self.listen),
            ("trusted_peers", &self.trusted_peers),
            ("forwarding", &self.forwarding),
            ("identity", &self.identity),
            ("issuers", &self.issuers),
            ("profiles", &profiles),
            ("services", &self.services),
            ("forwards", &self.gate.services),
            ("defaults", &self.gate.defaults),
            ("routes", &self.gate.routes),
            ("route_timeouts", &self.route_timeouts),
            ("dns_servers", &self.dns_servers),
            ("policies", &self.gate.policies),
            ("revoked", &self.gate.revoked),
            ("authzen", &self.authzen),
            ("evaluation", &self.gate.evaluation),
            ("audit", &self.audit),
            ("limits", &self.limits),
            ("data_threads", &self.data_threads),
            ("token_cache_entries", &self.token_cache_entries),
            ("telemetry", &self.telemetry),
            ("exceptions", &self.exceptions),
        ];
        let dump = sections
            .iter()
            .fold(String::new(), |dump, (name, section)| format!("{dump}{name}: {section:#?}\n"));
        self.origin.hide(&dump)
    }
}

/// Only what it is made from: the whole would fill pages, see [`Config::normalized`].
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("source", &self.origin.source()).finish_non_exhaustive()
    }
}

/// An exception to a safe default, made by a key that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The key, as in `listen.danger_plain_http_beyond_loopback`.
    pub key: String,
    /// What it means, as a sentence without full stop.
    pub meaning: &'static str,
}

/// Where Doorward listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The reverse proxy, plain HTTP.
    pub http: Option<SocketAddr>,
    /// The reverse proxy, HTTPS.
    pub https: Option<Https>,
    /// The decision service for Envoy.
    pub ext_authz: Option<AskingDoor>,
    /// The decision service for proxies that ask by HTTP, and in which headers they say what they ask about.
    pub forward_auth: Option<(AskingDoor, Caller)>,
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

/// What services are told about the way that a request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// Whether in `X-Forwarded-For`, `-Host` and `-Proto`.
    pub x_forwarded: bool,
    /// Whether in `Forwarded` (RFC 7239).
    pub forwarded: bool,
    /// The pseudonym in `Via`, if there is one.
    pub via: Option<String>,
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

/// The signed identity that services are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The `iss` of the identities.
    pub issuer: String,
    /// How long one is valid; at most 60 seconds.
    pub lifetime: Duration,
    /// Where the signing keys are kept.
    pub keys: SigningKeys,
    /// How often a new key takes over.
    pub rotate_every: Duration,
}

/// Where signing keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningKeys {
    /// In this directory.
    Directory(PathBuf),
    /// In memory: gone with the process.
    Memory,
}

/// Where the keys of an issuer come from. What its tokens must be is in its `tokens::Profile`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerKeys {
    /// The issuer's identifier: the exact `iss` of its tokens.
    pub issuer: String,
    /// Where they come from.
    pub source: KeySource,
    /// How often they are fetched.
    pub refresh: Refresh,
    /// A PEM file with the authorities that its server is believed by, in place of the machine's.
    pub ca: Option<PathBuf>,
    /// Whether keys may be fetched over plain HTTP beyond loopback.
    pub plain_http: bool,
    /// Whether the issuer is switched off; its keys are then not fetched.
    pub disabled: bool,
}

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// From the issuer's own metadata.
    Discovery,
    /// From this file, a JSON Web Key Set.
    File(PathBuf),
    /// From this JSON Web Key Set.
    Inline(String),
    /// From the JSON Web Key Set at this URL.
    JwksUri(String),
}

/// How often keys are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// No more often than this.
    pub min: Duration,
    /// At least this often; not less than `min`.
    pub max: Duration,
    /// How long the last keys are kept when the issuer does not answer.
    pub stale_grace: Duration,
    /// How often unknown keys may set off a fetch, at most.
    pub unknown_kid_interval: Duration,
}

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

/// Where decisions are asked for that others enforce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authzen {
    /// What identifies it.
    pub url: String,
    /// Whether those who ask are told why.
    pub reasons: bool,
}

/// The audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The directory that holds it.
    pub directory: PathBuf,
    /// How large a segment grows.
    pub segment_bytes: u64,
    /// How old a segment grows.
    pub segment_age: Duration,
    /// What is kept.
    pub retain: Retain,
    /// When records reach the disk.
    pub sync: Sync,
    /// How long a request waits for its record.
    pub budget: Duration,
    /// How many records may wait to be written.
    pub queue_records: usize,
}

/// What is kept of the audit log: everything that is within all of the bounds that are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retain {
    /// At most this many segments.
    pub segments: Option<usize>,
    /// Segments at most this old.
    pub age: Option<Duration>,
    /// At most this many bytes in all.
    pub bytes: Option<u64>,
}

/// When audit records reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// In batches, this often.
    Every(Duration),
    /// Each by itself, before its request is forwarded.
    EveryRecord,
}

/// What one caller may ask of the listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The head of a request, in bytes.
    pub header_bytes: usize,
    /// The headers of a request.
    pub headers: usize,
    /// Requests at a time on one connection of HTTP/2.
    pub streams: u32,
    /// The path and query of a request, in bytes.
    pub uri_bytes: usize,
    /// The body of a request, in bytes; none for no limit.
    pub body_bytes: Option<u64>,
    /// The least bytes per second of a request's body; zero for any pace.
    pub body_rate: u64,
    /// The least bytes of answers that a caller takes per second; zero for any pace.
    pub answer_rate: u64,
    /// Connections open at a time.
    pub connections: usize,
    /// Requests under way at a time.
    pub requests: usize,
    /// How long the head of a request may take to arrive.
    pub header_timeout: Duration,
    /// How long a connection may be idle between requests.
    pub idle_timeout: Duration,
    /// How long a caller may take nothing of what it is sent.
    pub write_timeout: Duration,
    /// After how many requests a connection is closed.
    pub requests_per_connection: usize,
    /// How long open requests may take to end when Doorward stops.
    pub drain: Duration,
    /// Addresses, and identities, that rates remember at a time.
    pub rate_keys: usize,
}

/// What Doorward tells about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// How the log is written.
    pub log_format: LogFormat,
    /// How much is logged: `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: &'static str,
    /// Where traces and metrics go, if anywhere.
    pub otlp: Option<Otlp>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// Where traces and metrics go.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// The collector's URL.
    pub endpoint: String,
    /// The part of requests that is traced, from 0 to 1.
    pub sample_ratio: f64,
}
