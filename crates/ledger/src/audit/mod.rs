//! The audit log.

mod chain;
mod disk;
mod health;
mod json;
mod keeper;
mod log;
mod ocsf;
mod opening;
mod options;
mod progress;
mod queue;
mod record;
mod recovery;
mod retention;
mod segment;
mod signing;
mod statement;
mod writer;

pub use chain::{LineHash, NotAHash};
pub use health::{AuditHealth, AuditUnavailable};
pub use json::{MAX_LIST_ENTRIES, MAX_TEXT_BYTES};
pub use log::{AuditError, AuditLog};
pub use ocsf::OCSF_VERSION;
pub use options::{AuditOptions, CheckpointEvery, MAX_SYNC_INTERVAL, Retain, Sync};
pub use record::{Actor, Decision, Ended, Outcome, Subject, Trace, Verdict};
pub use signing::{CheckpointSigner, CheckpointVerifier, KeySigner, SignerError};
