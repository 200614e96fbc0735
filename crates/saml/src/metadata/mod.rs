//! What providers and we say about ourselves (SAML metadata, saml-metadata-2.0-os).

mod ours;
mod theirs;

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;

pub use ours::OurMetadata;
pub use theirs::{Endpoint, IdentityProvider, Metadata, MetadataRefusal, read_metadata};
