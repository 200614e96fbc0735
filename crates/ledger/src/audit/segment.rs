//! Segments: the files that a log consists of, each named for the number of its first record.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What every segment's name begins with.
const PREFIX: &str = "audit-";
/// What every segment's name ends with.
const SUFFIX: &str = ".jsonl";

/// The name of the segment whose first record has number `first_seq`.
pub(super) fn name(first_seq: u64) -> String {
    format!("{PREFIX}{first_seq:012}{SUFFIX}")
}

/// A segment in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// The number of its first record, by its name.
    pub(super) first_seq: u64,
    /// Its name.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// How many bytes it has.
    pub(super) bytes: u64,
}

impl Segment {
    /// The segments in `dir`, the oldest first.
    pub(super) fn list(dir: &Path) -> io::Result<Vec<Self>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let Some(first_seq) = file_name.to_str().and_then(first_seq) else { continue };
            let path = entry.path();
            // A segment that retention removes meanwhile is as good as gone.
            let bytes = match entry.metadata() {
                Ok(metadata) => metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            segments.push(Self { first_seq, name: name(first_seq), path, bytes });
        }
        segments.sort();
        Ok(segments)
    }
}

/// The number in a segment's name, if it is one.
fn first_seq(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let seq = digits.parse().ok()?;
    (name(seq) == file_name).then_some(seq)
}
