//! What a reload does not change.

use std::net::SocketAddr;

use crate::config::{Audit, Config, Limits, Listen, Telemetry};

/// What a reload does not change: it takes a restart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KeptSettings {
    listen: Listen,
    audit: Audit,
    /// Where the ledger is, in words: keys are not compared.
    ledger: Option<String>,
    limits: Limits,
    data_threads: usize,
    token_cache_entries: usize,
    telemetry: Telemetry,
}

impl KeptSettings {
    pub(super) fn of(config: &Config) -> Self {
        let mut listen = config.listen.clone();
        // New connections are read as the new configuration says.
        listen.proxy_protocol = false;
        // So is how proxies ask.
        if let Some(door) = &mut listen.ext_authz {
            door.tls = None;
        }
        if let Some((door, _)) = &mut listen.forward_auth {
            door.tls = None;
        }
        if let Some(https) = &mut listen.https {
            // Certificates are read again, or ordered from another server.
            https.certificates.clear();
            https.acme = None;
            https.client_certificates_required = false;
        }
        Self {
            listen,
            audit: config.audit.clone(),
            ledger: config.ledger.as_ref().map(|ledger| format!("{:?}", ledger.at)),
            limits: config.limits.clone(),
            data_threads: config.data_threads,
            token_cache_entries: config.token_cache_entries,
            telemetry: config.telemetry.clone(),
        }
    }

    pub(super) const fn admin(&self) -> SocketAddr {
        self.listen.admin
    }

    /// The keys in which another configuration differs.
    pub(super) fn differences(&self, other: &Self) -> Vec<&'static str> {
        [
            ("listen", self.listen != other.listen),
            ("audit", self.audit != other.audit),
            ("ledger", self.ledger != other.ledger),
            ("limits", self.limits != other.limits),
            ("data_threads", self.data_threads != other.data_threads),
            ("token_cache", self.token_cache_entries != other.token_cache_entries),
            ("telemetry", self.telemetry != other.telemetry),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}
