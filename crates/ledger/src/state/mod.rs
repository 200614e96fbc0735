//! State that must last or be shared: sessions and their cookies, what may be used once only, and the log of what has
//! ended. One trait, [`Ledger`], over an embedded SQLite file or a PostgreSQL that several replicas share.
//!
//! ```text
//! open ─▶ migrations, the key's check ─▶ dyn Ledger ─▶ one transaction per call, within a time limit ─▶ SQLite | PostgreSQL
//!                                            └▶ log_after: every end once, in the order of commits, to every replica
//! ```
//!
//! # What can be lost
//!
//! Nothing that a call has confirmed, in a crash of the process or of the machine: SQLite syncs at each commit, and
//! PostgreSQL does unless it was told otherwise (`synchronous_commit`, replicas that lag behind at a failover).
//! A call that fails with [`LedgerError::Unavailable`] may have taken effect all the same; each can be repeated.
//!
//! # What is never written
//!
//! Cookies: only their SHA-256. Secrets of a session are sealed with the [`crate::OperatorKey`]; facts are not.

mod belated;
mod bounds;
mod change;
mod cookies;
mod database;
mod ends;
mod error;
mod ledger;
mod left;
mod log;
mod migration;
mod open;
mod options;
mod refreshes;
mod row;
mod session;
mod sessions;
mod stored;
mod sweeping;
mod used;

pub use bounds::*;
pub use change::{Change, Changes, EndReason, Ending, Position, Revocation};
pub use error::LedgerError;
pub use ledger::{Ledger, Pending};
pub use open::{OpenError, Opened, open};
pub use options::{
    BUSY_WAIT, DEFAULT_CONNECTIONS, DEFAULT_LIMIT, KeyPlace, LedgerOptions, LedgerPlace,
    PostgresUrl, PostgresUrlError,
};
pub use session::{
    Claimed, NewFacts, NewSession, Secrets, SessionFilter, SessionSummary, StoredSession,
};
pub use tokens::SessionId;
pub use used::Purpose;
