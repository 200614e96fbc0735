//! What is known of providers with SAML, and how it is had.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egress::{Egress, EgressOptions};
use federation::metadata::{MetadataKeeper, MetadataOptions, SamlMetadata};
use saml::MAX_METADATA_BYTES;

use super::issuer_keys::egress_options;
use super::{Assembly, AssemblyError, Carried};
use crate::config::{Party, SignIn};

/// How long a document may take to come: that of a federation is long.
const WITHIN: Duration = Duration::from_mins(2);

impl Assembly {
    /// The metadata of every provider with SAML that is not disabled, by name.
    pub(super) fn metadata(
        &self,
        sign_in: &SignIn,
        carried: &mut Carried,
    ) -> Result<HashMap<Arc<str>, SamlMetadata>, AssemblyError> {
        let mut by_ca: HashMap<Option<PathBuf>, Vec<MetadataOptions>> = HashMap::new();
        for provider in sign_in.providers.iter().filter(|provider| !provider.disabled) {
            if let Party::Saml { metadata, .. } = &provider.party {
                by_ca
                    .entry(provider.ca.clone())
                    .or_default()
                    .push(MetadataOptions::clone(metadata));
            }
        }
        carried.metadata.retain(|ca, _| by_ca.contains_key(ca));
        let mut all = HashMap::new();
        for (ca, wanted) in by_ca {
            if !carried.metadata.contains_key(&ca) {
                carried.metadata.insert(ca.clone(), self.metadata_keeper(ca.clone())?);
            }
            let Some(keeper) = carried.metadata.get(&ca) else { continue };
            let names: Vec<_> = wanted.iter().map(|options| Arc::clone(&options.name)).collect();
            all.extend(names.into_iter().zip(keeper.reconcile(wanted)));
        }
        Ok(all)
    }

    fn metadata_keeper(&self, ca: Option<PathBuf>) -> Result<MetadataKeeper, AssemblyError> {
        let options = EgressOptions {
            max_body: MAX_METADATA_BYTES,
            total_timeout: WITHIN,
            ..egress_options(ca)
        };
        let (clock, random) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let metrics = self.metrics.clone();
        let told = move |provider: &str, report| metrics.saml_metadata(provider, report);
        Ok(MetadataKeeper::new(Arc::new(Egress::new(options)?), clock, random, told))
    }
}
