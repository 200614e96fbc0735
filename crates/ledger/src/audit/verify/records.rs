//! The records of a log: each linked to the one before it, and as the checkpoints know it.

use crate::audit::chain::{LineHash, Link, Tip};
use crate::audit::recovery::Header;
use crate::audit::segment::{self, Segment};
use crate::audit::tampering::{Tampering, TamperingKind};

use super::VerifyReport;
use super::statements::Stated;

/// What only headers contain: a quotation mark within a text is escaped.
const HEADER: &str = "\"record\":\"header\"";
/// What only the records of openings contain.
const OPENED: &str = "\"record\":\"opened\"";
/// What only last records contain.
const CLOSED: &str = "\"record\":\"closed\"";

/// Goes through the records of a log, from the first to the last.
pub(super) struct Walk<'s> {
    stated: &'s Stated,
    /// What the first record follows.
    start: Tip,
    /// The last record.
    tip: Tip,
    /// The last record that a checkpoint vouches for.
    vouched: u64,
    /// The segment before this one, and how many lines it has.
    before: Option<(String, u64)>,
    report: VerifyReport,
}

impl<'s> Walk<'s> {
    pub(super) fn new(start: Tip, stated: &'s Stated) -> Self {
        let report = VerifyReport::default();
        Self { stated, start, tip: start, vouched: start.seq, before: None, report }
    }

    /// Goes through one segment; `next` is the header of the one after it, if this is not the last.
    pub(super) fn segment(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
        next: Option<Header>,
    ) -> Result<(), Box<Tampering>> {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (text, torn) = bytes.split_at(whole);
        let last = next.is_none();
        let next = next.and_then(|header| header.link);
        let lines = Lines::of(&segment.name, text, next);
        if segment.first_seq != self.tip.seq + 1 && !(lines.hashes.is_empty() && torn.is_empty()) {
            return Err(self.misnamed(segment, &lines));
        }
        if let Some(found) = lines.of_another_segment(segment) {
            let expected =
                format!("the header of the segment from record {} on", segment.first_seq);
            let found = format!("the header of the segment from record {found} on");
            return Err(lines.at(0, TamperingKind::Misplaced, segment.first_seq, expected, found));
        }
        for index in 0..lines.hashes.len() {
            self.line(&lines, index)?;
        }
        if !torn.is_empty() && !last {
            let found = format!("{} bytes without the end of a line", torn.len());
            let expected = "a whole record".to_owned();
            return Err(lines.at(
                lines.hashes.len(),
                TamperingKind::Altered,
                self.tip.seq + 1,
                expected,
                found,
            ));
        }
        self.report.torn_bytes = torn.len() as u64;
        self.report.segments += 1;
        self.before = Some((segment.name.clone(), lines.hashes.len() as u64));
        Ok(())
    }

    /// What was found, if nothing is missing at the end.
    pub(super) fn finish(
        mut self,
        first: Option<&Segment>,
    ) -> Result<VerifyReport, Box<Tampering>> {
        if let Some((seq, hash)) = self.stated.checkpoints.last_key_value()
            && *seq > self.tip.seq
        {
            let next = self.tip.seq + 1;
            let nothing = || (segment::name(next), 0);
            let (file, lines) = self.before.take().unwrap_or_else(nothing);
            return Err(Box::new(Tampering {
                kind: TamperingKind::CutOff,
                file,
                line: lines + 1,
                seq: Some(next),
                expected: format!("records up to {seq}, {hash}, which a checkpoint vouches for"),
                found: "the end of the log".to_owned(),
            }));
        }
        self.report.removed_segments = self.stated.removed.range(..=self.start.seq).count() as u64;
        self.report.statements = self.stated.len();
        self.report.unprotected_records = self.tip.seq - self.vouched;
        self.report.closed &= self.report.unprotected_records == 0 && self.report.torn_bytes == 0;
        if self.report.records > 0 {
            self.report.first_seq = first.map_or(0, |segment| segment.first_seq);
            self.report.last_seq = self.tip.seq;
        }
        Ok(self.report)
    }

