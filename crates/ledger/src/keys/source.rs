//! Fetching keys, once: from the network or from a file.

use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use egress::{Destination, Egress, EgressError, Fault, Freshness};
use tokens::{Excerpt, KeySet, SkippedKey};

use super::error::KeyFetchError;
use super::metadata::IssuerMetadata;

/// How many bytes a key set file may have.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// A fetch, under way.
pub(crate) type Fetching<'a> =
    Pin<Box<dyn Future<Output = Result<Published, KeyFetchError>> + Send + 'a>>;

/// Fetches the keys of one issuer.
pub(crate) trait Fetch: Send + Sync + 'static {
    /// Fetches them now.
    fn fetch(&self) -> Fetching<'_>;
}

/// A key set, as published: at least one key of it can be used.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) set: Arc<KeySet>,
    pub(crate) skipped: Vec<SkippedKey>,
    pub(crate) freshness: Freshness,
    pub(crate) metadata: Option<Arc<IssuerMetadata>>,
}

/// Reads a key set that must have a usable key.
pub(crate) fn read_set(bytes: &[u8]) -> Result<(Arc<KeySet>, Vec<SkippedKey>), KeyFetchError> {
    let parsed = KeySet::parse(bytes)?;
    if parsed.set.is_empty() {
        let first = parsed.skipped.into_iter().next().map(|key| key.reason);
        return Err(KeyFetchError::NoKeys { first });
    }
    Ok((Arc::new(parsed.set), parsed.skipped))
}

/// The key set at a configured URL.
#[derive(Debug)]
pub(crate) struct FromUrl {
    pub(crate) egress: Arc<Egress>,
    pub(crate) url: Destination,
}

impl Fetch for FromUrl {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(published(&self.egress, &self.url, None))
    }
}

/// The key set that the issuer's metadata names. Both are fetched each time, so that a key set that moves is followed.
#[derive(Debug)]
pub(crate) struct FromDiscovery {
    pub(crate) egress: Arc<Egress>,
    pub(crate) issuer: String,
    pub(crate) well_known: [Destination; 2],
}

impl Fetch for FromDiscovery {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async {
            let (metadata, from) = self.metadata().await?;
            let url = Destination::learned(&metadata.jwks_uri, from).map_err(|cause| {
                KeyFetchError::JwksUri { url: Excerpt::of(&metadata.jwks_uri), cause }
            })?;
            let metadata = Some(Arc::new(metadata));
            published(&self.egress, &url, metadata).await
        })
    }
}

impl FromDiscovery {
    async fn metadata(&self) -> Result<(IssuerMetadata, &Destination), KeyFetchError> {
        let [oidc, oauth] = &self.well_known;
        let (fetched, from) = match self.egress.get(oidc, JSON).await {
            Ok(fetched) => (fetched, oidc),
            Err(error) if says_not_here(&error) => match self.egress.get(oauth, JSON).await {
                Ok(fetched) => (fetched, oauth),
                Err(oauth) => return Err(KeyFetchError::Undiscovered { oidc: error, oauth }),
            },
            Err(error) => return Err(error.into()),
        };
        Ok((IssuerMetadata::parse(&fetched.body, &self.issuer)?, from))
    }
}

/// The key set in a file. It is read whole at each look: a few kilobytes a second cost less than a missed change, and
/// a file that is replaced within the grain of its times is seen.
#[derive(Debug)]
pub(crate) struct FromFile {
    path: PathBuf,
    last: Arc<Mutex<Option<Known>>>,
}

/// What was read last, and what it means.
type Known = (Vec<u8>, Published);

impl FromFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, last: Arc::default() }
    }
}

impl Fetch for FromFile {
    fn fetch(&self) -> Fetching<'_> {
        let (path, last) = (self.path.clone(), Arc::clone(&self.last));
        Box::pin(async move {
            let look = tokio::task::spawn_blocking(move || look(&path, &last));
            look.await.unwrap_or(Err(KeyFetchError::Stopped))
        })
    }
}

const JSON: &str = "application/json";
const KEY_SET: &str = "application/jwk-set+json, application/json";

async fn published(
    egress: &Egress,
    url: &Destination,
    metadata: Option<Arc<IssuerMetadata>>,
) -> Result<Published, KeyFetchError> {
    let fetched = egress.get(url, KEY_SET).await?;
    let (set, skipped) = read_set(&fetched.body)?;
    Ok(Published { set, skipped, freshness: fetched.freshness, metadata })
}

/// Whether the server answered that it has no such document.
fn says_not_here(error: &EgressError) -> bool {
    matches!(error.fault(), Fault::Status { status: 400..=499 }) && !error.retry_may_help()
}

fn look(path: &Path, last: &Mutex<Option<Known>>) -> Result<Published, KeyFetchError> {
    let failed = |cause: std::io::Error| KeyFetchError::File {
        path: path.to_owned(),
        cause: cause.to_string(),
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(KeyFetchError::FileTooLarge { path: path.to_owned(), limit: MAX_FILE_BYTES });
    }
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, published)) = &*last
        && *known == bytes
    {
        return Ok(published.clone());
    }
    let (set, skipped) = read_set(&bytes)?;
    let published = Published { set, skipped, freshness: Freshness::default(), metadata: None };
    *last = Some((bytes, published.clone()));
    Ok(published)
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
