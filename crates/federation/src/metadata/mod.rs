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
pub use source::{SourceError, read_file};

/// How long metadata from a URL is believed after it was last fetched, where it says nothing of its own end.
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
    /// By whom the document must be signed; empty if it need not be.
    pub signed_by: Vec<SignerCertificate>,
    /// The only certificates of the provider that count; empty for all that its metadata has.
    pub pinned: Vec<SignerCertificate>,
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
        self.place == other.place && same(&self.signed_by, &other.signed_by)
    }

    /// Whether both mean the same.
    fn is_same(&self, other: &Self) -> bool {
        self.is_beside(other)
            && (&self.name, &self.issuer) == (&other.name, &other.issuer)
            && same(&self.pinned, &other.pinned)
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
