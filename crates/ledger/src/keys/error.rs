//! Why an issuer's keys cannot be had.

use std::path::PathBuf;

use egress::{EgressError, UrlError};
use thiserror::Error;
use tokens::{Excerpt, KeyRefusal, KeySetError};

use super::timing::TimingError;

/// Why the keys of an issuer are configured wrongly.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum KeyOptionsError {
    /// The keys in the configuration are not usable.
    #[error("the inline key set is not usable: {0}")]
    Inline(KeyFetchError),
    /// Discovery needs the issuer to be a URL without a query.
    #[error(
        "issuer `{issuer}` has a query, and discovery needs one without (OpenID Connect Discovery 1.0 §3)"
    )]
    IssuerQuery {
        /// The issuer.
        issuer: Excerpt,
    },
    /// A time is out of bounds.
    #[error(transparent)]
    Timing(#[from] TimingError),
    /// The place to fetch from is not one.
    #[error("`{url}` cannot be fetched: {cause}")]
    Url {
        /// The URL as configured.
        url: Excerpt,
        /// What is wrong with it.
        cause: UrlError,
    },
}

/// Why a fetch brought no keys.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum KeyFetchError {
    /// The place did not answer as it should.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The file cannot be read.
    #[error("key set file `{}` cannot be read: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The file is too long.
    #[error("key set file `{}` has more than {limit} bytes", path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// The metadata names a place for the keys that may not be fetched.
    #[error("the metadata's `jwks_uri` `{url}` cannot be fetched: {cause}")]
    JwksUri {
        /// What it names.
        url: Excerpt,
        /// What is wrong with it.
        cause: UrlError,
    },
    /// The metadata is not JSON of the right shape.
    #[error("the metadata cannot be read: {cause}")]
    Metadata {
        /// What is wrong with it.
        cause: Excerpt,
    },
    /// No key of the set can be used.
    #[error("the key set has no usable key{}", first_refusal(.first))]
    NoKeys {
        /// Why the first one cannot, if there is one.
        first: Option<KeyRefusal>,
    },
    /// The metadata is that of another issuer.
    #[error("the metadata is of issuer `{found}`; expected `{expected}`")]
    OtherIssuer {
        /// The pinned issuer.
        expected: String,
        /// The issuer in the metadata.
        found: Excerpt,
    },
    /// The key set cannot be read.
    #[error(transparent)]
    Set(#[from] KeySetError),
    /// The fetch was given up inside.
    #[error("the fetch was given up")]
    Stopped,
    /// Neither well-known place has metadata.
    #[error("the issuer has no metadata: {oidc}; {oauth}")]
    Undiscovered {
        /// What the place of OpenID Connect Discovery said.
        oidc: EgressError,
        /// What the place of RFC 8414 said.
        oauth: EgressError,
    },
}

fn first_refusal(first: &Option<KeyRefusal>) -> String {
    first.as_ref().map(|reason| format!("; the first one: {reason}")).unwrap_or_default()
}
