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
/// How often the use of what a session has open is noted; well within the shortest idle limit.
const USE_NOTED_EVERY: Duration = Duration::from_secs(20);
/// Of how many cookies.
const MAX_UNKNOWN: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Recent {
    log: RwLock<Log>,
    seen: Mutex<HashMap<SessionId, Timestamp>>,
    unknown: Mutex<HashMap<Digest, Timestamp>>,
    /// When the use of what a session has open was last noted.
    open: Mutex<HashMap<SessionId, Timestamp>>,
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

    /// What a session has open is in use.
    pub(super) fn used(&self, id: SessionId, now: Timestamp) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = open.get(&id);
        if noted.is_none_or(|noted| !lasts(*noted, USE_NOTED_EVERY, now)) {
            open.insert(id, now);
            drop(open);
            self.seen(id, now);
        }
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
        unknown.insert(cookie, now);
    }

    pub(super) fn is_unknown(&self, cookie: &Digest, now: Timestamp) -> bool {
        self.unknown_now().get(cookie).is_some_and(|since| lasts(*since, UNKNOWN_FOR, now))
    }

    /// Forgets what is too old to matter.
    pub(super) fn tidy(&self, now: Timestamp) {
        let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
        let mut forgotten = log.from;
        log.last.retain(|_, said| {
            let kept = now.since(said.at) < REMEMBERED;
            if !kept {
                forgotten = forgotten.max(said.position);
            }
            kept
        });
        // What was read before that is read anew, whatever the clock did meanwhile.
        log.from = forgotten;
        drop(log);
        self.unknown_now().retain(|_, since| lasts(*since, UNKNOWN_FOR, now));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, noted| lasts(*noted, USE_NOTED_EVERY, now));
    }

    fn log(&self) -> std::sync::RwLockReadGuard<'_, Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn unknown_now(&self) -> MutexGuard<'_, HashMap<Digest, Timestamp>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether something that began at `since` lasts still; not if the clock was put back before that.
fn lasts(since: Timestamp, long: Duration, now: Timestamp) -> bool {
    since <= now && now.since(since) < long
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SecureRandom;
    use ledger::state::EndReason;

    use super::*;
    use crate::provider::test_provider::{now, random};

    fn id() -> SessionId {
        let random: &dyn SecureRandom = &*random();
        SessionId::random(random).unwrap()
    }

    #[test]
    fn only_so_many_cookies_are_remembered_that_nobody_has() {
        let recent = Recent::default();
        let cookie = |number: usize| Digest::of(&number.to_string());
        for number in 0..MAX_UNKNOWN {
            recent.unknown(cookie(number), now());
        }
        assert!(recent.is_unknown(&cookie(0), now()));
        recent.unknown(cookie(MAX_UNKNOWN), now());
        assert!(recent.is_unknown(&cookie(MAX_UNKNOWN), now()));
        assert_eq!(recent.unknown_now().len(), 1);
    }

    #[test]
    fn what_the_log_says_is_remembered_for_longer_than_a_reading_is_believed() {
        let recent = Recent::default();
        let session = id();
        let ended = [(Position::START, Change::Ended(session, EndReason::SignedOut))];
        recent.take(&ended, Position::START, now());
        recent.tidy(now().plus(REMEMBERED).minus(Duration::from_millis(1)));
        assert_eq!(recent.since(session, 0), Since::Ended);
        recent.tidy(now().plus(REMEMBERED));
        assert_eq!(recent.since(session, 0), Since::Nothing);
        assert!(REMEMBERED > super::super::REREAD_AFTER);
    }
}
