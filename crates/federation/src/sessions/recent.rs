//! What the ledger's log has said of late.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use gate::Session;
use ledger::state::{Change, Position};
use tokens::{Digest, SessionId, Timestamp};

/// How long it is remembered what the log has said. Longer than any reading of a session is believed.
const REMEMBERED: Duration = Duration::from_secs(40 * 60);
/// How long it is remembered that there is no session of a cookie, so that nobody can have the ledger asked again and
/// again.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// How often the use of what a session has open is noted; well within the shortest idle limit.
const USE_NOTED_EVERY: Duration = Duration::from_secs(20);
/// How long it is remembered up to where the log agrees with what a session has open. Shorter than the log is.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// Of how many cookies.
const MAX_UNKNOWN: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Recent {
    log: RwLock<Log>,
    seen: Mutex<HashMap<SessionId, Timestamp>>,
    unknown: Mutex<HashMap<Digest, Timestamp>>,
    /// What sessions have open, by the reading of the session that it began with.
    open: Mutex<HashMap<(SessionId, u64), Open>>,
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
    what: What,
    /// The last entry that said that its facts are others.
    changed: u64,
    at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Changed,
    /// The facts are the same, and may be used until then.
    Confirmed(Timestamp),
    Ended,
}

/// Something that a session has open.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// How far the log is known not to speak against it.
    position: u64,
    /// Until when its facts may be used.
    fresh_until: Timestamp,
    /// From when on its provider is to be asked anew, and how long that may take.
    refresh: Option<(Timestamp, Duration)>,
    asked_at: Timestamp,
    /// When its use was last noted.
    noted_at: Timestamp,
}

/// Whether what a session has open may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    No,
    Yes,
    /// It may, and its provider is to be asked anew.
    AndIsDue,
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
            let (id, what) = match change {
                Change::Changed(id) => (*id, What::Changed),
                Change::Confirmed(id, until) => (*id, What::Confirmed(*until)),
                Change::Ended(id, _) => (*id, What::Ended),
            };
            let position = position.number();
            let changed = match what {
                What::Confirmed(_) => log.last.get(&id).map_or(0, |said| said.changed),
                What::Changed | What::Ended => position,
            };
            log.last.insert(id, Said { position, what, changed, at: now });
        }
        log.position = upto.number();
    }

    /// What has become of a session that was read when the log was at `position`.
    pub(super) fn since(&self, id: SessionId, position: u64) -> Since {
        let log = self.log();
        // The log was behind when it was lost sight of: a ledger that was restored.
        if position < log.from || position > log.position {
            return Since::Changed;
        }
        match log.last.get(&id) {
            Some(said) if said.what == What::Ended => Since::Ended,
            Some(said) if said.position > position => Since::Changed,
            Some(_) | None => Since::Nothing,
        }
    }

    /// A session was seen.
    pub(super) fn seen(&self, id: SessionId, now: Timestamp) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id, now);
    }

    /// Whether what began with this reading of a session may go on: it has not ended, and its facts are the same and not
    /// too old. Whoever asks uses the session; to be asked at least once in [`FORGOTTEN_AFTER`].
    pub(super) fn stands(&self, session: &Session, now: Timestamp) -> Stands {
        let (id, key) = (session.id, (session.id, session.as_of));
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(&key).copied();
        let mut open = known.unwrap_or(Open {
            position: session.as_of,
            fresh_until: session.fresh_until,
            refresh: session.refresh_at.map(|at| (at, session.fresh_until.since(at))),
            asked_at: now,
            noted_at: now,
        });
        open.asked_at = now;
        let stands = self.log().confirms(id, &mut open) && now < open.fresh_until;
        let noting = known.is_none() || !lasts(open.noted_at, USE_NOTED_EVERY, now);
        if noting {
            open.noted_at = now;
        }
        if stands {
            all.insert(key, open);
        } else {
            all.remove(&key);
        }
        drop(all);
        if stands && noting {
            self.seen(id, now);
        }
        match (stands, open.refresh) {
            (false, _) => Stands::No,
            (true, Some((at, _))) if noting && now >= at => Stands::AndIsDue,
            (true, _) => Stands::Yes,
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
        open.retain(|_, open| lasts(open.asked_at, FORGOTTEN_AFTER, now));
    }

    fn log(&self) -> std::sync::RwLockReadGuard<'_, Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn unknown_now(&self) -> MutexGuard<'_, HashMap<Digest, Timestamp>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// Whether everything that the log says after the position of `open` leaves its facts as they were; moves it on.
    fn confirms(&self, id: SessionId, open: &mut Open) -> bool {
        if open.position < self.from || open.position > self.position {
            return false;
        }
        let said = self.last.get(&id).filter(|said| said.position > open.position);
        if let Some(said) = said {
            if said.changed > open.position {
                return false;
            }
            if let What::Confirmed(until) = said.what {
                open.fresh_until = until;
                open.refresh = open.refresh.map(|(_, grace)| (until.minus(grace), grace));
            }
        }
        open.position = self.position;
        true
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
