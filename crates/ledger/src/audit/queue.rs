//! Records on their way from the doors to the writer: bounded, and handed over in groups.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::receipt::{Fate, Receipt, Receipts};

/// How long the writer lets an outcome wait for company before it writes it.
const LINGER: Duration = Duration::from_millis(20);

/// Of the queue's room, the part that outcomes may take: three quarters. The rest is for decisions.
const OUTCOME_SHARE: (usize, usize) = (3, 4);

/// The records that wait to be written.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    room: Notify,
    records: usize,
    bytes: usize,
}

struct State {
    group: Group,
    writing: Load,
    writer: Writer,
    dropped: u64,
    closed: bool,
    abandoned: bool,
    succession: Succession,
}

/// Whether another writer takes over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Succession {
    /// The writer goes on.
    None,
    /// It takes what waits, and then nothing more.
    Asked,
    /// It has taken its last group; records wait for the next writer.
    Due,
}

/// What the writer is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Waiting until something comes.
    Asleep,
    /// Writing; it looks again when it is done.
    Busy,
    /// Waiting until a decision comes, or [`LINGER`] is over.
    Dozing,
    /// Told that something came; nobody has to tell it once more.
    Woken,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    /// Records.
    pub(super) records: usize,
    /// Bytes.
    pub(super) bytes: usize,
}

/// Records that are written together.
#[derive(Default)]
pub(super) struct Group {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// How many outcomes were dropped before the last of these records.
    pub(super) dropped: u64,
    receipt: Arc<Receipts>,
}

impl Group {
    /// The open bodies, in the order in which they came.
    pub(super) fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }

    fn load(&self) -> Load {
        Load { records: self.ends.len(), bytes: self.bytes.len() }
    }

    /// Tells everyone who waits for one of these records, and makes the group empty for its next use.
    fn settle(&mut self, fate: Fate) {
        std::mem::take(&mut self.receipt).settle(fate);
        self.bytes.clear();
        self.ends.clear();
        self.dropped = 0;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.receipt.settle(Fate::Lost);
    }
}

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The log is closed.
    Closed,
    /// There is no room.
    Full,
}

impl Queue {
    /// A queue with room for so many records, and so many bytes of them.
    pub(super) fn new(records: usize, bytes: usize) -> Self {
        Self {
            state: Mutex::new(State {
                group: Group::default(),
                writing: Load::default(),
                writer: Writer::Busy,
                dropped: 0,
                closed: false,
                abandoned: false,
                succession: Succession::None,
            }),
            wake: Condvar::new(),
            room: Notify::new(),
            records,
            bytes,
        }
    }

