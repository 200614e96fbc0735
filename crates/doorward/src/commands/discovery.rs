//! What an issuer says about itself, as it says it: for the commands that look before anything is configured, or at
//! what is configured wrongly.

use egress::{Destination, Egress, EgressError, EgressOptions, Fault, TrustError, TrustRoots};
use ledger::keys::well_known;
use serde::Deserialize;
use thiserror::Error;
use tokens::Timestamp;

/// An issuer's metadata (OpenID Connect Discovery 1.0, RFC 8414), not yet held against anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) jwks_uri: String,
    pub(super) id_token_signing_alg_values_supported: Vec<String>,
}

/// Metadata, and where it was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) metadata: Metadata,
    pub(super) url: String,
    pub(super) from: Destination,
    /// The time on the issuer's clock.
    pub(super) date: Option<Timestamp>,
}

/// Why there is no metadata.
#[derive(Debug, Error)]
pub(super) enum DiscoveryError {
    /// A place did not answer as it should.
    #[error(transparent)]
    Fetch(#[from] EgressError),
    /// Neither place has any.
    #[error("{oidc}, and {oauth}")]
    Nowhere { oidc: EgressError, oauth: EgressError },
    /// It is something else.
    #[error("`{url}` is not an issuer's metadata: {cause}")]
    NotMetadata { url: String, cause: serde_json::Error },
    /// The certificates to believe cannot be read.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The issuer is no URL to fetch from.
    #[error("`{issuer}` cannot be fetched from: {cause}")]
    Url { issuer: String, cause: String },
}

/// The client for one issuer.
pub(super) fn client(ca: Option<&std::path::Path>) -> Result<Egress, TrustError> {
    Egress::new(options(ca))
}

/// How servers are spoken to that these authorities vouch for.
pub(super) fn options(ca: Option<&std::path::Path>) -> EgressOptions {
    let ca = ca.map_or(TrustRoots::System, |path| TrustRoots::Files(vec![path.to_owned()]));
    EgressOptions { ca, ..EgressOptions::default() }
}

/// A place that the operator named.
pub(super) fn named(url: &str, danger_plain_http: bool) -> Result<Destination, DiscoveryError> {
    let destination = if danger_plain_http {
        Destination::danger_plain_http(url)
    } else {
        Destination::configured(url)
    };
    destination
        .map_err(|cause| DiscoveryError::Url { issuer: url.to_owned(), cause: cause.to_string() })
}

/// Fetches the metadata of `issuer`: OpenID Connect Discovery 1.0 §4.1 first, then RFC 8414 §3.1, as the gate does.
pub(super) async fn discover(
    egress: &Egress,
    issuer: &str,
    danger_plain_http: bool,
) -> Result<Found, DiscoveryError> {
    let [oidc, oauth] = well_known(issuer);
    match fetch(egress, &oidc, danger_plain_http).await {
        Err(DiscoveryError::Fetch(error)) if says_not_here(&error) => {
            match fetch(egress, &oauth, danger_plain_http).await {
                Err(DiscoveryError::Fetch(oauth)) => {
                    Err(DiscoveryError::Nowhere { oidc: error, oauth })
                }
                other => other,
            }
        }
        other => other,
    }
}

async fn fetch(egress: &Egress, url: &str, danger: bool) -> Result<Found, DiscoveryError> {
    let from = named(url, danger)?;
    let fetched = egress.get(&from, "application/json").await?;
    let metadata = serde_json::from_slice(&fetched.body)
        .map_err(|cause| DiscoveryError::NotMetadata { url: url.to_owned(), cause })?;
    Ok(Found { metadata, url: url.to_owned(), from, date: fetched.freshness.date })
}

fn says_not_here(error: &EgressError) -> bool {
    matches!(error.fault(), Fault::Status { status: 400..=499 }) && !error.retry_may_help()
}
