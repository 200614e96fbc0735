//! What is known of providers with SAML: read from files and URLs, again and again, off the path of any sign-in.
//!
//! Many providers may stand in one document, such as that of a federation: it is had and read once for all of them, and
//! only what is said of those that are configured is kept.

mod keeper;
mod known;
mod pace;
mod source;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egress::Destination;
use tokens::SignerCertificate;

pub use keeper::{MetadataKeeper, Report};
pub use known::SamlMetadata;
pub use source::{SourceError, look, read_file};

/// How long metadata from a URL is believed after it was last fetched, if it does not say that it ends before.
pub const BELIEVED_FOR: Duration = Duration::from_hours(7 * 24);

/// Where the metadata of a provider comes from, and what of it is believed.
#[derive(Clone, Debug)]
pub struct MetadataOptions {
    /// What the configuration calls the provider.
    pub name: Arc<str>,
    /// Its entity ID.
    pub issuer: String,
    /// Where its metadata is.
    pub place: MetadataPlace,
    /// One of whom must have signed the document; none if it need not be signed.
    pub signed_by: Option<Vec<SignerCertificate>>,
    /// The only certificates of the provider that count; none for all that its metadata has.
    pub pinned: Option<Vec<SignerCertificate>>,
}

/// Where metadata is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataPlace {
    /// In a file.
    File(PathBuf),
    /// At a URL.
    Url(Destination),
}

impl MetadataOptions {
    /// Whether both are read from one and the same document.
    fn is_beside(&self, other: &Self) -> bool {
        self.place == other.place && both(self.signed_by.as_deref(), other.signed_by.as_deref())
    }

    /// Whether both mean the same.
    fn is_same(&self, other: &Self) -> bool {
        self.is_beside(other)
            && (&self.name, &self.issuer) == (&other.name, &other.issuer)
            && both(self.pinned.as_deref(), other.pinned.as_deref())
    }
}

/// Whether there are none of either, or the same.
fn both(one: Option<&[SignerCertificate]>, other: Option<&[SignerCertificate]>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Whether these are the same certificates, in the same order.
fn same(one: &[SignerCertificate], other: &[SignerCertificate]) -> bool {
    one.iter()
        .map(SignerCertificate::fingerprint)
        .eq(other.iter().map(SignerCertificate::fingerprint))
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
