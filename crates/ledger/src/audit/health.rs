//! How the audit log is doing.

use std::time::Duration;

use thiserror::Error;

/// How the log is doing, for `/readyz` and the metrics. Counters start at zero when the log is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditHealth {
    /// What the disk or the signer said last; `None` once it works again.
    pub error: Option<String>,
    /// How many records wait to be written.
    pub queued_records: usize,
    /// How many bytes of records wait to be written.
    pub queued_bytes: usize,
    /// How long ago the disk last confirmed everything that it had then; `None` before the first time.
    pub sync_age: Option<Duration>,
    /// How many records have been written and not yet confirmed.
    pub unsynced_records: u64,
    /// How many records have been written.
    pub written_records: u64,
    /// How many bytes have been written.
    pub written_bytes: u64,
    /// How many times something was written: records over writes is the size of a group.
    pub writes: u64,
    /// How many writes and syncs failed.
    pub failures: u64,
    /// How many decisions and sign-ins were refused because they could not be recorded in time.
    pub refused_decisions: u64,
    /// How many outcomes were dropped because the queue was full.
    pub dropped_outcomes: u64,
    /// How many checkpoints have been signed.
    pub checkpoints: u64,
    /// How many segments have been removed by retention.
    pub removed_segments: u64,
    /// The number of the last record.
    pub last_seq: u64,
}

impl AuditHealth {
    /// Whether decisions can be recorded, as far as is known.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.error.is_none()
    }
}

/// A decision, or a sign-in, could not be recorded in time, so that nothing may come of it: 503.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AuditUnavailable {
    /// The log has been closed.
    #[error("the audit log is closed")]
    Closed,
    /// The record waited in the queue for as long as it may; it may still be written later.
    #[error("the audit log did not write the record within {budget:?}")]
    NotWritten {
        /// How long it may wait.
        budget: Duration,
    },
    /// There was no room in the queue for as long as it may wait; it will not be written.
    #[error("the audit log's queue had no room for the record within {budget:?}")]
    QueueFull {
        /// How long it may wait.
        budget: Duration,
    },
}
