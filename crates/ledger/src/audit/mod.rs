//! The audit log: who asked for what, what the gate said, why, and how it ended.
//!
//! Of each forwarded request there are two records: the *decision*, which the operating system has before anything is
//! forwarded, and the *outcome* after it. A denied request has the decision only. What happens to sessions (sign-in,
//! sign-out) is recorded before the browser is told.
//!
//! ```text
//! decide ─▶ queue ─▶ writer: number, hash of the line before, one write ─▶ audit-000000000001.jsonl
//! outcome ─▶  │                                  │
//!             └ bounded                          └▶ keeper: sync ─▶ sign ─▶ checkpoints.jsonl ─▶ retention
//! ```
//!
//! # What can be lost
//!
//! * **A crash of the process** loses no decision on which something was forwarded: the operating system has it. It
//!   loses outcomes that were still queued. A half-written last line is cut off at the next
//!   opening, and a record says so.
//! * **A power cut** loses what the disk had not confirmed: with [`Sync::Interval`] what is younger than the interval
//!   and the sync itself, with [`Sync::EveryRecord`] no decision that was answered.
//! * **A full or dead disk** loses nothing that was answered: decisions are refused ([`AuditUnavailable`]), outcomes are
//!   dropped once the queue is full, and a record says how many.
//!
//! # What is found
//!
//! Each record holds the hash of the line before it, and signed checkpoints vouch for the chain, so that [`verify`]
//! names the first record that was altered, taken out, put in, moved, repeated or cut off. One who cuts off records
//! together with the checkpoints over them, or holds the signing key, is found by a checkpoint that is kept elsewhere. `docs/audit.md` has the
//! file formats and the table of tamperings.
//!
//! # What is never written
//!
//! Query strings, headers, bodies, tokens and cookies: there is no field for them. A credential is known by its
//! fingerprint.

mod chain;
mod disk;
mod error;
mod health;
mod json;
mod keeper;
mod line;
mod log;
mod note;
mod ocsf;
mod opening;
mod options;
mod progress;
mod queue;
mod receipt;
mod record;
mod recovery;
mod relay;
mod retention;
mod segment;
mod sign_in;
mod signing;
mod statement;
mod tail;
mod tampering;
#[cfg(test)]
mod testing;
mod verify;
mod writer;

pub use chain::{LineHash, NotAHash};
pub use error::AuditError;
pub use health::{AuditHealth, AuditUnavailable};
pub use json::{MAX_LIST_ENTRIES, MAX_TEXT_BYTES};
pub use line::Line;
pub use log::AuditLog;
pub use ocsf::OCSF_VERSION;
pub use options::{AuditOptions, CheckpointEvery, MAX_SYNC_INTERVAL, Retain, Sync};
pub use record::{
    Actor, Credential, Decision, Ended, Evaluation, Outcome, Subject, Trace, Verdict,
};
pub use sign_in::{EndedBy, SignIn, SignInEvent};
pub use signing::{CheckpointSigner, CheckpointVerifier, KeySigner, SignerError};
pub use tail::{FOLLOW_EVERY, Filter, Tail, TailError, TailFrom, tail};
pub use tampering::{Tampering, TamperingKind, VerifyError};
pub use verify::{VerifyReport, verify};
