//! How many requests a data thread has under way at one service, whose they are, and how long the next one waits.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::FixedState;
use gate::{Caller, CanonicalRequest};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

/// The longest that a request waits.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long it waits while none of the same caller has found a place free for [`CONGESTED_AFTER`]: whoever waits longer
/// then only makes others wait (Nichols and Jacobson, "Controlling Queue Delay", 2012; as servers use it: Maurer, "Fail at
/// Scale", 2015).
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
    /// Requests of one caller that wait, at least one.
    pub(crate) waiting_of_one: usize,
}

#[derive(Debug)]
struct Taken {
    /// When a request last found a place free, whoever's it may be.
    last_free: Instant,
    /// By what the secret hasher makes of them: nobody can choose them to collide.
    by: HashMap<u64, Share, FixedState>,
}

/// The places of one caller.
#[derive(Debug)]
struct Share {
    taken: usize,
    waiting: usize,
    /// When one of its requests last found a place free.
    last_free: Instant,
    /// Tells one of its requests that wait for another to end, once one has had to wait.
    released: Option<Arc<Notify>>,
}

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    _of_all: OwnedSemaphorePermit,
    _of_share: OfShare,
}

/// A place of a caller's share; free again when it is dropped.
#[derive(Debug)]
struct OfShare {
    slots: Arc<Slots>,
    whose: u64,
}

impl Drop for OfShare {
    fn drop(&mut self) {
        self.slots.taken().changes(self.whose, |share| {
            share.taken -= 1;
            share.released.iter().for_each(|released| released.notify_one());
        });
    }
}

/// The right to wait for a place; given back when it is dropped.
#[derive(Debug)]
struct Waiting<'a> {
    slots: &'a Slots,
    whose: u64,
    _of_all: SemaphorePermit<'a>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.slots.taken().changes(self.whose, |share| share.waiting -= 1);
    }
}

impl Taken {
    fn share(&mut self, whose: u64, now: Instant) -> &mut Share {
        self.by.entry(whose).or_insert_with(|| Share {
            taken: 0,
            waiting: 0,
            last_free: now,
            released: None,
        })
    }

    /// Gives back what a caller had; who has nothing is forgotten.
    fn changes(&mut self, whose: u64, gives_back: impl FnOnce(&mut Share)) {
        let Some(share) = self.by.get_mut(&whose) else { return };
        gives_back(share);
        if share.taken == 0 && share.waiting == 0 {
            self.by.remove(&whose);
        }
    }
}

impl Slots {
    pub(crate) fn new(size: SlotsSize, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            size,
            free: Arc::new(Semaphore::new(size.under_way)),
            waiting: Semaphore::new(size.waiting),
            taken: Mutex::new(Taken { last_free: now, by: HashMap::default() }),
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
        let now = Instant::now();
        if let Some(slot) = self.at_once(whose, now) {
            return Some(slot);
        }
        let congested = now.duration_since(self.last_free(whose)) > CONGESTED_AFTER;
        let patience = if congested { CONGESTED_WAIT } else { LONGEST_WAIT };
        let eventually = Box::pin(self.eventually(whose));
        timeout(patience.min(within), eventually).await.ok().flatten()
    }

    fn at_once(self: &Arc<Self>, whose: u64, now: Instant) -> Option<Slot> {
        let of_all = Arc::clone(&self.free).try_acquire_owned().ok()?;
        self.taken().last_free = now;
        let of_share = self.of_share(whose, now).ok()?;
        if let Some(share) = self.taken().by.get_mut(&whose) {
            share.last_free = now;
        }
        Some(Slot { _of_all: of_all, _of_share: of_share })
    }

    /// When a request of the caller could last have found a place free.
    fn last_free(&self, whose: u64) -> Instant {
        let taken = self.taken();
        let share = taken.by.get(&whose).map_or(taken.last_free, |share| share.last_free);
        share.min(taken.last_free)
    }

    async fn eventually(self: &Arc<Self>, whose: u64) -> Option<Slot> {
        let _waiting = self.waiting(whose, Instant::now())?;
        let of_share = loop {
            match self.of_share(whose, Instant::now()) {
                Ok(place) => break place,
                // What is told before this waits is kept for it.
                Err(released) => released.notified().await,
            }
        };
        let of_all = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(Slot { _of_all: of_all, _of_share: of_share })
    }

