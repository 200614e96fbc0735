//! How an audit log is kept.

use std::path::PathBuf;
use std::time::Duration;

/// How long records may wait for the disk's confirmation unless it is said otherwise; also the longest that may be said.
pub const MAX_SYNC_INTERVAL: Duration = Duration::from_millis(100);

/// How an audit log is kept.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// The directory, of its own; made with mode 0700 if it is not there.
    pub dir: PathBuf,
    /// A segment that has this many bytes is followed by the next one.
    pub segment_bytes: u64,
    /// A segment that is this old is followed by the next one, at the next record.
    pub segment_age: Option<Duration>,
    /// How much is kept.
    pub retain: Retain,
    /// How many records may wait to be written.
    pub queue_records: usize,
    /// How many bytes of records may wait to be written.
    pub queue_bytes: usize,
    /// When the disk must confirm.
    pub sync: Sync,
    /// How often the log's state is signed.
    pub checkpoint_every: CheckpointEvery,
    /// The version of the policy set in force; stands in each segment's header.
    pub policy_set: String,
}

impl AuditOptions {
    /// The defaults, for a log in `dir`.
    #[must_use]
    pub fn in_dir(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 64 << 20,
            segment_age: None,
            retain: Retain::default(),
            queue_records: 65_536,
            queue_bytes: 32 << 20,
            sync: Sync::default(),
            checkpoint_every: CheckpointEvery::default(),
            policy_set: String::new(),
        }
    }
}

/// How much is kept. The oldest whole segments go first, the one being written never goes; `None` sets no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retain {
    /// How many segments.
    pub segments: Option<usize>,
    /// How long after its last record a segment stays.
    pub age: Option<Duration>,
    /// How many bytes all segments may have together.
    pub bytes: Option<u64>,
}

/// When the disk must confirm that it has a record. The operating system always has it before a decision is answered,
/// so that a crash of the process loses none; this is about power cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Before each decision is answered: nothing forwarded is ever without its record. Many decisions share one sync.
    EveryRecord,
    /// This long after it was written, at most [`MAX_SYNC_INTERVAL`]: a power cut loses what is younger.
    Interval(Duration),
}

impl Default for Sync {
    fn default() -> Self {
        Self::Interval(MAX_SYNC_INTERVAL)
    }
}

/// How often the log's state is signed: when either is reached, and always at rotation and at close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointEvery {
    /// After so many records.
    pub records: u64,
    /// After so long, if there was any record.
    pub age: Duration,
}

impl Default for CheckpointEvery {
    fn default() -> Self {
        Self { records: 100_000, age: Duration::from_secs(60) }
    }
}
