//! Sessions, as far as this process has met them: found without asking anyone, and gone within a second of their end.
//!
//! The ledger says what is true. What is here is a copy that follows the ledger's log; while the log cannot be followed,
//! nothing of it is believed.

mod follower;
mod keepsakes;
mod kept;
mod recent;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_lc_rs::rand::SecureRandom;
use gate::{FoundSession, Identity, Session, SessionCookie};
use ledger::state::{Ledger, LedgerError, StoredSession};
use ledger::{Clock, OperatorKey, SealError, Sealer};
use quick_cache::sync::Cache;
use tokens::{Digest, SessionId, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

pub use follower::follow;
pub(crate) use kept::Kept;

use recent::Recent;

/// How long the ledger's log may be out of sight until no session is believed: what has ended is to be gone within a
/// second.
pub const OUT_OF_SIGHT: Duration = Duration::from_secs(1);
/// How many sessions a process keeps at hand; the others are read anew when they are shown.
const AT_HAND: usize = 200_000;
/// How long a session is believed before it is read anew. Shorter than the ledger remembers what has ended.
const REREAD_AFTER: Duration = Duration::from_secs(20 * 60);
/// How long a request waits for the ledger.
const PATIENCE: Duration = Duration::from_secs(3);
/// How much of that it waits for a provider that is asked about a session whose facts are too old.
const REFRESHED_WITHIN: Duration = Duration::from_secs(2);
/// How many readings of the ledger there may be at once: more would keep the log waiting.
const READINGS: usize = 32;
/// How far the clock may be put back until the log counts as out of sight: since when is then not known.
const PUT_BACK: Duration = Duration::from_millis(100);
/// How many sessions may wait for their provider to be asked anew.
const DUE: usize = 1024;
/// A use is noted in the ledger at least this often, and ten times within the idle limit.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// The sessions of a process.
pub struct Sessions {
    ledger: Arc<dyn Ledger>,
    /// Seals cookies, so that one that nobody was given costs no reading of the ledger.
    seal: Sealer,
    clock: Arc<dyn Clock>,
    /// Where the ledger's connections live.
    runtime: Handle,
    entries: Cache<Digest, Arc<Entry>>,
    recent: Recent,
    /// When the log was last seen to its end, in milliseconds.
    confirmed_at: AtomicU64,
    /// Readings of the ledger at once.
    readings: Semaphore,
    confirmed: Notify,
    /// Those whose provider is to be asked anew.
    due: mpsc::Sender<Due>,
}

/// A session whose provider is to be asked anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The session.
    pub session: SessionId,
    /// The name of its provider.
    pub provider: Box<str>,
}

/// A session at hand.
struct Entry {
    identity: Arc<Identity>,
    id: SessionId,
    idle: Duration,
    refresh_at: Option<Timestamp>,
    ends_at: Timestamp,
    /// When it ends, or when its facts are too old.
    good_until: Timestamp,
    read_at: Timestamp,
    /// Where the log was when it was read.
    position: u64,
    /// When it was last seen here, and when that was last noted in the ledger, in milliseconds.
    seen_at: AtomicU64,
    noted_at: AtomicU64,
    asked_at: AtomicU64,
}

/// Nobody can say whether a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger cannot be asked at the moment")]
pub struct SessionsUnavailable;

impl Sessions {
    /// The sessions in `ledger`, none of which is believed when the log has been out of sight for [`OUT_OF_SIGHT`]; and those whose
    /// provider is to be asked anew. `runtime` is the one that opened the ledger.
    #[must_use]
    pub fn new(
        (ledger, key): (Arc<dyn Ledger>, &OperatorKey),
        clock: Arc<dyn Clock>,
        runtime: Handle,
    ) -> (Self, mpsc::Receiver<Due>) {
        let (due, taken) = mpsc::channel(DUE);
        // It has not been seen yet, and is waited for.
        let unseen = clock.now().minus(OUT_OF_SIGHT * 2);
        let sessions = Self {
            ledger,
            seal: key.sealer("session cookie"),
            clock,
            runtime,
            entries: Cache::new(AT_HAND),
            recent: Recent::default(),
            confirmed_at: AtomicU64::new(unseen.as_millis()),
            readings: Semaphore::new(READINGS),
            confirmed: Notify::new(),
            due,
        };
        (sessions, taken)
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }

