//! How many requests a data thread has under way at one service, whose they are, and how long the next one waits.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gate::{Caller, CanonicalRequest};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// The longest that a request waits.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long it waits while none has found a place free for [`CONGESTED_AFTER`]: whoever waits longer then only makes
/// others wait (Nichols and Jacobson, "Controlling Queue Delay", 2012; as servers use it: Maurer, "Fail at Scale", 2015).
const CONGESTED_WAIT: Duration = Duration::from_millis(10);
/// How long a queue may be there before it counts as one that does not go away by itself.
const CONGESTED_AFTER: Duration = Duration::from_millis(100);

/// The places of one service, in one data thread.
#[derive(Debug)]
pub(crate) struct Slots {
    size: SlotsSize,
    free: Arc<Semaphore>,
    waiting: Semaphore,
    taken: Mutex<Taken>,
    released: Notify,
    hasher: RandomState,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotsSize {
    /// Requests under way at a time.
    pub(crate) under_way: usize,
    /// Requests that wait.
    pub(crate) waiting: usize,
    /// Requests under way of one caller, at least one.
    pub(crate) of_one: usize,
}

#[derive(Debug)]
struct Taken {
    /// When a request last found a place free.
    last_free: Instant,
    by: HashMap<u64, usize>,
}

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    whose: u64,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        if let Some(count) = taken.by.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                taken.by.remove(&self.whose);
            }
        }
        drop(taken);
        self.slots.released.notify_waiters();
    }
}

impl Slots {
    pub(crate) fn new(size: SlotsSize, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            size,
            free: Arc::new(Semaphore::new(size.under_way)),
            waiting: Semaphore::new(size.waiting),
            taken: Mutex::new(Taken { last_free: now, by: HashMap::new() }),
            released: Notify::new(),
            hasher: RandomState::new(),
        })
    }

    pub(crate) const fn size(&self) -> SlotsSize {
        self.size
    }

    /// Waits, for `within` at most, until the caller may have one more place; nothing when it may not, or too many wait
    /// already.
    pub(crate) async fn slot(
        self: &Arc<Self>,
        request: &CanonicalRequest,
        caller: &Caller,
        within: Duration,
    ) -> Option<Slot> {
        self.slot_for(self.whose(request, caller), within).await
    }

    async fn slot_for(self: &Arc<Self>, whose: u64, within: Duration) -> Option<Slot> {
        if let Some(slot) = self.at_once(whose, Instant::now()) {
            return Some(slot);
        }
        let _waiting = self.waiting.try_acquire().ok()?;
        let congested = self.taken().last_free.elapsed() > CONGESTED_AFTER;
        let patience = if congested { CONGESTED_WAIT } else { LONGEST_WAIT };
        timeout(patience.min(within), self.eventually(whose)).await.ok().flatten()
    }

    fn at_once(self: &Arc<Self>, whose: u64, now: Instant) -> Option<Slot> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        self.taken().last_free = now;
        self.take(whose, permit)
    }

    async fn eventually(self: &Arc<Self>, whose: u64) -> Option<Slot> {
        loop {
            // Listened for before it is asked, so that nothing is missed in between.
            let released = self.released.notified();
            if self.may_take(whose) {
                let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
                if let Some(slot) = self.take(whose, permit) {
                    return Some(slot);
                }
            } else {
                released.await;
            }
        }
    }

    /// Takes the place for the caller, unless it has as many as one may have.
    fn take(self: &Arc<Self>, whose: u64, permit: OwnedSemaphorePermit) -> Option<Slot> {
        let mut taken = self.taken();
        let count = taken.by.entry(whose).or_default();
        if *count >= self.size.of_one {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Slot { slots: Arc::clone(self), whose, _permit: permit })
    }

    fn may_take(&self, whose: u64) -> bool {
        self.taken().by.get(&whose).is_none_or(|count| *count < self.size.of_one)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a caller is known by: an identity, or, without one, where it calls from. Whoever has an address of IPv6 has a
    /// /64 of them.
    fn whose(&self, request: &CanonicalRequest, caller: &Caller) -> u64 {
        match caller {
            Caller::Known(identity) => {
                self.hasher.hash_one((identity.issuer(), identity.subject()))
            }
            Caller::Anonymous => self.hasher.hash_one(match request.client() {
                IpAddr::V4(address) => IpAddr::V4(address),
                IpAddr::V6(address) => {
                    IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: u64 = 1;
    const THERE: u64 = 2;

    fn slots(under_way: usize, of_one: usize) -> Arc<Slots> {
        Slots::new(SlotsSize { under_way, waiting: 8, of_one }, Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn one_caller_has_its_share_and_leaves_the_rest_to_others() {
        let slots = slots(4, 2);
        let now = Instant::now();
        let ours = [HERE, HERE].map(|whose| slots.at_once(whose, now).unwrap());
        assert!(slots.at_once(HERE, now).is_none());
        let theirs = slots.at_once(THERE, now).unwrap();
        let waits = slots.eventually(HERE);
        tokio::pin!(waits);
        assert!(timeout(Duration::from_secs(60), &mut waits).await.is_err());
        drop(theirs);
        assert!(timeout(Duration::from_secs(60), &mut waits).await.is_err(), "not theirs to have");
        drop(ours);
        assert!(waits.await.is_some());
        assert_eq!(slots.free.available_permits(), 4);
        assert!(slots.taken().by.is_empty(), "nobody is remembered who has none");
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_is_waited_in_and_one_that_stays_is_not() {
        let slots = slots(1, 1);
        let held = slots.at_once(HERE, Instant::now()).unwrap();
        let waited = async |within| {
            let began = Instant::now();
            let none = slots.slot_for(THERE, within).await.is_none();
            (none, began.elapsed())
        };
        let long = Duration::from_secs(60);
        assert_eq!(waited(CONGESTED_WAIT * 2).await, (true, CONGESTED_WAIT * 2));
        assert_eq!(waited(long).await, (true, LONGEST_WAIT));
        assert_eq!(waited(long).await, (true, CONGESTED_WAIT));
        drop(held);
        let _held = slots.at_once(HERE, Instant::now()).unwrap();
        assert_eq!(waited(long).await, (true, LONGEST_WAIT));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_wait_than_may() {
        let slots = Slots::new(SlotsSize { under_way: 1, waiting: 1, of_one: 1 }, Instant::now());
        let _held = slots.at_once(HERE, Instant::now()).unwrap();
        let first = slots.slot_for(THERE, LONGEST_WAIT);
        tokio::pin!(first);
        assert!(timeout(Duration::ZERO, &mut first).await.is_err());
        let began = Instant::now();
        assert!(slots.slot_for(THERE, LONGEST_WAIT).await.is_none());
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