    /// The right to wait, unless too many do: those that only their own share holds up would keep out all others.
    fn waiting(&self, whose: u64, now: Instant) -> Option<Waiting<'_>> {
        let of_all = self.waiting.try_acquire().ok()?;
        let mut taken = self.taken();
        let share = taken.share(whose, now);
        if share.waiting >= self.size.waiting_of_one {
            return None;
        }
        share.waiting += 1;
        Some(Waiting { slots: self, whose, _of_all: of_all })
    }

    /// A place of the caller's share.
    ///
    /// # Errors
    /// What tells of one that has become free, when it has as many as one may have.
    fn of_share(self: &Arc<Self>, whose: u64, now: Instant) -> Result<OfShare, Arc<Notify>> {
        let mut taken = self.taken();
        let share = taken.share(whose, now);
        if share.taken >= self.size.of_one {
            return Err(Arc::clone(share.released.get_or_insert_default()));
        }
        share.taken += 1;
        Ok(OfShare { slots: Arc::clone(self), whose })
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
        let size = SlotsSize { under_way, waiting: 8, of_one, waiting_of_one: 4 };
        Slots::new(size, Instant::now())
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
    async fn who_waits_for_its_share_is_told_one_by_one() {
        let slots = slots(4, 1);
        let mut held = slots.at_once(HERE, Instant::now());
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(slots.eventually(HERE))).collect();
        for one in &mut waiting {
            assert!(timeout(Duration::ZERO, one).await.is_err());
        }
        // The first goes away after it was told; the next is told in its place.
        drop(held.take());
        drop(waiting.remove(0));
        for one in waiting {
            held = timeout(Duration::ZERO, one).await.unwrap();
            assert!(slots.at_once(HERE, Instant::now()).is_none(), "one at a time");
            drop(held.take());
        }
        assert!(slots.taken().by.is_empty());
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
    async fn whose_share_stays_taken_waits_no_longer_for_what_is_free_for_others() {
        let slots = slots(4, 1);
        let _held = slots.at_once(HERE, Instant::now()).unwrap();
        let waited = async |whose| {
            let began = Instant::now();
            let slot = slots.slot_for(whose, LONGEST_WAIT).await;
            (slot.is_some(), began.elapsed())
        };
        assert_eq!(waited(HERE).await, (false, LONGEST_WAIT));
        assert_eq!(waited(THERE).await, (true, Duration::ZERO));
        assert_eq!(waited(HERE).await, (false, CONGESTED_WAIT));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_wait_than_may() {
        let size = SlotsSize { under_way: 1, waiting: 1, of_one: 1, waiting_of_one: 1 };
        let slots = Slots::new(size, Instant::now());
        let _held = slots.at_once(HERE, Instant::now()).unwrap();
        let first = slots.slot_for(THERE, LONGEST_WAIT);
        tokio::pin!(first);
        assert!(timeout(Duration::ZERO, &mut first).await.is_err());
        let began = Instant::now();
        assert!(slots.slot_for(THERE, LONGEST_WAIT).await.is_none());
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn whom_its_own_share_holds_up_leaves_others_a_part_of_the_queue() {
        let slots = slots(4, 2);
        let _ours = [HERE, HERE].map(|whose| slots.at_once(whose, Instant::now()).unwrap());
        let mut held_up: Vec<_> = (0..5).map(|_| Box::pin(slots.eventually(HERE))).collect();
        for (number, one) in held_up.iter_mut().enumerate() {
            // The fifth is refused at once.
            let waits = timeout(Duration::ZERO, one).await.is_err();
            assert_eq!(waits, number < 4, "{number}");
        }
        let theirs = [THERE, THERE].map(|whose| slots.at_once(whose, Instant::now()).unwrap());
        let mut waiting: Vec<_> = (3..7).map(|whose| Box::pin(slots.eventually(whose))).collect();
        for one in &mut waiting {
            assert!(timeout(Duration::ZERO, one).await.is_err(), "expected it to wait");
        }
        drop(theirs);
        let mut others = Vec::new();
        for one in waiting {
            others.extend(timeout(Duration::ZERO, one).await.unwrap_or_default());
        }
        assert_eq!(others.len(), 2);
        drop((held_up, others));
        assert_eq!(slots.waiting.available_permits(), 8);
        assert_eq!(slots.taken().by.keys().collect::<Vec<_>>(), [&HERE]);
    }
}
