//! Where the keys of an issuer are, as configured.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use egress::Destination;
use tokens::{Excerpt, KeySet};

use super::error::KeyOptionsError;
use super::metadata::well_known;
use super::source::read_set;
use super::timing::KeyTiming;

/// Where the keys of an issuer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In the key set that the issuer's metadata names.
    Discovery,
    /// In a key set file.
    File(PathBuf),
    /// Here: a key set in JSON.
    Inline(String),
    /// In the key set at this URL.
    JwksUri(String),
}

/// A pinned issuer, and where its keys are; checked. Equal options make equal keys.
#[derive(Clone, Debug)]
pub struct IssuerKeyOptions {
    name: String,
    issuer: String,
    source: KeySource,
    danger_plain_http: bool,
    timing: KeyTiming,
    pub(crate) place: Place,
}

/// A [`KeySource`] whose URLs are read.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Discovery([Destination; 2]),
    File(PathBuf),
    Inline(Arc<KeySet>),
    Url(Destination),
}

impl IssuerKeyOptions {
    /// The issuer that the configuration calls `name` and tokens call `issuer`. With `danger_plain_http`, its URL may be
    /// plain HTTP to another machine: whoever sits on the way can then replace its keys.
    ///
    /// # Errors
    /// If a URL may not be fetched, or if the inline keys are not usable.
    pub fn new(
        name: &str,
        issuer: &str,
        source: KeySource,
        danger_plain_http: bool,
        timing: KeyTiming,
    ) -> Result<Self, KeyOptionsError> {
        let destination = |url: &str| {
            let parsed = if danger_plain_http {
                Destination::danger_plain_http(url)
            } else {
                Destination::configured(url)
            };
            parsed.map_err(|cause| KeyOptionsError::Url { url: Excerpt::of(url), cause })
        };
        let place = match &source {
            KeySource::Discovery => {
                destination(issuer)?;
                if issuer.contains('?') {
                    return Err(KeyOptionsError::IssuerQuery { issuer: Excerpt::of(issuer) });
                }
                let [oidc, oauth] = well_known(issuer);
                Place::Discovery([destination(&oidc)?, destination(&oauth)?])
            }
            KeySource::File(path) => Place::File(path.clone()),
            KeySource::Inline(json) => {
                let (set, _) = read_set(json.as_bytes()).map_err(KeyOptionsError::Inline)?;
                Place::Inline(set)
            }
            KeySource::JwksUri(url) => Place::Url(destination(url)?),
        };
        let (name, issuer) = (name.to_owned(), issuer.to_owned());
        Ok(Self { name, issuer, source, danger_plain_http, timing, place })
    }

    /// What the configuration calls the issuer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tokens call the issuer (`iss`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the keys are.
    #[must_use]
    pub fn source(&self) -> &KeySource {
        &self.source
    }

    /// Where the issuer's metadata is, which is what the places that it names are learned from; nothing without
    /// discovery.
    #[must_use]
    pub fn metadata_place(&self) -> Option<&Destination> {
        match &self.place {
            Place::Discovery([oidc, _]) => Some(oidc),
            Place::File(_) | Place::Inline(_) | Place::Url(_) => None,
        }
    }

    /// How often they are fetched.
    #[must_use]
    pub fn timing(&self) -> KeyTiming {
        self.timing
    }
}

impl PartialEq for IssuerKeyOptions {
    fn eq(&self, other: &Self) -> bool {
        // INVARIANT: `place` follows from the rest.
        self.name == other.name
            && self.issuer == other.issuer
            && self.source == other.source
            && self.danger_plain_http == other.danger_plain_http
            && self.timing == other.timing
    }
}

impl Eq for IssuerKeyOptions {}

impl fmt::Display for IssuerKeyOptions {
    /// Where the keys come from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Discovery(_) => write!(f, "discovery at {}", self.issuer),
            Place::File(path) => write!(f, "file {}", path.display()),
            Place::Inline(_) => f.write_str("inline"),
            Place::Url(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
