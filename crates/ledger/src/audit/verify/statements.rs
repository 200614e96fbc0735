//! The signed statements of a log: each signed by a trusted key, none missing, in their order.

use std::collections::BTreeMap;
use std::path::Path;

use crate::audit::chain::LineHash;
use crate::audit::signing::CheckpointVerifier;
use crate::audit::statement::{self, Claim, FILE, Line, Lines, Statement};
use crate::audit::tampering::{Tampering, TamperingKind, VerifyError};

/// What is stated about a log.
#[derive(Debug, Default)]
pub(super) struct Stated {
    /// The hashes of the statements, in their order.
    hashes: Vec<LineHash>,
    /// The hashes of records, by their number.
    pub(super) checkpoints: BTreeMap<u64, LineHash>,
    /// The hashes of the last records of removed segments, by their number.
    pub(super) removed: BTreeMap<u64, LineHash>,
}

impl Stated {
    /// Reads the file, and puts the trusted checkpoint beside it.
    pub(super) fn read(
        dir: &Path,
        keys: &dyn CheckpointVerifier,
        trusted: Option<&str>,
    ) -> Result<Self, VerifyError> {
        let mut stated = Self::default();
        for line in Lines::open(dir).map_err(super::failed(&dir.join(FILE)))? {
            let line = line.map_err(super::failed(&dir.join(FILE)))?;
            stated.line(&line, keys)?;
        }
        if let Some(jws) = trusted.map(str::trim) {
            let payload = keys.verify(jws).ok_or(VerifyError::UntrustedCheckpoint)?;
            let statement = Statement::read(&payload).ok_or(VerifyError::UntrustedCheckpoint)?;
            let found = stated.hash(statement.n);
            let hash = LineHash::of(jws.as_bytes());
            if found != Some(hash) {
                let text = |hash| format!("the given checkpoint, {hash}");
                return Err(stated.missing(statement.n, text(hash), found).into());
            }
        }
        Ok(stated)
    }

    /// How many statements there are.
    pub(super) fn len(&self) -> u64 {
        self.hashes.len() as u64
    }

    /// Whether the first `count` statements end with the one of this hash.
    pub(super) fn knows(&self, count: u64, last: LineHash) -> Result<(), Box<Tampering>> {
        let Some(n) = count.checked_sub(1) else { return Ok(()) };
        match self.hash(n) {
            Some(hash) if hash == last => Ok(()),
            found => {
                Err(self.missing(n, format!("statement {n}, {last}, which a record names"), found))
            }
        }
    }

    fn hash(&self, n: u64) -> Option<LineHash> {
        self.hashes.get(usize::try_from(n).ok()?).copied()
    }

    fn missing(&self, n: u64, expected: String, found: Option<LineHash>) -> Box<Tampering> {
        let end = || format!("{} statements", self.len());
        Box::new(Tampering {
            kind: TamperingKind::StatementMissing,
            file: FILE.to_owned(),
            line: n.min(self.len()) + 1,
            seq: Some(n),
            expected,
            found: found.map_or_else(end, |hash| format!("another statement, {hash}")),
        })
    }

    fn line(&mut self, line: &Line, keys: &dyn CheckpointVerifier) -> Result<(), Box<Tampering>> {
        // A crash leaves the beginning of a line, and nothing else.
        if !line.whole && statement::is_torn(&line.text) {
            return Ok(());
        }
        let n = self.len();
        let wrong = |kind, expected, found| {
            let file = FILE.to_owned();
            Err(Box::new(Tampering { kind, file, line: n + 1, seq: Some(n), expected, found }))
        };
        let jws = statement::envelope(&line.text).filter(|_| line.whole);
        let payload = jws.and_then(|jws| keys.verify(jws));
        let read = payload.as_deref().and_then(Statement::read);
        let (Some(jws), Some(statement)) = (jws, read) else {
            let expected = "a statement signed by one of the keys".to_owned();
            return wrong(TamperingKind::Forged, expected, "a line that is none".to_owned());
        };
        let previous = self.hashes.last().copied().unwrap_or(LineHash::NONE);
        if statement.n != n || statement.previous != previous {
            let kind = if statement.n > n {
                TamperingKind::StatementMissing
            } else {
                TamperingKind::StatementMoved
            };
            let expected = format!("statement {n} after {previous}");
            let found = format!("statement {} after {}", statement.n, statement.previous);
            return wrong(kind, expected, found);
        }
        self.hashes.push(LineHash::of(jws.as_bytes()));
        match statement.claim {
            Claim::Checkpoint { seq, hash, .. } => {
                let known = *self.checkpoints.entry(seq).or_insert(hash);
                if known != hash {
                    let expected = format!("{known} for record {seq}, as before");
                    return wrong(TamperingKind::Rewritten, expected, hash.to_string());
                }
            }
            Claim::Removed { last_seq, hash, .. } => {
                self.removed.insert(last_seq, hash);
            }
        }
        Ok(())
    }
}
