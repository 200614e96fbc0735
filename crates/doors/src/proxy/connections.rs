//! The open connections of a data thread, and which of them gives way when there are too many: the one that has been idle
//! longest, those first on which nothing was ever served.
//!
//! Each connection has one place in an order by time. That time is no later than the one since when it counts as idle; it is put
//! right when somebody looks, which is only when a connection has to give way. So requests cost nothing here, and what
//! stands first and is put right already has been idle longest of all.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::busyness::Busyness;

/// How long a connection is idle at least before it gives way: callers who ask again and again keep theirs, however many
/// new ones come.
const IDLE_FOR: Duration = Duration::from_secs(1);

/// By how much later one counts as idle on which something was served: its caller may be about to ask again.
const SERVED: Duration = Duration::from_secs(10);

/// How many are looked at for one that has to give way, at most. Each is looked at once a second at most, for what was
/// at work is put behind all that a look can reach within [`IDLE_FOR`].
const LOOKS: usize = 64;

/// What came of looking for a connection that gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// One gives way.
    Given,
    /// None has been idle for long enough, but one will have been from this moment on, if it stays so.
    From(Instant),
    /// All that were looked at are at work.
    Nobody,
}

/// The connections of one data thread.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<Order>);

#[derive(Debug, Default)]
struct Order {
    by_time: BTreeMap<(Instant, u64), Busyness>,
    times: HashMap<u64, Instant>,
    next: u64,
}

/// An open connection's place.
#[derive(Debug)]
pub(crate) struct Open {
    among: Arc<Connections>,
    number: u64,
}

impl Connections {
    /// A connection was opened, and is open until what this gives is dropped.
    pub(crate) fn open(self: &Arc<Self>, busy: Busyness, now: Instant) -> Open {
        let mut order = self.lock();
        let number = order.next;
        order.next = number.wrapping_add(1);
        order.put((now, number), busy);
        drop(order);
        Open { among: Arc::clone(self), number }
    }

    /// Has the one that has been idle longest give way, or says when one would, if none does yet.
    pub(crate) fn give_way(&self, now: Instant) -> Way {
        let mut order = self.lock();
        let mut best: Option<(Instant, u64)> = None;
        for _ in 0..LOOKS {
            let Some((first, busy)) = order.by_time.pop_first() else { break };
            let later = if busy.was_served() { SERVED } else { Duration::ZERO };
            let quiet = busy.quiet_since();
            let since = quiet.map_or(now, |since| since + later).max(first.0);
            let place = (since, first.1);
            order.put(place, busy);
            if quiet.is_some() && best.is_none_or(|best| place < best) {
                best = Some(place);
            }
            // Nobody stands before it, or nobody behind it has been idle for as long.
            if since == first.0 {
                break;
            }
        }
        let Some((since, number)) = best else { return Way::Nobody };
        if now.saturating_duration_since(since) < IDLE_FOR {
            return Way::From(since + IDLE_FOR);
        }
        if let Some(busy) = order.take(number) {
            busy.give_way();
        }
        Way::Given
    }

    fn lock(&self) -> MutexGuard<'_, Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Order {
    fn put(&mut self, place: (Instant, u64), busy: Busyness) {
        self.times.insert(place.1, place.0);
        self.by_time.insert(place, busy);
    }

    fn take(&mut self, number: u64) -> Option<Busyness> {
        let time = self.times.remove(&number)?;
        self.by_time.remove(&(time, number))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.among.lock().take(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many connections, opened a second after each other, and the moment after the last.
    async fn opened(many: usize) -> (Arc<Connections>, Vec<(Busyness, Open)>, Instant) {
        let connections = Arc::new(Connections::default());
        let mut all = Vec::new();
        for _ in 0..many {
            let busy = Busyness::default();
            let open = connections.open(busy.clone(), Instant::now());
            all.push((busy, open));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        (connections, all, Instant::now())
    }

    fn gives_way(all: &[(Busyness, Open)]) -> Vec<bool> {
        all.iter().map(|(busy, _)| busy.gave_way()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_gives_way_and_the_one_at_work_does_not() {
        let (connections, all, now) = opened(3).await;
        let at_work = all[0].0.begin();
        assert_eq!(connections.give_way(now), Way::Given);
        assert_eq!(gives_way(&all), [false, true, false]);
        // What was at work has been idle for the shortest time.
        drop(at_work);
        assert_eq!(connections.give_way(now), Way::Given);
        assert_eq!(gives_way(&all), [false, true, true]);
        assert_eq!(connections.give_way(now), Way::From(now + IDLE_FOR), "it has just become idle");
        tokio::time::advance(IDLE_FOR).await;
        assert_eq!(connections.give_way(Instant::now()), Way::Given);
        assert_eq!(connections.give_way(Instant::now()), Way::Nobody, "nobody is left");
    }

    #[tokio::test(start_paused = true)]
    async fn one_on_which_something_was_served_gives_way_ten_seconds_later() {
        let (connections, all, now) = opened(3).await;
        all[0].0.begin().served();
        assert_eq!(connections.give_way(now), Way::Given);
        assert_eq!(gives_way(&all), [false, true, false]);
        assert_eq!(connections.give_way(now), Way::Given);
        let from = now + SERVED + IDLE_FOR;
        assert_eq!(connections.give_way(now + SERVED), Way::From(from), "it asked a moment ago");
        assert_eq!(connections.give_way(from), Way::Given);
        assert_eq!(gives_way(&all), [true, true, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_our_own_keeps_none_from_giving_way_and_is_not_waited_for() {
        let (connections, all, _) = opened(3).await;
        let ours: Vec<_> = all.iter().map(|(busy, _)| busy.begin().answered_by_us()).collect();
        let at_work = all[1].0.begin();
        all[2].0.stalls(true);
        tokio::time::advance(IDLE_FOR).await;
        let now = Instant::now();
        assert!(all.iter().all(|(busy, _)| busy.idle_since().is_none()));
        assert_eq!([connections.give_way(now), connections.give_way(now)], [Way::Given; 2]);
        assert_eq!(connections.give_way(now), Way::Nobody, "it is at work");
        assert_eq!(gives_way(&all), [true, false, true]);
        let idle: Vec<_> = all.iter().map(|(busy, _)| busy.idle_since().is_some()).collect();
        assert_eq!(idle, [true, false, true]);
        drop((ours, at_work));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_closed_is_forgotten() {
        let (connections, mut all, now) = opened(2).await;
        drop(all.remove(0));
        assert_eq!(connections.give_way(now), Way::Given);
        assert_eq!(gives_way(&all), [true]);
        drop(all);
        assert!(connections.lock().times.is_empty() && connections.lock().by_time.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_looked_at_than_was_said_and_they_are_not_looked_at_again() {
        let (connections, all, now) = opened(LOOKS + 2).await;
        let at_work: Vec<_> = all.iter().take(LOOKS + 1).map(|(busy, _)| busy.begin()).collect();
        assert_eq!(connections.give_way(now), Way::Nobody, "as many were at work as are looked at");
        assert_eq!(connections.give_way(now), Way::Given);
        assert_eq!(gives_way(&all).iter().position(|gave| *gave), Some(LOOKS + 1));
        drop(at_work);
    }
}
