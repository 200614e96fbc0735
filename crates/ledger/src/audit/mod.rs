//! The audit log.

mod health;
mod log;
mod options;
mod record;
mod signing;

pub use health::{AuditHealth, AuditUnavailable};
pub use log::{AuditError, AuditLog};
pub use options::{AuditOptions, CheckpointEvery, Clock, MAX_SYNC_INTERVAL, Retain, Sync};
pub use record::{Actor, Decision, Ended, Outcome, Subject, Trace, Verdict};
pub use signing::{CheckpointSigner, CheckpointVerifier, KeySigner, SignerError};
