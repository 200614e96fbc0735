//! From a configuration to what the doors judge and forward by. What did not change is carried over.

mod error;
mod issuer_keys;
mod saml_metadata;
mod signer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use doors::authzen::DecisionPoint;
use doors::proxy::Obtained;
use doors::{Metrics, Model, Telling};
use egress::{ClientCertificate, Egress, EgressOptions};
use federation::metadata::MetadataKeeper;
use federation::{Household, Reception};
use gate::request::{IdentityHeaders, Network, Reading, ReadingLimits};
use gate::spec::IssuerSpec;
use ledger::Clock;
use ledger::audit::{self, AuditOptions};
use ledger::keys::signing::{SigningKeeper, SigningKeys};
use ledger::keys::{self, KeyRings};
use tokens::{CertificateProfile, Digest};
use tokio::time::{sleep, timeout};

pub use error::AssemblyError;
use issuer_keys::egress_options;

use super::acme::{Acme, DomainStatus};
use super::carried_services::CarriedServices;
use super::door_tls::{proxy_tls, server_tls};
use super::signing_in;
use crate::config::{self, Config, Exception, Identity, Loaded};
use crate::entropy::Entropy;

/// How often it is looked whether the first keys are there.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Puts models together, one after another.
#[derive(Debug)]
pub(crate) struct Assembly {
    clock: Arc<dyn Clock>,
    entropy: Entropy,
    metrics: Metrics,
    /// What the reception uses, where there is a ledger.
    house: OnceLock<Household>,
    carried: Mutex<Carried>,
}

/// What goes on from one model to the next.
#[derive(Debug, Default)]
struct Carried {
    rings: HashMap<Option<PathBuf>, (Arc<Egress>, Arc<KeyRings>)>,
    metadata: HashMap<Option<PathBuf>, MetadataKeeper>,
    signing: Option<(Identity, Arc<SigningKeys>, SigningKeeper)>,
    services: CarriedServices,
    acme: Option<Acme>,
}

/// A model, and what is told of the configuration behind it.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) model: Model,
    pub(crate) facts: ConfigFacts,
}

/// What is told of a configuration.
#[derive(Clone, Debug)]
pub(crate) struct ConfigFacts {
    pub(crate) policy_set: Arc<str>,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) disabled_issuers: Vec<String>,
}

impl Assembly {
    pub(crate) fn new(clock: Arc<dyn Clock>, entropy: Entropy, metrics: Metrics) -> Self {
        Self { clock, entropy, metrics, house: OnceLock::new(), carried: Mutex::default() }
    }

    /// What the reception of every model uses from now on.
    pub(super) fn keep_house(&self, house: Household) {
        // There is one ledger as long as the process lives.
        let _ = self.house.set(house);
    }

    /// A model. To be called within the control runtime, which runs the tasks behind it.
    pub(crate) fn model(&self, loaded: Loaded) -> Result<Assembled, AssemblyError> {
        let Loaded { config, gate } = loaded;
        let mut carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = self.keys(&config, &mut carried)?;
        let signer = self.signer(&config, &mut carried)?;
        let reception = self.reception(&config, &keys, &mut carried)?;
        let services = carried.services.assemble(&config, &self.metrics, &self.clock)?;
        let believed = config.gate.issuers.iter().filter(|issuer| !issuer.disabled);
        let believed = believed.filter_map(IssuerSpec::certificates);
        let authorities: Vec<_> =
            believed.flat_map(CertificateProfile::certificates).map(<[u8]>::to_vec).collect();
        let obtained = self.acme(&config, &mut carried)?;
        let listen = &config.listen;
        let server_tls =
            listen.https.as_ref().map(|https| server_tls(https, authorities, obtained));
        let ext_authz_tls = proxy_tls(listen.ext_authz.as_ref(), true)?;
        let forward_auth = listen.forward_auth.as_ref().map(|(door, _)| door);
        let forward_auth_tls = proxy_tls(forward_auth, false)?;
        let policy_set = policy_set_version(&config);
        let reading = Reading {
            identity_headers: IdentityHeaders::clone(gate.identity_headers()),
            trusted_peers: config.trusted_peers.iter().filter_map(network).collect(),
            via: config.forwarding.via.clone(),
            limits: ReadingLimits {
                target_bytes: config.limits.uri_bytes,
                head_bytes: config.limits.header_bytes,
                headers: config.limits.headers,
            },
        };
        let facts = ConfigFacts {
            policy_set: Arc::clone(&policy_set),
            exceptions: config.exceptions().to_vec(),
            files: config.files().to_vec(),
            disabled_issuers: disabled(&config),
        };
        let model = Model {
            gate: Arc::new(gate),
            reading,
            telling: Telling {
                x_forwarded: config.forwarding.x_forwarded,
                forwarded: config.forwarding.forwarded,
                via: config.forwarding.via.clone(),
            },
            services,
            decision_point: config.authzen.as_ref().and_then(|point| {
                // INVARIANT: a configuration with another URL is not good.
                DecisionPoint::new(&point.url, point.reasons).ok()
            }),
            route_timeouts: route_timeouts(&config),
            keys,
            signer,
            reception,
            server_tls: server_tls.transpose()?,
            ext_authz_tls,
            forward_auth_tls,
            https_port: config
                .listen
                .https
                .as_ref()
                .filter(|_| config.listen.redirect_to_https)
                .map(|https| https.address.port()),
            proxy_protocol: config.listen.proxy_protocol,
            policy_set,
            max_body: config.limits.body_bytes,
            body_rate: config.limits.body_rate,
            audit_budget: config.audit.budget,
        };
        Ok(Assembled { model, facts })
    }