    /// A new cookie, of 224 random bits.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new_cookie(&self, random: &dyn SecureRandom) -> Result<SessionCookie, SealError> {
        self.seal.seal(b"", b"", random).map(SessionCookie::new)
    }

    /// How long the log has been out of sight.
    #[must_use]
    pub fn unconfirmed_for(&self, now: Timestamp) -> Duration {
        let at = Timestamp::from_millis(self.confirmed_at.load(Ordering::Acquire));
        if now.plus(PUT_BACK) < at { OUT_OF_SIGHT * 2 } else { now.since(at) }
    }

    /// The log was seen to its end at this moment.
    fn confirm(&self, at: Timestamp) {
        self.confirmed_at.store(at.as_millis(), Ordering::Release);
        self.confirmed.notify_waiters();
    }

    fn is_confirmed(&self, now: Timestamp) -> bool {
        self.unconfirmed_for(now) <= OUT_OF_SIGHT
    }

    /// Reads the session of a cookie from the ledger, so that [`gate::Sessions::find`] finds it, or that it has ended.
    /// `false` if nobody was ever given this cookie: there is nothing to find.
    ///
    /// # Errors
    /// If the ledger or its log cannot be had for a while.
    pub async fn load(
        self: &Arc<Self>,
        cookie: &SessionCookie,
    ) -> Result<bool, SessionsUnavailable> {
        if self.seal.open(cookie.value(), b"").is_none() {
            return Ok(false);
        }
        // Everybody has waited for it by now.
        if self.unconfirmed_for(self.clock.now()) > PATIENCE {
            return Err(SessionsUnavailable);
        }
        let (sessions, digest) = (Arc::clone(self), *cookie.digest());
        let read = async move { timeout(PATIENCE, sessions.read(digest)).await };
        let read = AbortOnDrop(self.runtime.spawn(read)).await;
        read.map_err(|_| SessionsUnavailable)?.map_err(|_| SessionsUnavailable)??;
        Ok(true)
    }

    async fn read(&self, cookie: Digest) -> Result<(), SessionsUnavailable> {
        let mut read = self.read_entry(cookie).await?;
        let now = self.clock.now();
        if let Some(stale) = read.as_ref().filter(|entry| entry.may_be_confirmed(now)) {
            self.ask_to_refresh(stale, now);
            let _ = timeout(REFRESHED_WITHIN, self.word_of(stale)).await;
            read = self.read_entry(cookie).await?;
        }
        let now = self.clock.now();
        match read.filter(|entry| now < entry.good_until) {
            Some(entry) => self.entries.insert(cookie, Arc::new(entry)),
            None => {
                self.entries.remove(&cookie);
                self.recent.unknown(cookie, now);
            }
        }
        Ok(())
    }

    async fn read_entry(&self, cookie: Digest) -> Result<Option<Entry>, SessionsUnavailable> {
        loop {
            let confirmed = self.confirmed.notified();
            if self.is_confirmed(self.clock.now()) {
                break;
            }
            confirmed.await;
        }
        let _reading = self.readings.acquire().await.map_err(|_| SessionsUnavailable)?;
        // Before the session is read: whatever the log says later on, it says about this reading.
        let position = self.recent.position();
        let now = self.clock.now();
        let stored = self.ledger.session(cookie, now).await.map_err(|error| self.failed(&error))?;
        Ok(stored.and_then(|stored| Entry::of(stored, position, now)))
    }

    /// Waits until the log says something about a session.
    async fn word_of(&self, entry: &Entry) {
        loop {
            let confirmed = self.confirmed.notified();
            if self.recent.since(entry.id, entry.position) != recent::Since::Nothing {
                return;
            }
            confirmed.await;
        }
    }

    fn failed(&self, error: &LedgerError) -> SessionsUnavailable {
        tracing::warn!(%error, "a session could not be read");
        SessionsUnavailable
    }

    /// How many sessions are at hand.
    #[must_use]
    pub fn at_hand(&self) -> usize {
        self.entries.len()
    }

    fn found(&self, entry: &Arc<Entry>, now: Timestamp) -> FoundSession {
        let seen_at = Timestamp::from_millis(entry.seen_at.load(Ordering::Relaxed));
        // Another replica may have seen it since, and noted that in the ledger.
        let is_idle = now.since(seen_at) >= entry.idle;
        let is_old = now < entry.read_at || now.since(entry.read_at) >= REREAD_AFTER;
        if is_idle || is_old {
            return FoundSession::NotAtHand;
        }
        if entry.may_be_confirmed(now) {
            return FoundSession::NotAtHand;
        }
        if now >= entry.good_until {
            return FoundSession::Ended;
        }
        entry.seen_at.fetch_max(now.as_millis(), Ordering::Relaxed);
        let noted_at = entry.noted_at.load(Ordering::Relaxed);
        let note_every = NOTED_EVERY.min(entry.idle / 10);
        if now.since(Timestamp::from_millis(noted_at)) >= note_every {
            entry.noted_at.store(now.as_millis(), Ordering::Relaxed);
            self.recent.seen(entry.id, now);
        }
        if entry.refresh_at.is_some_and(|due| now >= due) {
            self.ask_to_refresh(entry, now);
        }
        FoundSession::Known(Arc::clone(&entry.identity))
    }

    /// At most once a second for each session: who refreshes decides, and one that fails is tried again.
    fn ask_to_refresh(&self, entry: &Entry, now: Timestamp) {
        let asked_at = Timestamp::from_millis(entry.asked_at.load(Ordering::Relaxed));
        if now < asked_at || now.since(asked_at) >= Duration::from_secs(1) {
            entry.asked_at.store(now.as_millis(), Ordering::Relaxed);
            self.queue_refresh(entry.id, entry.identity.issuer());
        }
    }

    /// When too many wait, it is asked for again with a later request.
    fn queue_refresh(&self, session: SessionId, provider: &str) {
        let _ = self.due.try_send(Due { session, provider: provider.into() });
    }
}

