//! The thread that has the disk confirm what was written, signs checkpoints, and removes what is kept no longer.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokens::Timestamp;

use super::disk::Disk;
use super::error::AuditError;
use super::options::{AuditOptions, MAX_SYNC_INTERVAL, Sync};
use super::progress::{Closing, Position, Progress, Shared, count};
use super::retention::{self, Kept};
use super::statement::{Claim, FILE, StatementError, Statements};
use crate::Clock;

/// How much of a file is read at once when it has to be written again.
const CHUNK: usize = 1 << 20;

/// How long the keeper sleeps when there is nothing to do.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// What the keeper works with.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: AuditOptions,
    pub(super) statements: Statements,
    /// What the disk has confirmed.
    pub(super) synced: Position,
    /// The number of the last record under a checkpoint, and when that was made.
    pub(super) checkpoint: (u64, Timestamp),
    /// Segments that are complete, the oldest first.
    pub(super) kept: Kept,
}

impl Keeper {
    /// Keeps the log until the writer is done, and closes it.
    pub(super) fn run(mut self) {
        let interval = match self.options.sync {
            Sync::EveryRecord => MAX_SYNC_INTERVAL,
            Sync::Interval(interval) => interval,
        };
        loop {
            let (synced, limit) = (self.synced.tip.seq, self.idle_limit());
            let closing = |progress: &Progress| progress.closing >= Closing::Written;
            // Sleeps while there is nothing to do; then lets records gather for one sync.
            self.shared.progress().keeper_idle = true;
            let written =
                |progress: &Progress| closing(progress) || progress.written.tip.seq > synced;
            let (mut progress, _) = self.shared.wait(limit, written);
            progress.keeper_idle = false;
            drop(progress);
            let (progress, done) = self.shared.wait(interval, closing);
            drop(progress);
            let result = self.round(done);
            let failed = result.is_err();
            self.report(result, done);
            if done && (!failed || !self.shared.queue.pause(interval)) {
                break;
            }
        }
        self.shared.progress().closing = Closing::Done;
        self.shared.announce();
    }

    /// How long the keeper may sleep though nothing is written.
    fn idle_limit(&self) -> Duration {
        let unsigned = self.synced.tip.seq > self.checkpoint.0;
        if unsigned || self.options.retain.age.is_some() {
            self.options.checkpoint_every.age
        } else {
            LONGEST_SLEEP
        }
    }

    fn round(&mut self, closing: bool) -> Result<(), AuditError> {
        let followed = self.sync()?;
        let (seq, at) = self.checkpoint;
        let every = self.options.checkpoint_every;
        let now = self.clock.now();
        let new = self.synced.tip.seq.saturating_sub(seq);
        let due = new >= every.records || now.since(at) >= every.age || followed || closing;
        if new > 0 && due {
            let claim = Claim::Checkpoint {
                seq: self.synced.tip.seq,
                hash: self.synced.tip.hash,
                segment: self.synced.name.clone(),
            };
            self.state(now, claim)?;
            count(&self.shared.counters.checkpoints);
            self.checkpoint = (self.synced.tip.seq, now);
        }
        self.remove(now)
    }

    /// Has the disk confirm everything written so far; says whether a segment was completed.
    fn sync(&mut self) -> Result<bool, AuditError> {
        let (followed, written) = {
            let progress = self.shared.progress();
            (progress.followed.clone(), progress.written.clone())
        };
        for position in followed.iter().chain([&written]) {
            if position.tip.seq > self.synced.tip.seq {
                let from = if position.name == self.synced.name { self.synced.bytes } else { 0 };
                if let Err(error) = position.file.sync() {
                    // The kernel reports a lost page once, and then holds it for clean: write it again.
                    let _ = rewrite(position, from);
                    return Err(self.io("sync", &position.name, error));
                }
                self.synced = position.clone();
            }
            let mut progress = self.shared.progress();
            progress.synced_seq = self.synced.tip.seq;
            if progress.followed.first().is_some_and(|first| first.tip == position.tip) {
                progress.followed.remove(0);
                drop(progress);
                self.kept.push(position, self.clock.now());
            }
        }
        self.shared.progress().synced_at = Some(self.clock.now());
        Ok(!followed.is_empty())
    }

    /// Removes the segments that are kept no longer, each after a statement that it was.
    fn remove(&mut self, now: Timestamp) -> Result<(), AuditError> {
        let current = self.synced.bytes;
        while let Some(oldest) = self.kept.due(&self.options.retain, current, now).cloned() {
            let name = oldest.name.clone();
            if !oldest.stated {
                self.state(now, retention::claim(&oldest))?;
                self.kept.stated();
            }
            match self.disk.remove(&name).and_then(|()| self.disk.sync()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.io("remove", &name, error));
                }
                _ => self.kept.removed(),
            }
            count(&self.shared.counters.removed_segments);
        }
        Ok(())
    }

    fn state(&mut self, now: Timestamp, claim: Claim) -> Result<(), AuditError> {
        self.statements.state(now, claim).map_err(|error| match error {
            StatementError::Io(error) => self.io("write", FILE, error),
            StatementError::Signer(error) => error.into(),
        })?;
        self.shared.progress().statements = self.statements.count();
        Ok(())
    }

    fn report(&self, result: Result<(), AuditError>, closing: bool) {
        let mut progress = self.shared.progress();
        progress.keep_error = result.as_ref().err().map(ToString::to_string);
        if result.is_err() {
            count(&self.shared.counters.failures);
        }
        if closing {
            progress.failure = result.err();
        }
    }

    fn io(&self, action: &'static str, name: &str, source: io::Error) -> AuditError {
        let path: PathBuf = self.options.dir.join(name);
        AuditError::Io { action, path, source }
    }
}

/// Writes the bytes from `from` to `position` once more, as the file reads.
fn rewrite(position: &Position, from: u64) -> io::Result<()> {
    let mut at = from;
    while at < position.bytes {
        let left = usize::try_from(position.bytes - at).unwrap_or(CHUNK);
        let mut chunk = vec![0; left.min(CHUNK)];
        position.file.read_exact_at(&mut chunk, at)?;
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            // Not `write_all_at`, which cuts the file off when it fails.
            let count = position.file.write_at(rest, at)?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = rest.get(count..).unwrap_or_default();
            at += count as u64;
        }
    }
    Ok(())
}
