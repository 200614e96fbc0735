//! The gate's own signing keys, for `Doorward-Identity`: made, published, used and forgotten in time.

mod directory;
mod keeper;
mod rotation;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use aws_lc_rs::rand::SecureRandom;
use thiserror::Error;
use tokens::{Algorithm, SigningError, SigningKey, Timestamp};

use directory::Directory;
use rotation::{KeyTimes, Plan};

pub use directory::DirectoryError;
pub use keeper::{MAINTENANCE_RETRY, SigningKeeper};
pub use rotation::{RotationError, RotationOptions};

/// What the gate signs with.
pub const ALGORITHM: Algorithm = Algorithm::Es256;

/// A source of randomness that can be shared.
pub type Entropy = Arc<dyn SecureRandom + Send + Sync>;

/// Where the keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningStore {
    /// In this directory, which is made if it is not there; files of mode 0600.
    Directory(PathBuf),
    /// Nowhere: a new start has new keys. For demonstrations.
    Memory,
}

/// The signing keys of this gate.
#[derive(Debug)]
pub struct SigningKeys {
    options: RotationOptions,
    entropy: Entropy,
    ring: ArcSwap<Ring>,
    /// Only maintenance takes it.
    home: Mutex<Home>,
}

/// Where the keys are at home.
#[derive(Debug)]
enum Home {
    Directory(Directory),
    Memory,
    /// In a directory that another process keeps now.
    LetGo,
}

impl SigningKeys {
    /// Reads the keys, and makes the first one if there is none.
    ///
    /// # Errors
    /// If the directory cannot be used or another process uses it, if a key file is damaged or readable by others (it
    /// is never replaced), or if no key can be made.
    pub fn open(
        store: &SigningStore,
        options: RotationOptions,
        entropy: Entropy,
        now: Timestamp,
    ) -> Result<Self, SigningKeysError> {
        let home = match store {
            SigningStore::Directory(path) => Home::Directory(Directory::open(path)?),
            SigningStore::Memory => Home::Memory,
        };
        let mut keys = Vec::new();
        for (times, key) in home.directory().map(Directory::load).transpose()?.unwrap_or_default() {
            keys.push(Member { times, key: Arc::new(key) });
        }
        let ring = ArcSwap::from_pointee(Ring::of(keys, &options, now));
        let this = Self { options, entropy, ring, home: Mutex::new(home) };
        this.maintain(now)?;
        Ok(this)
    }

    /// The key to sign with at `now`. Takes no lock.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> Arc<SigningKey> {
        let ring = self.ring.load();
        let place = rotation::signing(ring.members.iter().map(|member| member.times), now);
        #[expect(
            clippy::indexing_slicing,
            reason = "INVARIANT: `open` and `maintain` leave at least one key, and `place` is one of theirs"
        )]
        Arc::clone(&ring.members[place].key)
    }

    /// The key set (RFC 7517 §5) that verifies what is signed at `now`, was signed lately, or will be signed soon. Takes
    /// no lock. To be served with a `max-age` of at most [`RotationOptions::publish_ahead`].
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Arc<str> {
        let ring = self.ring.load();
        if now < ring.published_until {
            return Arc::clone(&ring.published);
        }
        Ring::publish(&ring.members, &self.options, now).0
    }

    /// Makes the key whose time has come, and forgets those whose time is over. Returns when to do so again.
    ///
    /// # Errors
    /// If a key cannot be made or stored; the keys at hand go on.
    pub fn maintain(&self, now: Timestamp) -> Result<Timestamp, SigningKeysError> {
        let home = self.home();
        if matches!(*home, Home::LetGo) {
            return Ok(Timestamp::from_millis(u64::MAX));
        }
        let mut members = self.ring.load().members.clone();
        let plan = Plan::of(&self.options, &times(&members), now);
        if let Some(times) = plan.create {
            let key = SigningKey::generate(ALGORITHM, &*self.entropy)?;
            if let Some(directory) = home.directory() {
                directory.store(times, &key)?;
            }
            tracing::info!(kid = %key.thumbprint(), signs_from = %times.signs_from, "a new signing key is published");
            members.push(Member { times, key: Arc::new(key) });
        }
        let retired: Vec<_> = members.drain(..plan.retire).collect();
        self.ring.store(Arc::new(Ring::of(members, &self.options, now)));
        for Member { times, key } in retired {
            tracing::info!(kid = %key.thumbprint(), "an old signing key is no longer published");
            if let Some(directory) = home.directory() {
                directory.remove(times)?;
            }
        }
        Ok(plan.next)
    }

    /// Leaves the directory to another process, which goes on with its keys. Those at hand sign on, and are neither
    /// followed by new ones nor forgotten. Keys in memory stay.
    pub fn let_go(&self) {
        let mut home = self.home();
        if matches!(*home, Home::Directory(_)) {
            *home = Home::LetGo;
        }
    }

    fn home(&self) -> MutexGuard<'_, Home> {
        self.home.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Home {
    const fn directory(&self) -> Option<&Directory> {
        match self {
            Self::Directory(directory) => Some(directory),
            Self::LetGo | Self::Memory => None,
        }
    }
}

/// Why there are no keys to sign with, or no new ones.
#[derive(Debug, Error)]
pub enum SigningKeysError {
    /// The directory of keys.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A key cannot be made.
    #[error(transparent)]
    Key(#[from] SigningError),
}

/// The keys at one moment, in the order in which they sign.
#[derive(Debug)]
struct Ring {
    members: Vec<Member>,
    published: Arc<str>,
    published_until: Timestamp,
}

#[derive(Clone, Debug)]
struct Member {
    times: KeyTimes,
    key: Arc<SigningKey>,
}

impl Ring {
    fn of(members: Vec<Member>, options: &RotationOptions, now: Timestamp) -> Self {
        let (published, published_until) = Self::publish(&members, options, now);
        Self { members, published, published_until }
    }

    /// The key set at `now`, and until when it is right.
    fn publish(
        members: &[Member],
        options: &RotationOptions,
        now: Timestamp,
    ) -> (Arc<str>, Timestamp) {
        let times = times(members);
        let published = members.iter().skip(rotation::retired(options, &times, now));
        let keys: Vec<_> = published.map(|member| member.key.public_jwk()).collect();
        let document = serde_json::json!({ "keys": keys }).to_string();
        (document.into(), rotation::next_retirement(options, &times, now))
    }
}

fn times(members: &[Member]) -> Vec<KeyTimes> {
    members.iter().map(|member| member.times).collect()
}

#[cfg(test)]
#[path = "signing_tests.rs"]
mod tests;
