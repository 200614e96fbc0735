//! What Doorward runs by: checked, with every default filled in.

mod audit;
mod identity;
mod issuers;
mod ledger;
mod listen;
mod services;
mod sign_in;
mod telemetry;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use doors::RouteTimeouts;
use gate::spec::GateSpec;

use crate::config::origin::Origin;
use crate::config::value::Network;

pub use self::audit::{Audit, Retain, Sync};
pub use self::identity::{Identity, SigningKeys};
pub use self::issuers::{IssuerKeys, KeySource, Refresh};
pub use self::ledger::Ledger;
pub use self::listen::{Acme, AskingDoor, AskingTls, Https, Listen, ListenAt};
pub use self::services::{Endpoint, ServiceTls, Upstream};
pub use self::sign_in::{Logo, Page, Party, Provider, SessionLimits, SignIn};
pub use self::telemetry::{LogFormat, Otlp, Telemetry};

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
    /// How people come by a session, if they do.
    pub sign_in: Option<SignIn>,
    /// What must last and be shared; there is one if there is `sign_in`.
    pub ledger: Option<Ledger>,
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
    pub(in crate::config) exceptions: Vec<Exception>,
    pub(in crate::config) origin: Origin,
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
        let sections: [(&str, &dyn fmt::Debug); 24] = [
            ("listen", &self.listen),
            ("trusted_peers", &self.trusted_peers),
            ("forwarding", &self.forwarding),
            ("identity", &self.identity),
            ("issuers", &self.issuers),
            ("profiles", &profiles),
            ("sign_in", &self.sign_in),
            ("ledger", &self.ledger),
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

/// Where decisions are asked for that others enforce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authzen {
    /// What identifies it.
    pub url: String,
    /// Whether those who ask are told why.
    pub reasons: bool,
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
