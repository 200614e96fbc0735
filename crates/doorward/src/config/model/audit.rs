//! The audit log.

use std::path::PathBuf;
use std::time::Duration;

/// The audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The directory that holds it.
    pub directory: PathBuf,
    /// How large a segment grows.
    pub segment_bytes: u64,
    /// How old a segment grows.
    pub segment_age: Duration,
    /// What is kept.
    pub retain: Retain,
    /// When records reach the disk.
    pub sync: Sync,
    /// How long a request waits for its record.
    pub budget: Duration,
    /// How many records may wait to be written.
    pub queue_records: usize,
}

/// What is kept of the audit log: everything that is within all of the bounds that are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retain {
    /// At most this many segments.
    pub segments: Option<usize>,
    /// Segments at most this old.
    pub age: Option<Duration>,
    /// At most this many bytes in all.
    pub bytes: Option<u64>,
}

/// When audit records reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// In batches, this often.
    Every(Duration),
    /// Each by itself, before its request is forwarded.
    EveryRecord,
}