    fn line(&mut self, lines: &Lines<'_>, index: usize) -> Result<(), Box<Tampering>> {
        let (Some(Some(link)), Some(hash), Some(text)) =
            (lines.links.get(index), lines.hashes.get(index), lines.texts.get(index))
        else {
            let expected = "a record with its number and the hash of the one before".to_owned();
            let found = "a line without them".to_owned();
            let follows = |link: &Link| link.seq == self.tip.seq + 1 && link.prev == self.tip.hash;
            let next = lines.links.get(index + 1).and_then(Option::as_ref);
            // The chain goes on behind the line as if it were not there.
            let kind = match next.is_some_and(follows) {
                true => TamperingKind::Inserted,
                false => TamperingKind::Altered,
            };
            return Err(lines.at(index, kind, self.tip.seq + 1, expected, found));
        };
        if link.seq != self.tip.seq + 1 || link.prev != self.tip.hash {
            return Err(self.broken(lines, index, *link));
        }
        let text = std::str::from_utf8(text).unwrap_or_default();
        let is_header = text.contains(HEADER);
        if is_header != (index == 0) {
            let words = ["a record that is no header", "a header"];
            let word = |header: bool| {
                words.get(usize::from(header)).copied().unwrap_or_default().to_owned()
            };
            return Err(lines.at(
                index,
                TamperingKind::Misplaced,
                link.seq,
                word(index == 0),
                word(is_header),
            ));
        }
        if let Some(vouched) = self.stated.checkpoints.get(&link.seq) {
            if vouched != hash {
                return Err(self.unlike_checkpoint(lines, index, *vouched));
            }
            self.vouched = link.seq;
        }
        if is_header || text.contains(OPENED) {
            self.statements_named_in(lines, index, text)?;
        }
        self.report.closed = text.contains(CLOSED);
        self.report.records += 1;
        self.tip = Tip { seq: link.seq, hash: *hash };
        Ok(())
    }

    /// A record that names the statements made before it.
    fn statements_named_in(
        &self,
        lines: &Lines<'_>,
        index: usize,
        text: &str,
    ) -> Result<(), Box<Tampering>> {
        let read = || {
            let value: serde_json::Value = serde_json::from_str(text).ok()?;
            let doorward = value.get("unmapped")?.get("doorward")?;
            let count = doorward.get("statements")?.as_u64()?;
            Some((count, doorward.get("statement")?.as_str()?.parse().ok()?))
        };
        let Some((count, last)) = read() else {
            let expected = "a record that names the statements before it".to_owned();
            let found = "one that does not".to_owned();
            return Err(lines.at(index, TamperingKind::Altered, self.tip.seq + 1, expected, found));
        };
        // An altered record is found by its successor: only an intact one can say that something else is missing.
        if lines.confirms(index) == Some(false) {
            return Ok(());
        }
        self.stated.knows(count, last)
    }

    /// The line's link does not follow from the line before: which of them is wrong, and how.
    fn broken(&self, lines: &Lines<'_>, index: usize, link: Link) -> Box<Tampering> {
        let expected_seq = self.tip.seq + 1;
        let expected = format!("record {expected_seq} after {}", self.tip.hash);
        let found = format!("record {} after {}", link.seq, link.prev);
        let here = |kind| lines.at(index, kind, link.seq, expected.clone(), found.clone());
        let vouched = |seq| self.stated.checkpoints.get(&seq).copied();
        let own_hash = lines.hashes.get(index).copied();
        let confirmed =
            lines.confirms(index).or_else(|| vouched(link.seq).map(|hash| Some(hash) == own_hash));
        if link.seq == expected_seq {
            // The number is right: the line before was altered, unless this line is the one that nobody confirms.
            if confirmed == Some(false) || vouched(self.tip.seq) == Some(self.tip.hash) {
                return here(TamperingKind::Altered);
            }
            return self.altered_before(lines, index, link.prev);
        }
        if link.seq > expected_seq {
            if lines.links.iter().skip(index).flatten().any(|other| other.seq == expected_seq) {
                return here(TamperingKind::Reordered);
            }
            // Its number was changed, unless the line after it says that this is the whole of it.
            let altered = link.prev == self.tip.hash && confirmed != Some(true);
            let kind = if altered { TamperingKind::Altered } else { TamperingKind::Missing };
            return lines.at(index, kind, expected_seq, expected, found);
        }
        let earlier = lines.links.iter().position(|other| other.map(|it| it.seq) == Some(link.seq));
        let same = earlier.and_then(|at| lines.hashes.get(at)) == own_hash.as_ref();
        if earlier.is_some_and(|at| at < index) && same {
            return here(TamperingKind::Duplicated);
        }
        // This line would follow from the one before the last: the last one was put in between.
        let two_before = index.checked_sub(2).and_then(|at| lines.hashes.get(at));
        if link.seq == self.tip.seq && two_before == Some(&link.prev) && confirmed != Some(false) {
            let expected = format!("record {} as the line after it has it", link.seq);
            let found = "another record of the same number".to_owned();
            return lines.at(index - 1, TamperingKind::Inserted, link.seq, expected, found);
        }
        if link.prev == self.tip.hash && confirmed != Some(true) {
            return lines.at(index, TamperingKind::Altered, expected_seq, expected, found);
        }
        here(TamperingKind::Inserted)
    }

