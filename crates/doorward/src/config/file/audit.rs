use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Bounded, Count, FilePath, Size, Time, bound};

/// The audit log.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Audit {
    /// The directory that holds it; created when it is not there.
    #[schemars(extend("default" = "audit"))]
    pub(in crate::config) directory: Option<FilePath>,
    /// How large a file of the log grows before the next is begun.
    pub(in crate::config) segment_bytes: Bounded<SegmentBytes>,
    /// How old a file of the log grows before the next is begun.
    pub(in crate::config) segment_age: Bounded<SegmentAge>,
    /// What is kept. By default everything.
    pub(in crate::config) retain: Option<Retain>,
    /// When records reach the disk: `every_record`, or `every: 100ms` in batches.
    #[schemars(extend("default" = { "every": "100ms" }))]
    pub(in crate::config) sync: Sync,
    /// How long a request waits for its record. Then it is answered with 503 and not forwarded.
    pub(in crate::config) budget: Bounded<AuditBudget>,
    /// How many records may wait to be written.
    pub(in crate::config) queue_records: Bounded<QueueRecords>,
}

/// What is kept of the audit log. What is beyond any of the given bounds is deleted, whole files at a time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Retain {
    /// At most this many files.
    pub(in crate::config) segments: Option<Bounded<RetainSegments>>,
    /// Files at most this old.
    pub(in crate::config) age: Option<Bounded<RetainAge>>,
    /// At most this much in all.
    pub(in crate::config) bytes: Option<Bounded<RetainBytes>>,
}

/// When audit records reach the disk.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Sync {
    /// In batches, this often. What a crash of the machine can lose.
    Every(Bounded<SyncEvery>),
    /// Each by itself, before its request is forwarded.
    EveryRecord,
}

impl Default for Sync {
    fn default() -> Self {
        Self::Every(Bounded::default())
    }
}

bound! {
    /// How large a file of the log grows.
    SegmentBytes: Size, Size::mib(1), Size::gib(4), Some(Size::mib(64));
    /// How old a file of the log grows.
    SegmentAge: Time, Time::minutes(1), Time::days(31), Some(Time::hours(24));
    /// How many files are kept.
    RetainSegments: Count, Count(1), Count(1_000_000), None;
    /// How old the files are that are kept.
    RetainAge: Time, Time::hours(1), Time::days(3_660), None;
    /// How much is kept in all.
    RetainBytes: Size, Size::mib(16), Size::gib(65_536), None;
    /// How often batches of records reach the disk.
    SyncEvery: Time, Time::millis(1), Time::millis(100), Some(Time::millis(100));
    /// How long a request waits for its record.
    AuditBudget: Time, Time::millis(10), Time::seconds(10), Some(Time::seconds(1));
    /// How many records wait to be written.
    QueueRecords: Count, Count(16), Count(1_000_000), Some(Count(65_536));
}
