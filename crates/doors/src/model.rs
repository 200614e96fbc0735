//! What the doors judge and forward by. A new configuration makes a new model, swapped in whole.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arc_swap::ArcSwap;
use federation::{Reception, Sessions};
use gate::request::Reading;
use gate::{Gate, Identity, IssuerKeys, Keys};
use ledger::Clock;
use ledger::audit::AuditLog;
use tokens::{Timestamp, TokenCache};

use crate::authzen::DecisionPoint;
use crate::crowd::Crowd;
use crate::in_flight::FinishedRequest;
use crate::metrics::Metrics;
use crate::proxy::{ServerTls, Service};
use crate::rates::Rates;
use crate::relay::ProxyTls;
use crate::service_options::RouteTimeouts;
use crate::signed_identity::IdentitySigner;
use crate::telling::Telling;

/// Everything that changes with the configuration.
#[derive(Debug)]
pub struct Model {
    /// The judge.
    pub gate: Arc<Gate>,
    /// How requests are read.
    pub reading: Reading,
    /// What services are told about where a request came from.
    pub telling: Telling,
    /// The services, in the order of the gate's specification.
    pub services: Vec<Arc<Service>>,
    /// The timeouts of routes that have some of their own, by the route's name.
    pub route_timeouts: HashMap<Arc<str>, RouteTimeouts>,
    /// Where decisions are asked for that others enforce, if anywhere.
    pub decision_point: Option<DecisionPoint>,
    /// The keys of issuers, by name.
    pub keys: HashMap<Arc<str>, ledger::keys::IssuerKeys>,
    /// Signs identities for services; none if no service asks for it.
    pub signer: Option<Arc<IdentitySigner>>,
    /// Where people sign in, if they do.
    pub reception: Option<Arc<Reception>>,
    /// The version of the policy set, for records.
    pub policy_set: Arc<str>,
    /// How TLS is spoken with callers; none when there is no such listener.
    pub server_tls: Option<ServerTls>,
    /// How TLS is spoken with proxies that ask by gRPC, if it is.
    pub ext_authz_tls: Option<Arc<ProxyTls>>,
    /// How TLS is spoken with proxies that ask by HTTP, if it is.
    pub forward_auth_tls: Option<Arc<ProxyTls>>,
    /// The port of HTTPS that requests over plain HTTP are redirected to, if they are.
    pub https_port: Option<u16>,
    /// Whether connections from trusted peers begin with the PROXY protocol.
    pub proxy_protocol: bool,
    /// The most bytes a request's body may have; `None` for any.
    pub max_body: Option<u64>,
    /// The least bytes per second of a request's body; zero for any pace.
    pub body_rate: u64,
    /// How long a request waits for the audit log.
    pub audit_budget: Duration,
}

/// What all doors share for as long as the process lives.
pub struct Doorway {
    /// The model in force.
    pub model: ArcSwap<Model>,
    /// Tokens that were verified before.
    pub cache: TokenCache<Identity>,
    /// The sessions; none where nobody signs in.
    pub sessions: Option<Arc<Sessions>>,
    /// How many requests came of late.
    pub rates: Rates,
    /// The audit log.
    pub audit: Arc<AuditLog>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The requests under way.
    pub crowd: Arc<Crowd>,
    /// Counters.
    pub metrics: Metrics,
    /// Whether requests that are still under way are being cut off because the process ends.
    pub cutting_off: AtomicBool,
    /// Where sampled traces go.
    pub traces: Arc<dyn TraceSink>,
}

/// Takes finished requests for traces.
pub trait TraceSink: std::fmt::Debug + Send + Sync {
    /// Whether a trace that begins here is recorded.
    fn samples(&self, trace_id: &[u8; 16]) -> bool;
    /// Takes a finished request whose trace is recorded.
    fn finished(&self, request: &FinishedRequest<'_>);
    /// Sends what it has taken, for at most `within`. Blocks.
    fn flush(&self, within: Duration);
}

impl std::fmt::Debug for Doorway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doorway").finish_non_exhaustive()
    }
}

impl Doorway {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The sessions, as the gate asks about them.
    pub(crate) fn sessions(&self) -> Option<&dyn gate::Sessions> {
        self.sessions.as_deref().map(|sessions| sessions as &dyn gate::Sessions)
    }
}

/// The keys of a model at one moment.
pub(crate) struct KeysAt<'a> {
    pub(crate) model: &'a Model,
    pub(crate) now: Timestamp,
}

impl Keys for KeysAt<'_> {
    fn keys_of(&self, issuer: &str) -> IssuerKeys {
        let Some(keys) = self.model.keys.get(issuer) else {
            return IssuerKeys::Unavailable;
        };
        match keys.snapshot().keys_at(self.now) {
            Ok(keys) => IssuerKeys::Usable(Arc::clone(keys)),
            Err(_) => IssuerKeys::Unavailable,
        }
    }
}
