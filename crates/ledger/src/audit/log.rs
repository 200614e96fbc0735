//! The log itself, as its writers see it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::health::{AuditHealth, AuditUnavailable};
use super::options::{AuditOptions, Clock};
use super::record::{Decision, Outcome};
use super::signing::{CheckpointSigner, SignerError};

/// An open audit log. There is one per directory, in one process.
pub struct AuditLog {
    clock: Arc<dyn Clock>,
}

impl AuditLog {
    /// Opens the log in `options.dir`, or begins it. What a crash left half written at its end is cut off, and a record
    /// says so.
    ///
    /// # Errors
    /// If another process has the log open, or its files cannot be read or written, or nothing can be signed.
    pub fn open(
        options: AuditOptions,
        signer: Arc<dyn CheckpointSigner>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuditError> {
        let _ = (options, signer);
        Ok(Self { clock })
    }

    /// Records a decision. It resolves once the operating system has the record (with
    /// [`Sync::EveryRecord`](super::Sync::EveryRecord): the disk); only then may the request be forwarded.
    /// It needs a tokio runtime with a timer.
    ///
    /// # Errors
    /// If that takes longer than `budget`, or the log is closed: the request must not be forwarded, and gets 503.
    pub async fn decide(
        &self,
        decision: &Decision<'_>,
        budget: Duration,
    ) -> Result<(), AuditUnavailable> {
        let _ = (decision, budget);
        Err(AuditUnavailable::Closed)
    }

    /// Records how a request ended. It never waits: when the queue has no room the outcome is dropped and counted, and
    /// a record of its own says how many were.
    pub fn outcome(&self, outcome: &Outcome<'_>) {
        let _ = outcome;
    }

    /// How the log is doing.
    #[must_use]
    pub fn health(&self) -> AuditHealth {
        AuditHealth::default()
    }

    /// Writes everything that waits and a last signed checkpoint. Blocks for at most `budget`; afterwards every
    /// decision is refused.
    ///
    /// # Errors
    /// If the disk or the signer did not let it finish.
    pub fn close(&self, budget: Duration) -> Result<(), AuditError> {
        let _ = (budget, self.clock.now());
        Ok(())
    }
}

/// Why an audit log cannot be kept.
#[derive(Debug, Error)]
pub enum AuditError {
    /// A file or the directory failed.
    #[error("the audit log cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried, as in `write`.
        action: &'static str,
        /// Which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process has the log open.
    #[error("the audit log in `{}` is open in another process", dir.display())]
    Locked {
        /// The log's directory.
        dir: PathBuf,
    },
    /// A limit is out of its range.
    #[error("the audit log's {setting} is {found}; expected {expected}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Nothing can be signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// Not everything was written in time.
    #[error("the audit log was closed with {records} records unwritten after {budget:?}")]
    Unwritten {
        /// How many records are lost.
        records: usize,
        /// How long it was tried.
        budget: Duration,
    },
}
