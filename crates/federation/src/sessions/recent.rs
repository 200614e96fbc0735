//! What the ledger's log has said of late.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use ledger::state::{Change, Position};
use tokens::{Digest, SessionId, Timestamp};
use tokio::time::Instant;

/// How long it is remembered what the log has said. Longer than any reading of a session is believed.
const REMEMBERED: Duration = Duration::from_secs(40 * 60);
/// How long it is remembered that there is no session of a cookie, so that nobody can have the ledger asked again and
/// again.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// How often the use of what a session has open is noted; well within the shortest idle limit.
const USE_NOTED_EVERY: Duration = Duration::from_secs(20);
/// Of how many cookies.
const MAX_UNKNOWN: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Recent {
    log: RwLock<Log>,
    seen: Mutex<HashMap<SessionId, Timestamp>>,
    unknown: Mutex<HashMap<Digest, Instant>>,
    /// When the use of what a session has open was last noted.
    open: Mutex<HashMap<SessionId, Instant>>,
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
    at: Instant,
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
    pub(super) fn take(&self, entries: &[(Position, Change)], upto: Position) {
        if entries.is_empty() && self.position() == upto.number() {
            return;
        }
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        for (position, change) in entries {
            let (id, ended) = match change {
                Change::Changed(id) => (*id, false),
                Change::Ended(id, _) => (*id, true),
            };
            log.last.insert(id, Said { position: position.number(), ended, at: Instant::now() });
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

    /// What a session has open is in use.
    pub(super) fn used(&self, id: SessionId, now: Timestamp) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = open.get(&id);
        if noted.is_none_or(|noted| noted.elapsed() >= USE_NOTED_EVERY) {
            open.insert(id, Instant::now());
            drop(open);
            self.seen(id, now);
        }
    }

    /// The sessions that were seen since this was last asked.
    pub(super) fn take_seen(&self) -> HashMap<SessionId, Timestamp> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// There is no session of this cookie.
    pub(super) fn unknown(&self, cookie: Digest) {
        let mut unknown = self.unknown_now();
        if unknown.len() >= MAX_UNKNOWN {
            unknown.clear();
        }
        unknown.insert(cookie, Instant::now());
    }

    pub(super) fn is_unknown(&self, cookie: &Digest) -> bool {
        self.unknown_now().get(cookie).is_some_and(|since| since.elapsed() < UNKNOWN_FOR)
    }

    /// Forgets what is too old to matter.
    pub(super) fn tidy(&self) {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        log.last.retain(|_, said| said.at.elapsed() < REMEMBERED);
        drop(log);
        self.unknown_now().retain(|_, since| since.elapsed() < UNKNOWN_FOR);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, noted| noted.elapsed() < USE_NOTED_EVERY);
    }

    fn log(&self) -> std::sync::RwLockReadGuard<'_, Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn unknown_now(&self) -> MutexGuard<'_, HashMap<Digest, Instant>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