    /// Begins to fetch the keys of issuers, and waits until there are some of each, for at most `limit`: who waits for
    /// this process to accept is not to be told that it is not ready. Unless another process is in service meanwhile, an
    /// issuer that could not be reached is not waited for.
    pub(crate) async fn first_keys(
        &self,
        config: &Config,
        limit: Duration,
        in_service: bool,
    ) -> Result<(), AssemblyError> {
        let keys = {
            let mut carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
            self.keys(config, &mut carried)?
        };
        let all = async {
            let settled = |issuer: &keys::IssuerKeys| {
                let status = issuer.status(self.clock.now());
                status.state.is_serving() || (!in_service && status.fetches > 0)
            };
            while !keys.values().all(settled) {
                sleep(LOOK_EVERY).await;
            }
        };
        if timeout(limit, all).await.is_err() {
            tracing::warn!(
                "an issuer's keys cannot be had; its tokens open nothing until they can"
            );
        }
        Ok(())
    }

    /// Leaves the directory of the signing keys and the ordering of certificates to another process; the keys at hand sign
    /// on, and the certificates at hand are shown on.
    pub(crate) fn let_go(&self) {
        let mut carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
        carried.acme = None;
        if let Some((_, keys, _)) = &carried.signing {
            keys.let_go();
        }
    }

    /// What is known of the certificates that are obtained.
    pub(crate) fn acme_status(&self) -> Vec<DomainStatus> {
        let carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
        carried.acme.as_ref().map_or_else(Vec::new, Acme::status)
    }

    /// The certificates that are obtained. What obtains them goes on as long as it is told the same.
    fn acme(
        &self,
        config: &Config,
        carried: &mut Carried,
    ) -> Result<Option<Arc<Obtained>>, AssemblyError> {
        let options = config.listen.https.as_ref().and_then(|https| https.acme.as_ref());
        if carried.acme.as_ref().map(Acme::options) != options {
            let started = options.map(|options| {
                let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
                Acme::start(options.clone(), clock, entropy, self.metrics.clone())
            });
            carried.acme = started.transpose()?;
        }
        Ok(carried.acme.as_ref().map(Acme::obtained))
    }

    /// Where people sign in.
    fn reception(
        &self,
        config: &Config,
        keys: &HashMap<Arc<str>, keys::IssuerKeys>,
        carried: &mut Carried,
    ) -> Result<Option<Arc<Reception>>, AssemblyError> {
        let Some((sign_in, house)) = config.sign_in.as_ref().zip(self.house.get()) else {
            return Ok(None);
        };
        let known = signing_in::Known { keys, metadata: self.metadata(sign_in, carried)? };
        let egress = |ca: Option<&PathBuf>, certificate: Option<&PathBuf>| match certificate {
            None => Ok(self.rings(ca.cloned(), carried)?.0),
            Some(path) => {
                // Certificate and key stand in one file.
                let client = Some(ClientCertificate { chain: path.clone(), key: path.clone() });
                let options = EgressOptions { client, ..egress_options(ca.cloned()) };
                Ok(Arc::new(Egress::new(options)?))
            }
        };
        let reception = signing_in::reception(sign_in, house.clone(), &known, egress)?;
        Ok(Some(Arc::new(reception)))
    }
}

/// How the audit log is kept.
pub(super) fn audit_options(config: &Config) -> AuditOptions {
    let audit = &config.audit;
    AuditOptions {
        segment_bytes: audit.segment_bytes,
        segment_age: Some(audit.segment_age),
        retain: audit::Retain {
            segments: audit.retain.segments,
            age: audit.retain.age,
            bytes: audit.retain.bytes,
        },
        queue_records: audit.queue_records,
        sync: match audit.sync {
            config::Sync::EveryRecord => audit::Sync::EveryRecord,
            config::Sync::Every(interval) => audit::Sync::Interval(interval),
        },
        policy_set: policy_set_version(config).to_string(),
        ..AuditOptions::in_dir(&audit.directory)
    }
}

/// A name for everything that requests are judged by: equal configurations have equal names.
pub(crate) fn policy_set_version(config: &Config) -> Arc<str> {
    Digest::of(&format!("{:?}", config.gate)).short().into()
}

fn route_timeouts(config: &Config) -> HashMap<Arc<str>, doors::RouteTimeouts> {
    config.route_timeouts.iter().map(|(route, own)| (Arc::from(route.as_str()), *own)).collect()
}

fn network(network: &config::Network) -> Option<Network> {
    network.to_string().parse().ok()
}

fn disabled(config: &Config) -> Vec<String> {
    config
        .issuers
        .iter()
        .filter(|(_, issuer)| issuer.disabled)
        .map(|(name, _)| name.clone())
        .collect()
}
