//! The keys of an issuer at one moment.

use std::sync::Arc;

use thiserror::Error;
use tokens::{KeySet, Timestamp};

use super::metadata::IssuerMetadata;

/// The keys of an issuer, and how long they are believed. It never changes; a newer one takes its place.
#[derive(Clone, Debug)]
pub struct KeySnapshot {
    pub(crate) set: Arc<KeySet>,
    pub(crate) fetched_at: Option<Timestamp>,
    pub(crate) fresh_until: Timestamp,
    pub(crate) usable_until: Timestamp,
    pub(crate) source: Arc<str>,
    pub(crate) metadata: Option<Arc<IssuerMetadata>>,
}

impl KeySnapshot {
    /// The keys, if they may be believed at `now`. There is no other way to them.
    ///
    /// # Errors
    /// If none have been fetched yet, or if the last ones are too old: the issuer is unavailable (503).
    pub fn keys_at(&self, now: Timestamp) -> Result<&Arc<KeySet>, KeysUnavailable> {
        if self.set.is_empty() || now >= self.usable_until {
            Err(KeysUnavailable)
        } else {
            Ok(&self.set)
        }
    }

    /// When the keys were fetched; nothing if there are none.
    #[must_use]
    pub fn fetched_at(&self) -> Option<Timestamp> {
        self.fetched_at
    }

    /// The end of the lifetime that the issuer gave them.
    #[must_use]
    pub fn fresh_until(&self) -> Timestamp {
        self.fresh_until
    }

    /// The end of the grace after that: from then on they verify nothing.
    #[must_use]
    pub fn usable_until(&self) -> Timestamp {
        self.usable_until
    }

    /// Where they come from, for people.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the issuer says about itself, if the keys were found by discovery.
    #[must_use]
    pub fn metadata(&self) -> Option<&Arc<IssuerMetadata>> {
        self.metadata.as_ref()
    }
}

/// There are no keys that may be believed now.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the keys of the issuer are not available")]
pub struct KeysUnavailable;
