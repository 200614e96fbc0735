//! The ledger: what must last and be shared.

use std::fmt;
use std::path::PathBuf;

use federation::provider::Secret;
use ledger::OPERATOR_KEY_BYTES;

/// The ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Where it is.
    pub at: LedgerAt,
    /// What secrets are sealed with.
    pub key: LedgerKey,
}

/// Where a ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerAt {
    /// In the PostgreSQL database at this URL, which `ledger::state::PostgresUrl` reads.
    Postgres(Secret),
    /// In this file.
    Sqlite(PathBuf),
}

/// The operator's key.
#[derive(Clone, PartialEq, Eq)]
pub enum LedgerKey {
    /// In this file, which is made together with the ledger.
    File(PathBuf),
    /// These bytes.
    Given([u8; OPERATOR_KEY_BYTES]),
}

impl fmt::Debug for LedgerKey {
    /// Where it is, never the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Given(_) => f.write_str("Given(…)"),
        }
    }
}
