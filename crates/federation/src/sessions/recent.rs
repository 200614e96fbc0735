//! What the ledger's log has said of late.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use ledger::state::{Change, Position};
use tokens::{Digest, SessionId, Timestamp};

/// How long it is remembered what the log has said. Longer than any reading of a session is believed.
const REMEMBERED: Duration = Duration::from_secs(40 * 60);
/// How long it is remembered that there is no session of a cookie, so that nobody can have the ledger asked again and
/// again.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// Of how many cookies.
const MAX_UNKNOWN: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Recent {
    log: RwLock<Log>,
    seen: Mutex<HashMap<SessionId, Timestamp>>,
    unknown: Mutex<HashMap<Digest, Timestamp>>,
}

#[derive(Debug, Default)]
struct Log {
    position: u64,
    /// What came before it cannot be known here.
    from: u64,
    last: HashMap<SessionId, Said>,
}

#[derive(Clone, Copy, Debug)]
struct Said {
    position: u64,
    ended: bool,
    at: Timestamp,
}

/// What has become of a session since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    Changed,
    Ended,
    Nothing,
}

impl Recent {
    pub(super) fn position(&self) -> u64 {
        self.log().position
    }

    /// Begins anew at `position`: of what came before, nothing is known.
    pub(super) fn restart(&self, position: Position) {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        *log = Log { position: position.number(), from: position.number(), last: HashMap::new() };
        self.unknown_now().clear();
    }

    /// Takes what the log says, up to a position.
    pub(super) fn take(&self, entries: &[(Position, Change)], upto: Position, now: Timestamp) {
        if entries.is_empty() && self.position() == upto.number() {
            return;
        }
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        for (position, change) in entries {
            let (id, ended) = match change {
                Change::Changed(id) => (*id, false),
                Change::Ended(id, _) => (*id, true),
            };
            log.last.insert(id, Said { position: position.number(), ended, at: now });
        }
        log.position = upto.number();
    }

    /// What has become of a session that was read when the log was at `position`.
    pub(super) fn since(&self, id: SessionId, position: u64) -> Since {
        let log = self.log();
        if position < log.from {
            return Since::Changed;
        }
        match log.last.get(&id) {
            Some(said) if said.ended => Since::Ended,
            Some(said) if said.position > position => Since::Changed,
            Some(_) | None => Since::Nothing,
        }
    }

    /// A session was seen.
    pub(super) fn seen(&self, id: SessionId, now: Timestamp) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id, now);
    }

    /// The sessions that were seen since this was last asked.
    pub(super) fn take_seen(&self) -> HashMap<SessionId, Timestamp> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// There is no session of this cookie.
    pub(super) fn unknown(&self, cookie: Digest, now: Timestamp) {
        let mut unknown = self.unknown_now();
        if unknown.len() >= MAX_UNKNOWN {
            unknown.clear();
        }
        unknown.insert(cookie, now.plus(UNKNOWN_FOR));
    }

    pub(super) fn is_unknown(&self, cookie: &Digest, now: Timestamp) -> bool {
        self.unknown_now().get(cookie).is_some_and(|until| now < *until)
    }

    /// Forgets what is too old to matter.
    pub(super) fn tidy(&self, now: Timestamp) {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        log.last.retain(|_, said| now.since(said.at) < REMEMBERED);
        drop(log);
        self.unknown_now().retain(|_, until| now < *until);
    }

    fn log(&self) -> std::sync::RwLockReadGuard<'_, Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn unknown_now(&self) -> MutexGuard<'_, HashMap<Digest, Timestamp>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
