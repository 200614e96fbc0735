//! Opening a ledger: its database, its shape, its key.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokens::Timestamp;
use tokio::sync::watch;
use tokio::time::timeout;

use super::database::{Database, Transaction, listen};
use super::migration::{self, Newer};
use super::row::values;
use super::stored::Stored;
use super::{KeyPlace, Ledger, LedgerError, LedgerOptions, LedgerPlace};
use crate::keys::signing::Entropy;
use crate::{OperatorKey, OperatorKeyError};

/// How long an opening waits for other processes that migrate the database, and may migrate it itself.
const MIGRATION_LIMIT: Duration = Duration::from_secs(60);

/// An open ledger.
#[derive(Debug)]
pub struct Opened {
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// The key that it is opened with; all replicas have the same.
    pub key: OperatorKey,
}

/// Opens a ledger, makes it if it is not there, and brings it to the shape of this version. It lives in the current
/// tokio runtime.
///
/// # Errors
/// If the database cannot be had or is of a newer version, if its file or the key's is readable by others, or if the
/// key is not the one that it was made with.
pub async fn open(
    options: &LedgerOptions,
    entropy: Entropy,
    now: Timestamp,
) -> Result<Opened, OpenError> {
    let database = Database::connect(options).await?;
    let late = || LedgerError::Unavailable("another process migrates it".into());
    let key = timeout(MIGRATION_LIMIT, prepare(&database, &options.key, &entropy, now));
    let key = key.await.map_err(|_| late())??;
    let grown = watch::Sender::new(0);
    let listener = match &options.place {
        LedgerPlace::Postgres(url) => Some(listen(url, options.limit, grown.clone())),
        LedgerPlace::Sqlite(_) => None,
    };
    let ledger = Stored::new(database, options.limit, &key, entropy, grown, listener);
    Ok(Opened { ledger: Arc::new(ledger), key })
}

async fn prepare(
    database: &Database,
    place: &KeyPlace,
    entropy: &Entropy,
    now: Timestamp,
) -> Result<OperatorKey, OpenError> {
    let mut transaction = database.begin_alone(MIGRATION_LIMIT).await?;
    if let Err(Newer { found, known }) = migration::migrate(&mut transaction, now).await? {
        return Err(OpenError::Newer { found, known });
    }
    let key = checked_key(&mut transaction, place, entropy).await?;
    transaction.commit().await?;
    Ok(key)
}

/// The operator's key, if it is the one that the database was made with.
async fn checked_key(
    transaction: &mut Transaction,
    place: &KeyPlace,
    entropy: &Entropy,
) -> Result<OperatorKey, OpenError> {
    let known = transaction.row("SELECT check_value FROM doorward_key", values![]).await?;
    let known = known.map(|row| row.get::<Vec<u8>>(0)).transpose()?;
    let key = match place {
        KeyPlace::Given(key) => key.clone(),
        KeyPlace::File(path) => match OperatorKey::in_file(path)? {
            Some(key) => key,
            // A new key would open nothing that is in the ledger.
            None if known.is_some() => return Err(OpenError::KeyLost { path: path.clone() }),
            None => OperatorKey::make_file(path, &**entropy)?,
        },
    };
    let value = key.check_value().ok_or_else(|| LedgerError::Bug("no key is derived".into()))?;
    match known {
        Some(known) if known == value => {}
        Some(_) => return Err(OpenError::OtherKey),
        None => {
            let note = "INSERT INTO doorward_key (one, check_value) VALUES (1, $1)";
            transaction.change(note, values![value.to_vec()]).await?;
        }
    }
    Ok(key)
}

/// Why a ledger cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file system fails.
    #[error("ledger `{}` fails: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The operator's key.
    #[error(transparent)]
    Key(#[from] OperatorKeyError),
    /// The file with the key is gone.
    #[error("operator key file `{}` is not there, and the ledger was made with it; restore it, or move the ledger away: all sessions end then", path.display())]
    KeyLost {
        /// The file.
        path: PathBuf,
    },
    /// The database.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Others may read the file.
    #[error("ledger `{}` has mode {mode:04o}; expected 0600, so that nobody else can read it", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A newer version of this program has made it.
    #[error(
        "the ledger has version {found}; this version of doorward knows versions up to {known}"
    )]
    Newer {
        /// The ledger's version.
        found: u64,
        /// The last one that is known.
        known: u64,
    },
    /// The key is not the one.
    #[error("the operator key is not the one that the ledger was made with")]
    OtherKey,
}

impl OpenError {
    /// Whether the same may do better in a moment.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Ledger(cause) if cause.is_retryable())
    }
}
