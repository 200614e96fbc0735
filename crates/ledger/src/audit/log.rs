//! The log itself, as its writers see it.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::disk::Directory;
use super::error::AuditError;
use super::health::{AuditHealth, AuditUnavailable};
use super::ocsf;
use super::opening;
use super::options::AuditOptions;
use super::progress::{Closing, Shared, count};
use super::queue::{Queue, Refused};
use super::receipt::Receipt;
use super::record::{Decision, Evaluation, Outcome};
use super::relay::{self, Relay};
use super::sign_in::SignIn;
use super::signing::CheckpointSigner;
use crate::Clock;

/// How long a decision waits at most while the log goes from one process to another.
const SUCCESSION_BUDGET: Duration = Duration::from_secs(30);

/// How long a log that is dropped without being closed may take to write what waits.
const DROP_BUDGET: Duration = Duration::from_secs(1);

thread_local! {
    /// Where a thread writes its records before they are queued.
    static BODY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// An open audit log. There is one per directory, in one process.
pub struct AuditLog {
    pub(super) shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl AuditLog {
    /// Opens the log in `options.dir`, or begins it. What a crash left half written at its end is cut off, and a record
    /// says so.
    ///
    /// # Errors
    /// If another process has the log open, or its files cannot be read or written, or nothing can be signed.
    pub fn open(
        options: AuditOptions,
        signer: Arc<dyn CheckpointSigner>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuditError> {
        opening::check(&options)?;
        let disk = Arc::new(Directory::lock(&options.dir)?);
        let (shared, threads) = opening::start(options, disk, signer, Arc::clone(&clock))?;
        Ok(Self { shared, clock, threads: Mutex::new(threads) })
    }

    /// Opens a log on a disk that may fail.
    #[cfg(test)]
    pub(super) fn open_on(
        options: AuditOptions,
        disk: Arc<dyn super::disk::Disk>,
        signer: Arc<dyn CheckpointSigner>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AuditError> {
        let (shared, threads) = opening::start(options, disk, signer, Arc::clone(&clock))?;
        Ok(Self { shared, clock, threads: Mutex::new(threads) })
    }

    /// Records a decision. It resolves once the operating system has the record (with
    /// [`Sync::EveryRecord`](super::Sync::EveryRecord): the disk); only then may the request be forwarded.
    /// It needs a tokio runtime with a timer.
    ///
    /// # Errors
    /// If that takes longer than `budget`, or the log is closed: the request must not be forwarded, and gets 503.
    pub async fn decide(
        &self,
        decision: &Decision<'_>,
        budget: Duration,
    ) -> Result<(), AuditUnavailable> {
        self.recorded(budget, 1, |body, _| ocsf::decision(body, decision)).await
    }

    /// Records evaluations. It resolves once the operating system has them all; only then may anyone be told.
    ///
    /// # Errors
    /// As [`decide`](Self::decide); some of them may then be on record.
    pub async fn evaluate(
        &self,
        evaluations: &[Evaluation<'_>],
        budget: Duration,
    ) -> Result<(), AuditUnavailable> {
        self.recorded(budget, evaluations.len(), |body, index| {
            if let Some(evaluation) = evaluations.get(index) {
                ocsf::evaluation(body, evaluation);
            }
        })
        .await
    }

    /// Records what happened to a session. It resolves once the operating system has the record; only then may anyone be
    /// told.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub async fn sign_in(
        &self,
        sign_in: &SignIn<'_>,
        budget: Duration,
    ) -> Result<(), AuditUnavailable> {
        self.recorded(budget, 1, |body, _| sign_in.write(body)).await
    }

    /// Records that many, at least one, each as `write` writes it.
    async fn recorded(
        &self,
        budget: Duration,
        records: usize,
        write: impl Fn(&mut Vec<u8>, usize),
    ) -> Result<(), AuditUnavailable> {
        let mut queued = false;
        let patient = AtomicBool::new(false);
        let written = async {
            let mut rest = Vec::new();
            let first = self.queued(|body| write(body, 0)).await?;
            patient.store(first.awaits_successor, Ordering::Relaxed);
            for index in 1..records {
                // Room is made by the writer, which must not sleep on what is here already.
                self.shared.queue.wake();
                let receipt = self.queued(|body| write(body, index)).await?;
                patient.fetch_or(receipt.awaits_successor, Ordering::Relaxed);
                rest.push(receipt);
            }
            queued = true;
            let waking = Waking(&self.shared.queue);
            // What else this thread has to decide now is written with it.
            tokio::task::yield_now().await;
            drop(waking);
            for receipt in std::iter::once(first).chain(rest) {
                if !receipt.await {
                    return Err(AuditUnavailable::Closed);
                }
            }
            Ok(())
        };
        let in_time = {
            let mut written = std::pin::pin!(written);
            let mut result = tokio::time::timeout(budget, &mut written).await;
            let awaits = || patient.load(Ordering::Relaxed) || self.shared.queue.changes_writer();
            if result.is_err() && awaits() {
                result = tokio::time::timeout(SUCCESSION_BUDGET, &mut written).await;
            }
            result
        };
        let result = match in_time {
            Ok(result) => result,
            Err(_) if queued => Err(AuditUnavailable::NotWritten { budget }),
            Err(_) => Err(AuditUnavailable::QueueFull { budget }),
        };
        if result.is_err() {
            count(&self.shared.counters.refused_decisions);
        }
        result
    }

    /// Records how a request ended. It never waits: when the queue has no room the outcome is dropped and counted, and
    /// a record of its own says how many were.
    pub fn outcome(&self, outcome: &Outcome<'_>) {
        let taken = with_body(|body| {
            ocsf::outcome(body, outcome);
            self.shared.queue.outcome(body)
        });
        if taken.is_err() {
            count(&self.shared.counters.dropped_outcomes);
        }
    }

    /// Says that another policy set is in force; the headers of segments name it.
    pub fn policies_changed(&self, policy_set: &str) {
        policy_set.clone_into(&mut self.shared.progress().policy_set);
    }

    /// How the log is doing.
    #[must_use]
    pub fn health(&self) -> AuditHealth {
        let load = self.shared.queue.load();
        let counters = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let now = self.clock.now();
        let progress = self.shared.progress();
        AuditHealth {
            error: [&progress.write_error, &progress.follow_error, &progress.keep_error]
                .into_iter()
                .find_map(Clone::clone),
            queued_records: load.records,
            queued_bytes: load.bytes,
            sync_age: progress.synced_at.map(|at| now.since(at)),
            unsynced_records: progress.written.tip.seq.saturating_sub(progress.synced_seq),
            written_records: read(&counters.written_records),
            written_bytes: read(&counters.written_bytes),
            writes: read(&counters.writes),
            failures: read(&counters.failures),
            refused_decisions: read(&counters.refused_decisions),
            dropped_outcomes: read(&counters.dropped_outcomes),
            checkpoints: read(&counters.checkpoints),
            removed_segments: read(&counters.removed_segments),
            last_seq: progress.written.tip.seq,
        }
    }

    /// Writes everything that waits and a last signed checkpoint. Blocks for at most `budget`; from its beginning every
    /// decision is refused. Closing a closed log does nothing.
    ///
    /// # Errors
    /// If the disk or the signer did not let it finish.
    pub fn close(&self, budget: Duration) -> Result<(), AuditError> {
        self.shared.queue.close();
        self.ended(budget)
    }

    /// Writes everything that waits and a last signed checkpoint, and unlocks the directory for another process. What is
    /// recorded from here on waits until [`relay`](Self::relay) says where it goes. Blocks for at most `budget`.
    ///
    /// # Errors
    /// If the disk or the signer did not let it finish: then no more is recorded.
    pub fn let_go(&self, budget: Duration) -> Result<(), AuditError> {
        self.shared.queue.change_writer();
        self.ended(budget)?;
        self.shared.progress().closing = Closing::Open;
        Ok(())
    }

    /// Has the process at the other end of `stream`, which [takes them](Self::take_from), write the records of this log,
    /// which was [let go of](Self::let_go). Until it is closed a decision resolves once that process has it on record.
    ///
    /// # Errors
    /// If no thread can be made: then no more is recorded.
    pub fn relay(&self, stream: UnixStream) -> Result<(), AuditError> {
        let relay =
            Relay { shared: Arc::clone(&self.shared), clock: Arc::clone(&self.clock), stream };
        let thread = thread::Builder::new().name("audit-relay".into()).spawn(move || relay.run());
        let thread = thread.map_err(|source| {
            self.shared.queue.abandon();
            AuditError::Relay { source }
        })?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Records what the process at the other end of `stream` [relays](Self::relay), until it has no more. It needs a
    /// tokio runtime.
    ///
    /// # Errors
    /// If the connection breaks, what comes is no record, or this log is closed.
    pub async fn take_from(&self, stream: UnixStream) -> io::Result<()> {
        relay::take(self, stream).await
    }

    fn ended(&self, budget: Duration) -> Result<(), AuditError> {
        let (mut progress, done) =
            self.shared.wait(budget, |progress| progress.closing == Closing::Done);
        if done {
            let failure = progress.failure.take();
            drop(progress);
            // They are at their end; when they are gone, the directory is unlocked.
            let threads =
                std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
            for thread in threads {
                let _ = thread.join();
            }
            return failure.map_or(Ok(()), Err);
        }
        drop(progress);
        let records = self.shared.queue.load().records;
        self.shared.queue.abandon();
        Err(AuditError::Unfinished {
            records,
            budget,
            reason: self.health().error.unwrap_or_default(),
        })
    }

    /// Queues the record that `write` writes.
    pub(super) async fn queued(
        &self,
        write: impl Fn(&mut Vec<u8>),
    ) -> Result<Receipt, AuditUnavailable> {
        loop {
            // Taken before one looks, so that room made in between is not missed.
            let mut room = std::pin::pin!(self.shared.queue.room());
            room.as_mut().enable();
            let taken = with_body(|body| {
                write(body);
                self.shared.queue.decision(body)
            });
            match taken {
                Ok(receipt) => return Ok(receipt),
                Err(Refused::Closed) => return Err(AuditUnavailable::Closed),
                Err(Refused::Full) => room.await,
            }
        }
    }
}

/// Wakes the writer in the end, whatever becomes of the request.
pub(super) struct Waking<'a>(pub(super) &'a Queue);

impl Drop for Waking<'_> {
    fn drop(&mut self) {
        self.0.wake();
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        if let Err(error) = self.close(DROP_BUDGET) {
            tracing::error!(%error, "the audit log was not closed in good order");
        }
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("health", &self.health()).finish_non_exhaustive()
    }
}

fn with_body<T>(use_it: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    BODY.with_borrow_mut(|body| {
        body.clear();
        use_it(body)
    })
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
