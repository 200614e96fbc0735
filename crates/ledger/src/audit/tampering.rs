//! What was done to a log, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a log does not verify.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The log is not what was written.
    #[error(transparent)]
    Tampered(#[from] Box<Tampering>),
    /// The checkpoint from elsewhere is not signed by one of the keys, or is not one.
    #[error("the given checkpoint is not an audit checkpoint signed by one of the keys")]
    UntrustedCheckpoint,
}

/// The first place where a log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Tampering {
    /// What was done.
    pub kind: TamperingKind,
    /// In which file of the log.
    pub file: String,
    /// In which line of it, from 1; one past the last if lines are gone from its end.
    pub line: u64,
    /// The number of the record, or of the statement in `checkpoints.jsonl`, as far as it is known.
    pub seq: Option<u64>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for Tampering {
    /// As in ``record 7 was altered (`audit-000000000001.jsonl` line 7): expected …, found …``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.kind.concerns_statements() { "statement" } else { "record" };
        match self.seq {
            Some(seq) => write!(f, "{what} {seq}")?,
            None => write!(f, "a {what}")?,
        }
        let Self { kind, file, line, expected, found, .. } = self;
        write!(f, " {kind} (`{file}` line {line}): expected {expected}, found {found}")
    }
}

/// What was done to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TamperingKind {
    /// A record is not the one that its successor or a checkpoint vouches for.
    Altered,
    /// Records are gone from the end: a checkpoint knows of them.
    CutOff,
    /// A record stands there again.
    Duplicated,
    /// A statement is not signed by one of the keys.
    Forged,
    /// A record stands there that was not written there.
    Inserted,
    /// A segment bears another's name, or does not begin with a header.
    Misplaced,
    /// Records or whole segments are gone from the beginning or the middle.
    Missing,
    /// Records stand in another order.
    Reordered,
    /// The chain agrees with itself, but a checkpoint vouches for another one. The record named is the one under the
    /// checkpoint; the first altered one may stand anywhere since the checkpoint before.
    Rewritten,
    /// Statements are gone from `checkpoints.jsonl`: a later statement, a record or the given checkpoint knows of them.
    StatementMissing,
    /// Statements stand in another order, or again.
    StatementMoved,
}

impl TamperingKind {
    const fn concerns_statements(self) -> bool {
        matches!(self, Self::Forged | Self::StatementMissing | Self::StatementMoved)
    }
}

impl fmt::Display for TamperingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Altered => "was altered",
            Self::CutOff => "was cut off",
            Self::Duplicated => "was duplicated",
            Self::Forged => "was forged",
            Self::Inserted => "was inserted",
            Self::Misplaced => "is misplaced",
            Self::Missing | Self::StatementMissing => "is missing",
            Self::Reordered => "was reordered",
            Self::Rewritten => "was rewritten",
            Self::StatementMoved => "was moved",
        })
    }
}
