//! The audit log.

mod chain;
mod disk;
mod health;
mod json;
mod keeper;
mod line;
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
mod tail;
mod tampering;
#[cfg(test)]
mod testing;
mod verify;
mod writer;

pub use chain::{LineHash, NotAHash};
pub use health::{AuditHealth, AuditUnavailable};
pub use json::{MAX_LIST_ENTRIES, MAX_TEXT_BYTES};
pub use line::Line;
pub use log::{AuditError, AuditLog};
pub use ocsf::OCSF_VERSION;
pub use options::{AuditOptions, CheckpointEvery, MAX_SYNC_INTERVAL, Retain, Sync};
pub use record::{Actor, Decision, Ended, Outcome, Subject, Trace, Verdict};
pub use signing::{CheckpointSigner, CheckpointVerifier, KeySigner, SignerError};
pub use tail::{FOLLOW_EVERY, Filter, Tail, TailError, TailFrom, tail};
pub use tampering::{Tampering, TamperingKind, VerifyError};
pub use verify::{VerifyReport, verify};
