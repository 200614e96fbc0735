//! Why Doorward cannot start.

use std::io;

use ledger::audit::AuditError;
use thiserror::Error;

use super::{AssemblyError, CheckpointKeyError, HandOverError, InheritedError};
use crate::config::ListenAt;

/// Why Doorward cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The pieces cannot be put together.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// The audit log cannot be kept.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The key that signs the audit log's checkpoints cannot be had.
    #[error(transparent)]
    CheckpointKey(#[from] CheckpointKeyError),
    /// Nothing can be taken over.
    #[error(transparent)]
    HandOver(#[from] HandOverError),
    /// The sockets that were passed cannot be used.
    #[error(transparent)]
    Inherited(#[from] InheritedError),
    /// An address cannot be had.
    #[error("cannot listen on {at} (`{key}`): {source}{remedy}")]
    Listen {
        /// The configuration's key.
        key: &'static str,
        /// Where that is.
        at: ListenAt,
        /// What the system said.
        source: io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// Signals cannot be listened for.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// A thread cannot be made.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl StartError {
    pub(super) fn listen(key: &'static str, at: ListenAt, source: io::Error) -> Self {
        let in_use = source.kind() == io::ErrorKind::AddrInUse;
        let remedy = if in_use && matches!(at, ListenAt::Socket(_)) {
            "; stop the process that has the socket, remove the file if it is none, or choose another path"
        } else if in_use {
            "; stop the process that has the port, choose another port or, if it is Doorward, take over from it with `--take-over`"
        } else {
            ""
        };
        Self::Listen { key, at, source, remedy }
    }
}
