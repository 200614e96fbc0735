//! The handle of one issuer's keys, and the task that keeps them fresh.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use egress::Egress;
use tokens::{KeySet, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::options::{IssuerKeyOptions, Place};
use super::ring::Ring;
use super::schedule::{Action, Answer, Chance, Pace};
use super::snapshot::KeySnapshot;
use super::source::{Fetch, FromDiscovery, FromFile, FromUrl};
use super::status::{IssuerState, IssuerStatus};
use crate::Clock;

/// How long a request waits for the fetch of an unknown key. The fetch itself goes on.
pub const UNKNOWN_KID_WAIT: Duration = Duration::from_secs(5);
/// How long the task sleeps at most before it looks at the clock again, which may have been put forward or back.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The keys of one issuer, kept fresh by a task that ends when the last clone of this handle is dropped.
#[derive(Clone, Debug)]
pub struct IssuerKeys {
    running: Arc<Running>,
}

/// How the wish for an unknown key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefetchOutcome {
    /// The fetch failed; status says why.
    Failed,
    /// The key is there now: verify again, with a new snapshot.
    Found,
    /// The issuer does not publish such a key.
    StillUnknown,
    /// The fetch takes longer than [`UNKNOWN_KID_WAIT`]; it goes on.
    TimedOut,
    /// The last fetch for an unknown key was less than `unknown_kid_interval` ago; nothing was done.
    TooSoon,
}

impl IssuerKeys {
    /// The keys as they are now. Takes no lock.
    #[must_use]
    pub fn snapshot(&self) -> Arc<KeySnapshot> {
        self.running.shared.snapshot.load_full()
    }

    /// Fetches the keys because a token names the key `kid`, which is not in the snapshot. All who ask at the same time
    /// share one fetch; one is begun at most every `unknown_kid_interval`.
    pub async fn refetch_for_unknown_key(&self, kid: &str, now: Timestamp) -> RefetchOutcome {
        let shared = &self.running.shared;
        if self.running.task.is_none() {
            return RefetchOutcome::StillUnknown;
        }
        let mut ended = {
            let mut ring = shared.ring();
            if ring.knows(kid, now) {
                return RefetchOutcome::Found;
            }
            if ring.ask(now) == Answer::TooSoon {
                return RefetchOutcome::TooSoon;
            }
            // INVARIANT: fetches end under the lock, so the first end seen from here on is that of the fetch joined.
            shared.ended.subscribe()
        };
        shared.wake.notify_one();
        match timeout(UNKNOWN_KID_WAIT, ended.changed()).await {
            Err(_) => RefetchOutcome::TimedOut,
            Ok(Err(_)) => RefetchOutcome::Failed,
            Ok(Ok(())) => {
                let ring = shared.ring();
                if ring.knows(kid, now) {
                    RefetchOutcome::Found
                } else if ring.is_failing() {
                    RefetchOutcome::Failed
                } else {
                    RefetchOutcome::StillUnknown
                }
            }
        }
    }

