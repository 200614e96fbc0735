//! Verifying a log: that its records are those that were written, all of them, in their order.

mod records;
mod statements;

use std::fs;
use std::io;
use std::path::Path;

use super::chain::{LineHash, Tip};
use super::recovery::Header;
use super::segment::{self, Segment};
use super::signing::CheckpointVerifier;
use super::tampering::{Tampering, TamperingKind, VerifyError};

use records::Walk;
use statements::Stated;

/// What a log that verifies consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many segments.
    pub segments: u64,
    /// How many records.
    pub records: u64,
    /// The number of the first record that is kept; 0 if there is none.
    pub first_seq: u64,
    /// The number of the last record; 0 if there is none.
    pub last_seq: u64,
    /// How many segments were removed by retention, each by a signed statement.
    pub removed_segments: u64,
    /// How many signed statements there are.
    pub statements: u64,
    /// How many records at the end no checkpoint vouches for: whoever can write the files could have altered or cut off
    /// these, and nobody would see it. 0 after a log was closed in good order.
    pub unprotected_records: u64,
    /// How many bytes of a half-written record stand at the end, as a crash leaves them.
    pub torn_bytes: u64,
    /// Whether the log was closed in good order.
    pub closed: bool,
}

/// Verifies the log in `dir`. Statements must be signed by one of `keys`. A `trusted` checkpoint, the `jws` of a line of
/// `checkpoints.jsonl` that was shipped elsewhere, must be among the log's own, and what it vouches for must stand:
/// it finds a log that was cut off or rewritten together with its checkpoints.
///
/// A log may be verified while it is written; if retention removes a segment meanwhile, verify again. A log that ends without a last checkpoint, as a crash leaves it, is
/// accepted; the report says how many records nothing vouches for.
///
/// # Errors
/// [`VerifyError::Tampered`] names the first place where the log is not what was written.
pub fn verify(
    dir: &Path,
    keys: &dyn CheckpointVerifier,
    trusted: Option<&str>,
) -> Result<VerifyReport, VerifyError> {
    // In this order, so that of a log that is being written nothing seems to be missing.
    let segments = Segment::list(dir).map_err(failed(dir))?;
    let stated = Stated::read(dir, keys, trusted)?;
    let start = start(&segments, &stated)?;
    let mut walk = Walk::new(start, &stated);
    for (index, segment) in segments.iter().enumerate() {
        let bytes = fs::read(&segment.path).map_err(failed(&segment.path))?;
        let next = match segments.get(index + 1) {
            Some(next) => Some(Header::of(next).map_err(failed(&next.path))?),
            None => None,
        };
        walk.segment(segment, &bytes, next)?;
    }
    Ok(walk.finish(segments.first())?)
}

/// What the first record must follow: nothing, or what a statement says was removed.
fn start(segments: &[Segment], stated: &Stated) -> Result<Tip, Box<Tampering>> {
    let first_seq = segments.first().map(|segment| segment.first_seq);
    match first_seq {
        Some(1) => Ok(Tip::START),
        Some(first) if stated.removed.contains_key(&(first - 1)) => Ok(Tip {
            seq: first - 1,
            hash: stated.removed.get(&(first - 1)).copied().unwrap_or(LineHash::NONE),
        }),
        // What checkpoints vouch for is missed at the end.
        None => Ok(stated
            .removed
            .last_key_value()
            .map_or(Tip::START, |(seq, hash)| Tip { seq: *seq, hash: *hash })),
        Some(first) => {
            let next = stated.removed.range(..first).next_back().map_or(1, |(seq, _)| seq + 1);
            Err(Box::new(Tampering {
                kind: TamperingKind::Missing,
                file: segment::name(next),
                line: 1,
                seq: Some(next),
                expected: format!("a segment that begins with record {next}"),
                found: format!("`{}` as the first segment", segment::name(first)),
            }))
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> VerifyError {
    let path = path.to_owned();
    move |source| VerifyError::Io { path, source }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
