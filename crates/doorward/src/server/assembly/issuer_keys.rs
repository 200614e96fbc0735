//! The keys of issuers and providers, and how the servers that have them are spoken to.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use egress::{Egress, EgressOptions, TrustRoots};
use ledger::keys::{self, IssuerKeyOptions, KeyRings, KeyTiming};

use super::{Assembly, AssemblyError, Carried};
use crate::config::{self, Config};
use crate::entropy;

impl Assembly {
    /// The keys of everyone who is believed, by name.
    pub(super) fn keys(
        &self,
        config: &Config,
        carried: &mut Carried,
    ) -> Result<HashMap<Arc<str>, keys::IssuerKeys>, AssemblyError> {
        let mut by_ca: HashMap<Option<PathBuf>, Vec<IssuerKeyOptions>> = HashMap::new();
        for (name, issuer) in config.issuers.iter().filter(|(_, issuer)| !issuer.disabled) {
            by_ca.entry(issuer.ca.clone()).or_default().push(key_options(name, issuer)?);
        }
        let providers = config.sign_in.iter().flat_map(|sign_in| &sign_in.providers);
        for provider in providers.filter(|provider| !provider.disabled) {
            if let config::Party::OAuth { keys: Some(keys), .. } = &provider.party {
                let options = key_options(provider.name(), keys)?;
                by_ca.entry(provider.ca.clone()).or_default().push(options);
            }
        }
        carried.rings.retain(|ca, _| by_ca.contains_key(ca));
        let mut all = HashMap::new();
        for (ca, options) in by_ca {
            let (_, rings) = self.rings(ca, carried)?;
            for handle in rings.reconcile(options) {
                all.insert(Arc::from(handle.options().name()), handle);
            }
        }
        Ok(all)
    }

    /// How the servers are spoken to that these authorities vouch for, and the keys that are fetched so.
    pub(super) fn rings(
        &self,
        ca: Option<PathBuf>,
        carried: &mut Carried,
    ) -> Result<(Arc<Egress>, Arc<KeyRings>), AssemblyError> {
        if let Some((egress, rings)) = carried.rings.get(&ca) {
            return Ok((Arc::clone(egress), Arc::clone(rings)));
        }
        let egress = Arc::new(Egress::new(egress_options(ca.clone()))?);
        let seed = entropy::number(&self.entropy);
        let rings = Arc::new(KeyRings::new(Arc::clone(&egress), Arc::clone(&self.clock), seed));
        carried.rings.insert(ca, (Arc::clone(&egress), Arc::clone(&rings)));
        Ok((egress, rings))
    }
}

fn key_options(name: &str, issuer: &config::IssuerKeys) -> Result<IssuerKeyOptions, AssemblyError> {
    let refresh = &issuer.refresh;
    let timing = KeyTiming::default()
        .with_refresh(refresh.min, refresh.max)
        .and_then(|timing| timing.with_stale_grace(refresh.stale_grace))
        .and_then(|timing| timing.with_unknown_kid_interval(refresh.unknown_kid_interval))
        .map_err(|source| AssemblyError::Timing { issuer: name.to_owned(), source })?;
    let source = match &issuer.source {
        config::KeySource::Discovery => keys::KeySource::Discovery,
        config::KeySource::File(path) => keys::KeySource::File(path.clone()),
        config::KeySource::Inline(json) => keys::KeySource::Inline(json.clone()),
        config::KeySource::JwksUri(url) => keys::KeySource::JwksUri(url.clone()),
    };
    IssuerKeyOptions::new(name, &issuer.issuer, source, issuer.plain_http, timing).map_err(
        |source| AssemblyError::Issuer { issuer: name.to_owned(), source: Box::new(source) },
    )
}

/// How the servers are spoken to that these authorities vouch for.
pub(super) fn egress_options(ca: Option<PathBuf>) -> EgressOptions {
    let ca = ca.map_or(TrustRoots::System, |path| TrustRoots::Files(vec![path]));
    EgressOptions { ca, ..EgressOptions::default() }
}
