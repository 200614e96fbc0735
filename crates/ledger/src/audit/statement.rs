//! Signed statements of a log about itself, in `checkpoints.jsonl`: how far its records reach, and what was removed.
//!
//! Each line is `{"jws":"…"}`. The payload numbers the statement, and holds the SHA-256 of the JWS before it, so that a
//! statement that is gone is missed.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokens::Timestamp;

use super::chain::LineHash;
use super::disk::{Disk, Sink, write_all_at};
use super::signing::{CheckpointSigner, SignerError};

/// The file in which the statements stand.
pub(super) const FILE: &str = "checkpoints.jsonl";

/// What `log` is in every statement.
const LOG: &str = "doorward-audit";

/// The most bytes of a statement's line.
const MAX_LINE_BYTES: usize = 64 * 1024;

const OPEN: &str = "{\"jws\":\"";
const CLOSE: &str = "\"}";

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Statement {
    log: String,
    /// Its number; the first has number 0.
    pub(super) n: u64,
    /// The hash of the JWS before it.
    pub(super) previous: LineHash,
    /// When it was made, in milliseconds since the epoch.
    pub(super) time: u64,
    /// What is stated.
    pub(super) claim: Claim,
}

impl Statement {
    /// What `payload` states, if it is a statement of an audit log.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(payload).ok().filter(|statement| statement.log == LOG)
    }
}

/// What is stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Claim {
    /// The record of this number stands in this segment, and its line has this hash.
    Checkpoint { seq: u64, hash: LineHash, segment: String },
    /// A whole segment was removed by retention; its last line had this hash.
    Removed { segment: String, first_seq: u64, last_seq: u64, hash: LineHash },
}

/// How many statements there are, and the last one's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) statements: u64,
    pub(super) last: LineHash,
}

impl Count {
    pub(super) const NONE: Self = Self { statements: 0, last: LineHash::NONE };
}

/// The file, open for more statements.
pub(super) struct Statements {
    file: Arc<dyn Sink>,
    signer: Arc<dyn CheckpointSigner>,
    bytes: u64,
    count: Count,
}

impl Statements {
    /// Opens the file behind its last whole line. The second value is how far the last checkpoint in it reaches.
    pub(super) fn open(
        disk: &dyn Disk,
        dir: &Path,
        signer: Arc<dyn CheckpointSigner>,
    ) -> io::Result<(Self, u64)> {
        let file = disk.open(FILE)?;
        let (mut count, mut bytes, mut reach) = (Count::NONE, 0, 0);
        for line in Lines::open(dir)? {
            let Line { text, whole } = line?;
            if !whole {
                file.truncate(bytes)?;
                break;
            }
            bytes += text.len() as u64 + 1;
            let Some(jws) = envelope(&text) else { continue };
            count.statements += 1;
            count.last = LineHash::of(jws.as_bytes());
            // Nobody vouches for it here: it only keeps numbers from being given twice, and is verified by `verify`.
            if let Some(Claim::Checkpoint { seq, .. }) = unverified(jws).map(|it| it.claim) {
                reach = reach.max(seq);
            }
        }
        Ok((Self { file, signer, bytes, count }, reach))
    }

    /// How many there are.
    pub(super) const fn count(&self) -> Count {
        self.count
    }

    /// Signs a statement and writes it down; it is on the disk when this returns.
    pub(super) fn state(&mut self, at: Timestamp, claim: Claim) -> Result<(), StatementError> {
        let statement = Statement {
            log: LOG.to_owned(),
            n: self.count.statements,
            previous: self.count.last,
            time: at.as_millis(),
            claim,
        };
        let payload = serde_json::to_vec(&statement).map_err(io::Error::from)?;
        let jws = self.signer.sign(&payload)?;
        let line = format!("{OPEN}{jws}{CLOSE}\n");
        write_all_at(&*self.file, line.as_bytes(), self.bytes)?;
        if let Err(error) = self.file.sync() {
            let _ = self.file.truncate(self.bytes);
            return Err(error.into());
        }
        self.bytes += line.len() as u64;
        self.count =
            Count { statements: self.count.statements + 1, last: LineHash::of(jws.as_bytes()) };
        Ok(())
    }
}

/// A statement could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum StatementError {
    #[error("{FILE}: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// The lines of the file in a directory; none if it is not there.
pub(super) struct Lines(Option<BufReader<File>>);

/// A line, and whether it ends with a line feed.
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    pub(super) whole: bool,
}

impl Lines {
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        match File::open(dir.join(FILE)) {
            Ok(file) => Ok(Self(Some(BufReader::new(file)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }
}

impl Iterator for Lines {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<io::Result<Line>> {
        let mut text = Vec::new();
        match self.0.as_mut()?.read_until(b'\n', &mut text) {
            Ok(0) => None,
            Ok(_) => {
                let whole = text.pop_if(|byte| *byte == b'\n').is_some();
                Some(Ok(Line { text, whole }))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// The JWS in a line, if the line is written exactly as we write it.
pub(super) fn envelope(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok().filter(|line| line.len() <= MAX_LINE_BYTES)?;
    let jws = line.strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
    jws.bytes().all(is_jws_byte).then_some(jws)
}

/// Whether `line` may be what a crash left of one: the beginning of a line as we write it.
pub(super) fn is_torn(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(OPEN.as_bytes()) else {
        return OPEN.as_bytes().starts_with(line);
    };
    let jws = rest.iter().take_while(|byte| is_jws_byte(**byte)).count();
    CLOSE.as_bytes().starts_with(rest.get(jws..).unwrap_or_default())
}

fn is_jws_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// What a JWS states, though its signature has not been looked at.
fn unverified(jws: &str) -> Option<Statement> {
    use base64::Engine as _;
    let payload = jws.split('.').nth(1)?;
    Statement::read(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).ok()?)
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