    fn altered_before(&self, lines: &Lines<'_>, index: usize, prev: LineHash) -> Box<Tampering> {
        let expected = format!("{prev}, which the record after it holds");
        let found = self.tip.hash.to_string();
        match (index.checked_sub(1), &self.before) {
            (Some(index), _) => {
                lines.at(index, TamperingKind::Altered, self.tip.seq, expected, found)
            }
            (None, before) => {
                let (file, line) = before.clone().unwrap_or((lines.file.to_owned(), 1));
                let (kind, seq) = (TamperingKind::Altered, Some(self.tip.seq));
                Box::new(Tampering { kind, file, line, seq, expected, found })
            }
        }
    }

    fn unlike_checkpoint(
        &self,
        lines: &Lines<'_>,
        index: usize,
        vouched: LineHash,
    ) -> Box<Tampering> {
        let seq = self.tip.seq + 1;
        let found = lines.hashes.get(index).copied().unwrap_or(LineHash::NONE).to_string();
        let expected = format!("{vouched}, which a checkpoint vouches for");
        if lines.confirms(index) == Some(false) {
            return lines.at(index, TamperingKind::Altered, seq, expected, found);
        }
        // The chain agrees with itself, so any record since the last checkpoint that agrees may be another.
        let since = self.vouched + 1;
        let found = format!(
            "{found} at the end of a chain that was written anew from record {since} on or later"
        );
        lines.at(index, TamperingKind::Rewritten, seq, expected, found)
    }

    /// The segment's name is not that of the next one.
    fn misnamed(&self, segment: &Segment, lines: &Lines<'_>) -> Box<Tampering> {
        let next = self.tip.seq + 1;
        let first = lines.links.first().copied().flatten();
        let first_text =
            first.map_or("no record".to_owned(), |link| format!("record {}", link.seq));
        if first.is_none_or(|link| link.seq != segment.first_seq) || segment.first_seq < next {
            let expected = format!("record {} as its first", segment.first_seq.max(next));
            return lines.at(0, TamperingKind::Misplaced, segment.first_seq, expected, first_text);
        }
        let (file, lines_before) = self.before.clone().unwrap_or_else(|| (segment::name(next), 0));
        Box::new(Tampering {
            kind: TamperingKind::Missing,
            file,
            line: lines_before + 1,
            seq: Some(next),
            expected: format!("records {next} to {}", segment.first_seq - 1),
            found: format!("`{}` as the next segment", segment.name),
        })
    }
}

/// The lines of one segment.
struct Lines<'a> {
    file: &'a str,
    texts: Vec<&'a [u8]>,
    links: Vec<Option<Link>>,
    hashes: Vec<LineHash>,
    /// Of the next segment's header.
    next: Option<Link>,
}

impl<'a> Lines<'a> {
    fn of(file: &'a str, text: &'a [u8], next: Option<Link>) -> Self {
        let texts: Vec<_> = match text.strip_suffix(b"\n") {
            None => Vec::new(),
            Some(text) => text.split(|byte| *byte == b'\n').collect(),
        };
        let links = texts.iter().map(|text| Link::of(text)).collect();
        let hashes = texts.iter().map(|text| LineHash::of(text)).collect();
        Self { file, texts, links, hashes, next }
    }

    /// The number of the first record, if it is the intact header of another segment.
    fn of_another_segment(&self, segment: &Segment) -> Option<u64> {
        let first = self.links.first()?.as_ref()?;
        let text = std::str::from_utf8(self.texts.first()?).ok()?;
        let whole = text.contains(HEADER) && self.confirms(0) == Some(true);
        (whole && first.seq != segment.first_seq).then_some(first.seq)
    }

    /// Whether the next line holds the hash of this one; `None` if there is none that could.
    fn confirms(&self, index: usize) -> Option<bool> {
        let hash = self.hashes.get(index)?;
        let next = match self.links.get(index + 1) {
            Some(next) => (*next)?,
            None => self.next?,
        };
        Some(next.prev == *hash)
    }

    fn at(
        &self,
        index: usize,
        kind: TamperingKind,
        seq: u64,
        expected: String,
        found: String,
    ) -> Box<Tampering> {
        let file = self.file.to_owned();
        Box::new(Tampering { kind, file, line: index as u64 + 1, seq: Some(seq), expected, found })
    }
}
