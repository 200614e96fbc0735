//! What signs the identities that services are told.

use std::sync::Arc;

use doors::IdentitySigner;
use ledger::keys::signing::{RotationOptions, SigningKeeper, SigningKeys, SigningStore};

use super::{Assembly, AssemblyError, Carried};
use crate::config::{self, Config, Identity};

/// How many signed identities are kept ready.
const SIGNED_IDENTITIES: usize = 50_000;

impl Assembly {
    /// The signer, with the keys at hand as long as they are told the same.
    pub(super) fn signer(
        &self,
        config: &Config,
        carried: &mut Carried,
    ) -> Result<Option<Arc<IdentitySigner>>, AssemblyError> {
        let Some(identity) = &config.identity else {
            carried.signing = None;
            return Ok(None);
        };
        let same = |other: &Identity| {
            (&other.keys, other.rotate_every, other.lifetime)
                == (&identity.keys, identity.rotate_every, identity.lifetime)
        };
        let keys = match &carried.signing {
            Some((other, keys, _)) if same(other) => Arc::clone(keys),
            _ => {
                carried.signing = None;
                let store = match &identity.keys {
                    config::SigningKeys::Directory(path) => SigningStore::Directory(path.clone()),
                    config::SigningKeys::Memory => SigningStore::Memory,
                };
                let defaults = RotationOptions::default();
                let rotation = defaults
                    .with_rotation(identity.rotate_every, defaults.publish_ahead())?
                    .with_token_life(identity.lifetime)?;
                let keys = SigningKeys::open(
                    &store,
                    rotation,
                    Arc::clone(&self.entropy),
                    self.clock.now(),
                )?;
                let keys = Arc::new(keys);
                let keeper = SigningKeeper::start(Arc::clone(&keys), Arc::clone(&self.clock));
                carried.signing = Some((identity.clone(), Arc::clone(&keys), keeper));
                keys
            }
        };
        Ok(Some(Arc::new(IdentitySigner::new(
            identity.issuer.clone(),
            identity.lifetime,
            keys,
            Arc::clone(&self.entropy),
            SIGNED_IDENTITIES,
        ))))
    }
}
