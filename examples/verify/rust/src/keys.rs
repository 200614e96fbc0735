//! The gate's public keys: kept for a minute, and fetched anew for a key that is not among them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egress::{Destination, Egress, EgressError, EgressOptions, TrustError, UrlError};
use thiserror::Error;
use tokens::{KeySet, KeySetError};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long keys are kept before they are read again.
const KEPT: Duration = Duration::from_secs(60);

/// How often a name that no key has may set off a reading: callers write those names.
const UNKNOWN_EVERY: Duration = Duration::from_secs(10);

/// How long keys are believed when no newer ones can be read.
const BELIEVED: Duration = Duration::from_secs(600);

/// The gate's public keys.
#[derive(Debug)]
pub struct Keys {
    source: Source,
    held: Mutex<Held>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(Box<Destination>, Box<Egress>),
}

#[derive(Debug, Default)]
struct Held {
    keys: Arc<KeySet>,
    /// When these were read.
    read: Option<Instant>,
    /// When it was last tried to read them.
    tried: Option<Instant>,
    /// When a name that no key has last set off a reading.
    unknown: Option<Instant>,
}

/// Why there are no keys.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The URL does not answer.
    #[error(transparent)]
    Fetch(#[from] EgressError),
    /// The file cannot be read.
    #[error("the keys cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// They are none.
    #[error(transparent)]
    Keys(#[from] KeySetError),
    /// No authorities to believe the URL's certificate by.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The URL is none, or is plain HTTP to another machine: whoever is on the way could put in keys.
    #[error(transparent)]
    Url(#[from] UrlError),
}

impl Keys {
    /// From a URL, or from a file that something else keeps up to date. Nothing is read yet.
    ///
    /// # Errors
    /// If nothing can be fetched from the URL.
    pub fn new(source: &str) -> Result<Self, KeysError> {
        let source = if source.starts_with("http") {
            let egress = Egress::new(EgressOptions::default())?;
            Source::Url(Box::new(Destination::configured(source)?), Box::new(egress))
        } else {
            Source::File(source.into())
        };
        Ok(Self { source, held: Mutex::default() })
    }

    /// The keys, read anew when it is time, or when there is none of this name.
    pub(crate) async fn with(&self, name: &str) -> Arc<KeySet> {
        // Whoever comes meanwhile waits for the same reading.
        let mut held = self.held.lock().await;
        let now = Instant::now();
        let since = |moment: Option<Instant>| moment.map(|moment| now - moment);
        let due = since(held.tried).is_none_or(|age| age >= KEPT);
        let unknown = !held.keys.contains_kid(name)
            && since(held.unknown).is_none_or(|age| age >= UNKNOWN_EVERY);
        if due || unknown {
            held.tried = Some(now);
            if !due {
                held.unknown = Some(now);
            }
            match self.read().await {
                Ok(keys) => (held.keys, held.read) = (Arc::new(keys), Some(now)),
                Err(error) => {
                    eprintln!("{error}");
                    if since(held.read).is_none_or(|age| age >= BELIEVED) {
                        held.keys = Arc::default();
                    }
                }
            }
        }
        Arc::clone(&held.keys)
    }

    async fn read(&self) -> Result<KeySet, KeysError> {
        let bytes = match &self.source {
            Source::File(path) => std::fs::read(path)?,
            Source::Url(url, egress) => {
                let accept = "application/jwk-set+json, application/json";
                egress.get(url, accept).await?.body.to_vec()
            }
        };
        Ok(KeySet::parse(&bytes)?.set)
    }
}
