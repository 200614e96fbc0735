//! Why an audit log cannot be kept.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::signing::SignerError;

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
    #[error("the audit log in `{}` is open in another process; stop that, or choose another directory", dir.display())]
    Locked {
        /// The log's directory.
        dir: PathBuf,
    },
    /// The process that took the log over takes no records.
    #[error("the process that took the audit log over takes no records any more: {source}")]
    Relay {
        /// What the operating system said.
        source: io::Error,
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
    /// Not everything was written, confirmed and signed in time.
    #[error(
        "the audit log was closed unfinished after {budget:?}, {records} records unwritten: {reason}"
    )]
    Unfinished {
        /// How many records are lost.
        records: usize,
        /// How long it was tried.
        budget: Duration,
        /// What went wrong last.
        reason: String,
    },
}

impl AuditError {
    /// What the operating system said when `action` was tried on `path`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