    /// Takes a decision if there is room; the receipt resolves once it is written, and it is written once the writer is
    /// [woken](Self::wake).
    pub(super) fn decision(&self, body: &[u8]) -> Result<Receipt, Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if !state.has_room(body.len(), self.records, self.bytes) {
            return Err(Refused::Full);
        }
        state.push(body);
        let awaits_successor = state.succession != Succession::None;
        Ok(Receipt::of(&state.group.receipt, awaits_successor))
    }

    /// Wakes the writer, if something waits and it does not work.
    pub(super) fn wake(&self) {
        let mut state = self.lock();
        let waits = matches!(state.writer, Writer::Asleep | Writer::Dozing);
        if waits && !state.group.ends.is_empty() {
            state.writer = Writer::Woken;
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Takes an outcome if there is room; else it is counted as dropped.
    pub(super) fn outcome(&self, body: &[u8]) -> Result<(), Refused> {
        let mut state = self.lock();
        let (share, of) = OUTCOME_SHARE;
        let part = |limit: usize| limit / of * share;
        let refused = if state.closed {
            Some(Refused::Closed)
        } else if state.has_room(body.len(), part(self.records), part(self.bytes)) {
            None
        } else {
            Some(Refused::Full)
        };
        if let Some(refused) = refused {
            state.dropped += 1;
            return Err(refused);
        }
        state.push(body);
        if state.writer == Writer::Asleep {
            state.writer = Writer::Woken;
            drop(state);
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Resolves when there may be room again; the notice must be taken before one looks.
    pub(super) fn room(&self) -> tokio::sync::futures::Notified<'_> {
        self.room.notified()
    }

    /// For the writer: the records that wait, once there are any; `None` once the queue is closed and empty, or another
    /// writer takes over. `spent` is the last group, for reuse.
    pub(super) fn take(&self, mut spent: Group) -> Option<Group> {
        let mut state = self.lock();
        state.writer = Writer::Dozing;
        let mut lingered = false;
        loop {
            let decided = state.group.receipt.is_awaited();
            let last = state.closed || state.succession == Succession::Asked;
            let ready = decided || lingered || last;
            let waits = !state.group.ends.is_empty() || state.dropped > 0;
            if ready && waits && state.succession != Succession::Due {
                break;
            }
            if last || state.succession == Succession::Due {
                if !state.closed {
                    state.succession = Succession::Due;
                }
                state.writer = Writer::Busy;
                return None;
            }
            state = if state.writer == Writer::Asleep {
                let state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                lingered = true;
                state
            } else {
                state.writer = Writer::Dozing;
                let (mut state, wait) =
                    self.wake.wait_timeout(state, LINGER).unwrap_or_else(PoisonError::into_inner);
                lingered = wait.timed_out();
                if lingered && state.group.ends.is_empty() && state.dropped == 0 {
                    state.writer = Writer::Asleep;
                }
                state
            };
        }
        state.writer = Writer::Busy;
        spent.settle(Fate::Lost);
        std::mem::swap(&mut spent, &mut state.group);
        spent.dropped = std::mem::take(&mut state.dropped);
        state.writing = spent.load();
        if state.succession == Succession::Asked {
            state.succession = Succession::Due;
        }
        Some(spent)
    }

    /// For the writer: the group is written.
    pub(super) fn written(&self, group: &mut Group) {
        self.lock().writing = Load::default();
        group.settle(Fate::Written);
        self.room.notify_waiters();
    }

    /// For the writer: waits before it tries again; `false` if it must not try any more.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let state = self.lock();
        let (state, _) = self
            .wake
            .wait_timeout_while(state, pause, |state| !state.abandoned)
            .unwrap_or_else(PoisonError::into_inner);
        !state.abandoned
    }

    /// Takes no more records; what waits is still written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
        self.room.notify_waiters();
    }

    /// Gives up what cannot be written.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.abandoned = true;
        let lost = std::mem::take(&mut state.group);
        drop(state);
        // Those who wait are told without the lock: whoever is woken may come back for it.
        drop(lost);
        self.wake.notify_all();
    }

    /// Lets the writer end with what waits now; what comes later waits for the next one.
    pub(super) fn change_writer(&self) {
        self.lock().succession = Succession::Asked;
        self.wake.notify_all();
    }

    /// The next writer is there.
    pub(super) fn writer_changed(&self) {
        self.lock().succession = Succession::None;
    }

    /// Whether records wait for the next writer.
    pub(super) fn changes_writer(&self) -> bool {
        self.lock().succession != Succession::None
    }

    /// How much waits, with what is being written.
    pub(super) fn load(&self) -> Load {
        let state = self.lock();
        let waiting = state.group.load();
        Load {
            records: waiting.records + state.writing.records,
            bytes: waiting.bytes + state.writing.bytes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a record of so many bytes fits; one that is larger than the whole queue fits into an empty one.
    fn has_room(&self, bytes: usize, limit_records: usize, limit_bytes: usize) -> bool {
        let waiting = self.group.load();
        let records = waiting.records + self.writing.records;
        let waiting_bytes = waiting.bytes + self.writing.bytes;
        records < limit_records && (records == 0 || waiting_bytes + bytes <= limit_bytes)
    }

    fn push(&mut self, body: &[u8]) {
        self.group.bytes.extend_from_slice(body);
        let end = self.group.bytes.len();
        self.group.ends.push(end);
    }
}
