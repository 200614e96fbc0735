//! The one thread that writes records: it links each to the one before it, and writes a whole group at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokens::Timestamp;

use super::chain::Tip;
use super::disk::{Disk, write_all_at};
use super::note::Note;
use super::options::{AuditOptions, Sync};
use super::progress::{Closing, Position, Shared, add, count};
use super::queue::Group;
use super::segment;
use super::statement::Count;
use crate::Clock;

/// The first pause after a failed write.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause between failed writes.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What the writer works with.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: AuditOptions,
    /// Who signs; stands in the headers.
    pub(super) key_id: String,
    pub(super) at: Position,
    /// When the segment began.
    pub(super) since: Timestamp,
    /// The lines of one group.
    pub(super) lines: Vec<u8>,
}

/// The log is to be given up.
pub(super) struct GivenUp;

impl Writer {
    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let mut group = Group::default();
        while let Some(next) = self.shared.queue.take(group) {
            group = next;
            self.follow_if_due();
            if self.write_group(&group).is_err() {
                drop(group);
                return self.finish();
            }
            self.shared.queue.written(&mut group);
        }
        self.begin();
        let (mut body, now) = (Vec::new(), self.clock.now());
        Note::Closed.write(&mut body, now, "the audit log was closed", |_| {});
        let mut tip = self.at.tip;
        tip.append(&mut self.lines, &body);
        // Given up or not, there is nothing left to write.
        let _ = self.flush(tip, 1);
        self.finish();
    }

    /// Writes notes before anything else is written.
    pub(super) fn write_notes(&mut self, bodies: &[Vec<u8>]) -> io::Result<()> {
        self.begin();
        let mut tip = self.at.tip;
        for body in bodies {
            tip.append(&mut self.lines, body);
        }
        write_all_at(&*self.at.file, &self.lines, self.at.bytes)?;
        self.at.file.sync()?;
        self.advance(tip, bodies.len());
        Ok(())
    }

    fn finish(self) {
        self.shared.progress().closing = Closing::Written;
        self.shared.announce();
    }

    fn write_group(&mut self, group: &Group) -> Result<(), GivenUp> {
        self.begin();
        let mut tip = self.at.tip;
        let mut records = 0;
        for body in group.bodies() {
            tip.append(&mut self.lines, body);
            records += 1;
        }
        if group.dropped > 0 {
            tip.append(&mut self.lines, &gap(self.clock.now(), group.dropped));
            records += 1;
        }
        self.flush(tip, records)
    }

    fn begin(&mut self) {
        self.lines.clear();
    }

    /// Writes the lines, trying again until it succeeds.
    fn flush(&mut self, tip: Tip, records: usize) -> Result<(), GivenUp> {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut result = write_all_at(&*self.at.file, &self.lines, self.at.bytes);
            if result.is_ok() && self.options.sync == Sync::EveryRecord {
                // After a failed sync the kernel holds the pages for clean, so the next round writes them again.
                result = self.at.file.sync();
            }
            let Err(error) = result else { break };
            self.failed(&error);
            if !self.shared.queue.pause(pause) {
                return Err(GivenUp);
            }
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        self.advance(tip, records);
        Ok(())
    }

    fn advance(&mut self, tip: Tip, records: usize) {
        self.at.bytes += self.lines.len() as u64;
        self.at.tip = tip;
        let counters = &self.shared.counters;
        count(&counters.writes);
        add(&counters.written_records, records as u64);
        add(&counters.written_bytes, self.lines.len() as u64);
        let mut progress = self.shared.progress();
        progress.written.tip = tip;
        progress.written.bytes = self.at.bytes;
        progress.write_error = None;
        let awaited = progress.keeper_idle;
        drop(progress);
        // A keeper that is between two syncs need not be told: waking it for every group would cost more than the write.
        if awaited {
            self.shared.announce();
        }
    }

    fn failed(&self, error: &io::Error) {
        count(&self.shared.counters.failures);
        let text = format!("cannot write `{}`: {error}", self.at.name);
        self.shared.progress().write_error = Some(text);
    }

    /// Begins the next segment if this one is large or old enough. If that fails the old one goes on, and it is tried
    /// again before the next group.
    fn follow_if_due(&mut self) {
        let now = self.clock.now();
        let old = self.options.segment_age.is_some_and(|age| now.since(self.since) >= age);
        if !old && self.at.bytes < self.options.segment_bytes {
            return;
        }
        let name = segment::name(self.at.tip.seq + 1);
        if let Err(error) = self.follow(&name, now) {
            let _ = self.disk.remove(&name);
            count(&self.shared.counters.failures);
            let text = format!("cannot begin `{name}`: {error}");
            self.shared.progress().follow_error = Some(text);
        }
    }

    fn follow(&mut self, name: &str, now: Timestamp) -> io::Result<()> {
        let (statements, policy_set) = {
            let progress = self.shared.progress();
            (progress.statements, progress.policy_set.clone())
        };
        let body = header(now, &policy_set, statements, &self.key_id);
        let (mut tip, mut line) = (self.at.tip, Vec::new());
        tip.append(&mut line, &body);
        // So that a power cut never leaves the beginning of this segment without the end of the last.
        self.at.file.sync()?;
        let file = self.disk.open(name)?;
        file.truncate(0)?;
        write_all_at(&*file, &line, 0)?;
        self.disk.sync()?;
        let (name, first_seq, bytes) = (name.to_owned(), tip.seq, line.len() as u64);
        let next = Position { tip, file, name, first_seq, bytes };
        let before = std::mem::replace(&mut self.at, next);
        self.since = now;
        add(&self.shared.counters.written_records, 1);
        add(&self.shared.counters.written_bytes, line.len() as u64);
        let mut progress = self.shared.progress();
        progress.follow_error = None;
        progress.followed.push(before);
        progress.written = self.at.clone();
        drop(progress);
        self.shared.announce();
        Ok(())
    }
}

/// The open body of the record of outcomes that were dropped.
pub(super) fn gap(at: Timestamp, dropped: u64) -> Vec<u8> {
    let mut body = Vec::new();
    let message = format!("{dropped} outcomes were dropped: the queue was full");
    Note::Gap.write(&mut body, at, &message, |json| json.number("dropped", dropped));
    body
}

/// The open body of a segment's first record.
pub(super) fn header(at: Timestamp, policy_set: &str, statements: Count, key: &str) -> Vec<u8> {
    let mut body = Vec::new();
    Note::Header.write(&mut body, at, "a segment of the audit log begins", |json| {
        json.number("format", FORMAT);
        json.text("policy_set", policy_set);
        json.text("key", key);
        json.number("statements", statements.statements);
        json.text("statement", &statements.last.to_string());
    });
    body
}

/// The version of the file format.
pub(super) const FORMAT: u64 = 1;