/// A task that ends with whoever waits for it.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl gate::Sessions for Sessions {
    fn find(&self, cookie: &Digest, now: Timestamp) -> FoundSession {
        if !self.is_confirmed(now) {
            return FoundSession::NotAtHand;
        }
        let Some(entry) = self.entries.get(cookie) else {
            return if self.recent.is_unknown(cookie, now) {
                FoundSession::Ended
            } else {
                FoundSession::NotAtHand
            };
        };
        match self.recent.since(entry.id, entry.position) {
            recent::Since::Nothing => self.found(&entry, now),
            recent::Since::Changed => FoundSession::NotAtHand,
            recent::Since::Ended => FoundSession::Ended,
        }
    }

    fn stands(&self, session: &Session, now: Timestamp) -> bool {
        if !self.is_confirmed(now) {
            return false;
        }
        let stands = self.recent.stands(session, now);
        if stands == recent::Stands::AndIsDue {
            self.queue_refresh(session.id, &session.provider);
        }
        stands != recent::Stands::No
    }
}

impl Entry {
    /// Whether its facts are too old, and its provider may say that they hold still.
    fn may_be_confirmed(&self, now: Timestamp) -> bool {
        now >= self.good_until && now < self.ends_at && self.refresh_at.is_some()
    }

    fn of(stored: StoredSession, position: u64, now: Timestamp) -> Option<Self> {
        let kept = Kept::read(&stored.facts)?;
        let revision = kept.revision();
        let fresh_until = kept.usable_until();
        let session = Session {
            provider: stored.provider.into(),
            facts: kept.facts,
            id: stored.id,
            host: stored.host.into(),
            ends_at: stored.ends_at,
            refresh_at: stored.refresh_at,
            fresh_until,
            revision,
            as_of: position,
        };
        Some(Self {
            identity: Arc::new(Identity::of_session(session)),
            id: stored.id,
            idle: stored.idle,
            refresh_at: stored.refresh_at,
            ends_at: stored.ends_at,
            good_until: stored.ends_at.min(fresh_until),
            read_at: now,
            position,
            seen_at: AtomicU64::new(now.as_millis()),
            noted_at: AtomicU64::new(stored.seen_at.as_millis()),
            asked_at: AtomicU64::new(0),
        })
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("at_hand", &self.at_hand()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod open_tests;
#[cfg(test)]
mod test_house;
#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
