//! Finding the end of a log that is opened again, and cutting off what a crash left half written.
//!
//! Only an unfinished last line is ever cut. Any other damage is left as it is, for `verify` to find: the log goes on in
//! a new segment.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use tokens::Timestamp;

use super::chain::{LineHash, Link, Tip};
use super::disk::{Disk, Sink};
use super::note::Note;
use super::retention::{Kept, KeptSegment};
use super::segment::Segment;

/// The longest first line that is read, in bytes.
const MAX_HEADER_BYTES: u64 = 64 * 1024;

/// Where a log ends.
pub(super) struct Recovered {
    /// The last record.
    pub(super) tip: Tip,
    /// The segment to go on in; `None` to begin the next one.
    pub(super) last: Option<LastSegment>,
    /// The segments before it.
    pub(super) kept: Kept,
    /// What was cut off.
    pub(super) torn: Option<Torn>,
    /// Whether the chain of the last segment is broken.
    pub(super) damaged: bool,
}

/// The segment to go on in.
pub(super) struct LastSegment {
    pub(super) segment: Segment,
    pub(super) file: Arc<dyn Sink>,
    /// How many bytes its whole lines have.
    pub(super) bytes: u64,
    /// When it began.
    pub(super) since: Option<Timestamp>,
}

/// What was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Torn {
    segment: String,
    bytes: u64,
    hash: LineHash,
}

impl Torn {
    /// The open body of the record that says so.
    pub(super) fn note(&self, at: Timestamp) -> Vec<u8> {
        let mut body = Vec::new();
        let message = format!("a half-written line of {} bytes was cut off", self.bytes);
        Note::Torn.write(&mut body, at, &message, |json| {
            json.text("segment", &self.segment);
            json.number("bytes", self.bytes);
            json.text("sha256", &self.hash.to_string());
        });
        body
    }
}

impl Recovered {
    /// Finds the end of the log in `dir`.
    pub(super) fn find(disk: &dyn Disk, dir: &Path, now: Timestamp) -> io::Result<Self> {
        let mut segments = Segment::list(dir)?;
        let mut torn = None;
        while let Some(segment) = segments.pop() {
            let scan = Scan::of(&fs::read(&segment.path)?);
            torn = torn.or_else(|| scan.torn(&segment));
            if scan.bytes == 0 {
                // The crash came while the segment was begun: the one before it goes on.
                disk.remove(&segment.name)?;
                continue;
            }
            let file = disk.open(&segment.name)?;
            if scan.bytes < segment.bytes {
                file.truncate(scan.bytes)?;
            }
            file.sync()?;
            let mut kept = complete(&segments, &segment)?;
            let (tip, damaged, since) = (scan.tip, scan.damaged, Header::of(&segment)?.time);
            let last = if damaged {
                kept.push(kept_segment(&segment, tip, now));
                None
            } else {
                Some(LastSegment { segment, file, bytes: scan.bytes, since })
            };
            return Ok(Self { tip, last, kept: Kept::of(kept), torn, damaged });
        }
        Ok(Self { tip: Tip::START, last: None, kept: Kept::default(), torn, damaged: false })
    }
}

/// What a segment's bytes are.
struct Scan {
    /// How many bytes its whole lines have.
    bytes: u64,
    /// The last whole line.
    tip: Tip,
    /// Whether a line does not follow from the one before it.
    damaged: bool,
    /// What stands behind the last whole line.
    rest: Vec<u8>,
}

impl Scan {
    fn of(bytes: &[u8]) -> Self {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (lines, rest) = bytes.split_at(whole);
        let mut scan = Self {
            bytes: lines.len() as u64,
            tip: Tip::START,
            damaged: false,
            rest: rest.to_vec(),
        };
        let lines = lines.strip_suffix(b"\n").unwrap_or_default();
        for (index, line) in lines.split(|byte| *byte == b'\n').enumerate() {
            let link = Link::of(line);
            let follows = |link: &Link| link.seq == scan.tip.seq + 1 && link.prev == scan.tip.hash;
            scan.damaged |= !link.as_ref().is_some_and(|link| index == 0 || follows(link));
            // Numbers are never given twice, whatever the damage.
            let seq = link.map_or(0, |link| link.seq).max(scan.tip.seq);
            scan.tip = Tip { seq, hash: LineHash::of(line) };
        }
        scan
    }

    fn torn(&self, segment: &Segment) -> Option<Torn> {
        (!self.rest.is_empty()).then(|| Torn {
            segment: segment.name.clone(),
            bytes: self.rest.len() as u64,
            hash: LineHash::of(&self.rest),
        })
    }
}

/// What a segment's first line says.
pub(super) struct Header {
    pub(super) link: Option<Link>,
    time: Option<Timestamp>,
}

impl Header {
    pub(super) fn of(segment: &Segment) -> io::Result<Self> {
        let mut line = Vec::new();
        let file = BufReader::new(File::open(&segment.path)?);
        file.take(MAX_HEADER_BYTES).read_until(b'\n', &mut line)?;
        line.pop_if(|byte| *byte == b'\n');
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap_or_default();
        let time = value.get("time").and_then(serde_json::Value::as_u64);
        Ok(Self { link: Link::of(&line), time: time.map(Timestamp::from_millis) })
    }
}

/// The segments before `last`, as retention knows them. Each one's end is told by the next one's header.
fn complete(segments: &[Segment], last: &Segment) -> io::Result<Vec<KeptSegment>> {
    let next = segments.iter().skip(1).chain([last]);
    let pairs = segments.iter().zip(next);
    pairs
        .map(|(segment, next)| {
            let header = Header::of(next)?;
            let hash = header.link.map_or(LineHash::NONE, |link| link.prev);
            let tip = Tip { seq: next.first_seq.saturating_sub(1), hash };
            Ok(kept_segment(segment, tip, header.time.unwrap_or_default()))
        })
        .collect()
}

fn kept_segment(segment: &Segment, tip: Tip, until: Timestamp) -> KeptSegment {
    KeptSegment {
        name: segment.name.clone(),
        first_seq: segment.first_seq,
        last_seq: tip.seq,
        hash: tip.hash,
        bytes: segment.bytes,
        until,
        stated: false,
    }
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