    /// How the keys are doing.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> IssuerStatus {
        let status = self.running.shared.ring().status(now);
        if self.running.task.is_some() {
            return status;
        }
        let snapshot = self.snapshot();
        IssuerStatus { state: IssuerState::Fresh, keys: snapshot.set.len(), next: None, ..status }
    }

    /// The options that it runs under.
    #[must_use]
    pub fn options(&self) -> &IssuerKeyOptions {
        &self.running.options
    }

    /// Starts the task, or none for inline keys.
    pub(crate) fn start(
        options: IssuerKeyOptions,
        egress: &Arc<Egress>,
        clock: &Arc<dyn Clock>,
        seed: u64,
    ) -> Self {
        let egress = Arc::clone(egress);
        let (fetch, pace): (Box<dyn Fetch>, _) = match options.place.clone() {
            Place::Discovery(well_known) => {
                let issuer = options.issuer().to_owned();
                (
                    Box::new(FromDiscovery { egress, issuer, well_known }),
                    Pace::network(options.timing()),
                )
            }
            Place::File(path) => (Box::new(FromFile::new(path)), Pace::file(options.timing())),
            Place::Inline(set) => return Self::fixed(options, set),
            Place::Url(url) => (Box::new(FromUrl { egress, url }), Pace::network(options.timing())),
        };
        Self::drive(options, pace, fetch, Arc::clone(clock), seed)
    }

    pub(crate) fn drive(
        options: IssuerKeyOptions,
        pace: Pace,
        fetch: Box<dyn Fetch>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Self {
        let shared = Arc::new(Shared::new(Ring::new(options.name(), &options.to_string(), pace)));
        let driver = Driver { shared: Arc::clone(&shared), fetch, clock, dice: Dice(seed) };
        let task = Some(tokio::spawn(driver.run()).abort_handle());
        Self { running: Arc::new(Running { options, shared, task }) }
    }

    fn fixed(options: IssuerKeyOptions, set: Arc<KeySet>) -> Self {
        let shared = Shared::new(Ring::new(
            options.name(),
            &options.to_string(),
            Pace::network(options.timing()),
        ));
        let snapshot = KeySnapshot {
            set,
            fresh_until: Timestamp::MAX,
            usable_until: Timestamp::MAX,
            ..shared.ring().snapshot()
        };
        shared.snapshot.store(Arc::new(snapshot));
        Self { running: Arc::new(Running { options, shared: Arc::new(shared), task: None }) }
    }

    pub(crate) fn downgrade(&self) -> Weak<Running> {
        Arc::downgrade(&self.running)
    }

    pub(crate) fn upgrade(running: &Weak<Running>) -> Option<Self> {
        running.upgrade().map(|running| Self { running })
    }
}

/// What the clones of a handle share. Its end is the end of the task.
#[derive(Debug)]
pub(crate) struct Running {
    options: IssuerKeyOptions,
    shared: Arc<Shared>,
    task: Option<AbortHandle>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// What the handle and the task share.
#[derive(Debug)]
struct Shared {
    snapshot: ArcSwap<KeySnapshot>,
    /// Never held across an await.
    ring: Mutex<Ring>,
    /// A fetch is wanted.
    wake: Notify,
    /// A fetch has ended.
    ended: watch::Sender<()>,
}

impl Shared {
    fn new(ring: Ring) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(ring.snapshot()),
            ring: Mutex::new(ring),
            wake: Notify::new(),
            ended: watch::Sender::new(()),
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what the ring says.
struct Driver {
    shared: Arc<Shared>,
    fetch: Box<dyn Fetch>,
    clock: Arc<dyn Clock>,
    dice: Dice,
}

impl Driver {
    async fn run(mut self) {
        loop {
            match self.tick() {
                Action::Fetch => self.fetch().await,
                Action::Wait { until } => {
                    let rest = until.since(self.clock.now()).min(LONGEST_SLEEP);
                    tokio::select! {
                        () = sleep(rest) => {}
                        () = self.shared.wake.notified() => {}
                    }
                }
            }
        }
    }

    fn tick(&self) -> Action {
        let mut ring = self.shared.ring();
        let action = ring.tick(self.clock.now());
        let snapshot = ring.snapshot();
        if snapshot.usable_until != self.shared.snapshot.load().usable_until {
            self.shared.snapshot.store(Arc::new(snapshot));
        }
        action
    }

    async fn fetch(&mut self) {
        let outcome = self.fetch.fetch().await;
        let chance = self.dice.roll();
        let mut ring = self.shared.ring();
        ring.fetched(outcome, chance, self.clock.now());
        self.shared.snapshot.store(Arc::new(ring.snapshot()));
        self.shared.ended.send_replace(());
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014), from a seed that was handed in: chance enough to spread fetches.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> Chance {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Chance((mixed >> 32) as u32)
    }
}

#[cfg(test)]
#[path = "issuer_tests.rs"]
mod tests;
