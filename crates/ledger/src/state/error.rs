//! Why the ledger did not do what it was asked.

use thiserror::Error;

/// Why the ledger did not do what it was asked. No text here holds a secret or a URL.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LedgerError {
    /// The program is wrong: a statement that the database refuses.
    #[error("the ledger was asked wrongly, which is a bug: {0}")]
    Bug(String),
    /// What is stored cannot be read, or not be opened with the operator's key.
    #[error("the ledger is damaged: {0}")]
    Corrupt(String),
    /// There is no room.
    #[error("the ledger is full: {0}")]
    Full(String),
    /// A text has a NUL, which PostgreSQL cannot keep.
    #[error("the {what} has a NUL")]
    Nul {
        /// Which text.
        what: &'static str,
    },
    /// A name that was to be new is not.
    #[error("the {what} is in use already; expected a new one")]
    Reused {
        /// Which name.
        what: &'static str,
    },
    /// Something is longer than it may be.
    #[error("the {what} may have {limit} bytes at most")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// How many bytes it may have.
        limit: usize,
    },
    /// More rows than one call may have.
    #[error("more than {limit} rows are asked for at once")]
    TooManyRows {
        /// How many there may be.
        limit: u32,
    },
    /// It cannot be had now. The call may have taken effect all the same.
    #[error("the ledger is unavailable: {0}")]
    Unavailable(String),
}

impl LedgerError {
    /// Whether the same call may do better in a moment.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
