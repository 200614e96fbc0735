//! How far the log is: what the writer has written, and the keeper confirmed and signed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokens::Timestamp;

use super::chain::Tip;
use super::disk::Sink;
use super::error::AuditError;
use super::queue::Queue;
use super::statement::Count;

/// What the writer, the keeper and the doors share.
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) counters: Counters,
    progress: Mutex<Progress>,
    changed: Condvar,
}

/// How far the log is.
pub(super) struct Progress {
    /// The end of what is written.
    pub(super) written: Position,
    /// Segments that were followed by the next one, and that the disk has not confirmed, the oldest first.
    pub(super) followed: Vec<Position>,
    /// The number of the last record that the disk has confirmed.
    pub(super) synced_seq: u64,
    /// When that was.
    pub(super) synced_at: Option<Timestamp>,
    /// The statements about the log.
    pub(super) statements: Count,
    /// The version of the policy set in force.
    pub(super) policy_set: String,
    /// What went wrong last with writing, if it has not gone well since.
    pub(super) write_error: Option<String>,
    /// Why the next segment could not be begun, if it was not since.
    pub(super) follow_error: Option<String>,
    /// What went wrong last with syncing, signing or removing, if it has not gone well since.
    pub(super) keep_error: Option<String>,
    /// Whether the keeper waits for something to be written.
    pub(super) keeper_idle: bool,
    /// How far closing is.
    pub(super) closing: Closing,
    /// Why the last checkpoint could not be made.
    pub(super) failure: Option<AuditError>,
}

/// How far closing is; one step follows the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closing {
    /// Records are written.
    Open,
    /// The last record is written.
    Written,
    /// Everything is confirmed and signed, or given up.
    Done,
}

/// A place in the log: behind a record.
#[derive(Clone)]
pub(super) struct Position {
    /// The record.
    pub(super) tip: Tip,
    /// The file that it is in.
    pub(super) file: Arc<dyn Sink>,
    /// The file's name.
    pub(super) name: String,
    /// The number of the file's first record.
    pub(super) first_seq: u64,
    /// Where the record ends in it.
    pub(super) bytes: u64,
}

impl Shared {
    pub(super) fn new(queue: Queue, progress: Progress) -> Self {
        let changed = Condvar::new();
        Self { queue, counters: Counters::default(), progress: Mutex::new(progress), changed }
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that something changed.
    pub(super) fn announce(&self) {
        self.changed.notify_all();
    }

    /// Waits until `ready`, for at most `limit`; says whether it is.
    pub(super) fn wait(
        &self,
        limit: Duration,
        mut ready: impl FnMut(&Progress) -> bool,
    ) -> (MutexGuard<'_, Progress>, bool) {
        let (progress, _) = self
            .changed
            .wait_timeout_while(self.progress(), limit, |progress| !ready(progress))
            .unwrap_or_else(PoisonError::into_inner);
        let is_ready = ready(&progress);
        (progress, is_ready)
    }
}

/// Counts, for the metrics.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) written_records: AtomicU64,
    pub(super) written_bytes: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) refused_decisions: AtomicU64,
    pub(super) dropped_outcomes: AtomicU64,
    pub(super) checkpoints: AtomicU64,
    pub(super) removed_segments: AtomicU64,
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    add(counter, 1);
}

/// Counts `more`.
pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
