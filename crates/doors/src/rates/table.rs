//! A table of bounded size in which each caller's requests are counted.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;

use super::pace::Pace;

/// In how many parts a table is locked.
const PARTS: usize = 32;
/// How many callers are looked at each time one is counted, to forget those with nothing to know.
const LOOK_AT: usize = 4;
/// The same when there is no room.
const LOOK_AT_FULL: usize = 64;

/// What a caller is known by: a keyed digest.
pub(super) type Key = [u8; 16];

/// How many requests each caller has sent of late.
///
/// INVARIANT: a caller is forgotten only once nothing is left to know of it (see [`Pace::take`]), so that no number of
/// other callers can give it a new start.
#[derive(Debug)]
pub(super) struct Table {
    parts: Vec<Mutex<Part>>,
    /// The most callers in a part.
    most: usize,
    kept: Gauge,
}

#[derive(Debug, Default)]
struct Part {
    used_up: HashMap<Key, u64>,
    /// The same callers, the one that was not looked at for the longest first.
    turns: VecDeque<Key>,
}

/// There is no room for a caller that was not counted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Table {
    /// For at most `most` callers, rounded up.
    pub(super) fn new(most: usize, kept: Gauge) -> Self {
        let parts = (0..PARTS).map(|_| Mutex::default()).collect();
        Self { parts, most: most.div_ceil(PARTS), kept }
    }

    /// Counts a request of a caller.
    ///
    /// # Errors
    /// [`Full`]; within, how long it is until its next request may come.
    pub(super) fn take(
        &self,
        key: Key,
        pace: Pace,
        now: u64,
    ) -> Result<Result<(), Duration>, Full> {
        let [first, ..] = key;
        let part = self.parts.get(usize::from(first) % PARTS).ok_or(Full)?;
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let before = part.used_up.len();
        part.forget(LOOK_AT, now);
        let known = part.used_up.get(&key).copied();
        if known.is_none() && part.used_up.len() >= self.most {
            part.forget(LOOK_AT_FULL, now);
        }
        let taken = if known.is_none() && part.used_up.len() >= self.most {
            Err(Full)
        } else {
            Ok(pace.take(known, now).map(|used_up| part.note(key, used_up)))
        };
        let change = i64::try_from(part.used_up.len()).unwrap_or(i64::MAX)
            - i64::try_from(before).unwrap_or(i64::MAX);
        self.kept.inc_by(change);
        taken
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().unwrap().used_up.len()).sum()
    }
}

impl Part {
    fn note(&mut self, key: Key, used_up: u64) {
        if self.used_up.insert(key, used_up).is_none() {
            self.turns.push_back(key);
        }
    }

    /// Looks at some callers in turn, and forgets those of whom nothing is left to know.
    fn forget(&mut self, most: usize, now: u64) {
        for _ in 0..most.min(self.turns.len()) {
            let Some(key) = self.turns.pop_front() else { return };
            if self.used_up.get(&key).is_some_and(|used_up| *used_up > now) {
                self.turns.push_back(key);
            } else {
                self.used_up.remove(&key);
            }
        }
    }
}
