//! How late a data thread is, and which requests are turned away so that the others are answered in time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(20);
/// How late a thread may be. A request waits for some five turns: it takes a sixth of a second then.
const BEARABLE: Duration = Duration::from_millis(30);
/// How late it may be for who comes anew. They are turned away first, so that callers that come back as soon as they are
/// turned away do not push out those that are being served.
const BEARABLE_FOR_NEWCOMERS: Duration = Duration::from_millis(15);
/// For how long it may be later than that. What comes all at once takes its time and passes; one that does not catch up has
/// too much to do (Nichols and Jacobson, "Controlling Queue Delay", 2012).
const PASSING: Duration = Duration::from_millis(250);

/// How long what is ready waits for its turn, in one data thread, because of what else the thread does.
///
/// A thread that has more to do than it can falls ever later behind: all are answered, and all after they have gone. While
/// it is too late it turns away what comes, before that has cost anything; so each turn takes on as much as it can do in
/// time.
#[derive(Debug)]
pub(super) struct Lag {
    start: Instant,
    /// When the next look is due, and for how long the thread had worked at the last, both in microseconds; the former from
    /// `start`.
    due: AtomicU64,
    worked: AtomicU64,
    /// Since when the thread was too late at every look, in microseconds from `start`.
    late_since: AtomicU64,
}

impl Lag {
    pub(super) fn new(now: Instant) -> Self {
        let [due, worked, late_since] = [u64::MAX, 0, u64::MAX].map(AtomicU64::new);
        Self { start: now, due, worked, late_since }
    }

    /// Looks for as long as it is polled: it has to wait for its turn like all others. `worked` tells how long the thread
    /// has had its processor: one that is late because others have it does not come sooner to what it has to do by doing
    /// less.
    pub(super) async fn keep(&self, worked: impl Fn() -> Duration) {
        loop {
            let due = Instant::now() + EVERY;
            self.worked.store(micros(worked()), Ordering::Relaxed);
            self.due.store(self.at(due), Ordering::Relaxed);
            sleep_until(due).await;
            let now = Instant::now();
            if self.late(now, &worked) <= BEARABLE_FOR_NEWCOMERS {
                self.late_since.store(u64::MAX, Ordering::Relaxed);
            } else {
                self.late_since.fetch_min(self.at(due), Ordering::Relaxed);
            }
        }
    }

    /// Whether the thread was too late at the last look.
    pub(super) fn was_late(&self) -> bool {
        self.late_since.load(Ordering::Relaxed) != u64::MAX
    }

    /// Whether what comes now is turned away; `newcomer` says that nothing was served on its connection before.
    pub(super) fn sheds(
        &self,
        now: Instant,
        newcomer: bool,
        worked: impl Fn() -> Duration,
    ) -> bool {
        let late_since = self.late_since.load(Ordering::Relaxed);
        let bearable = if newcomer { BEARABLE_FOR_NEWCOMERS } else { BEARABLE };
        self.at(now).saturating_sub(late_since) >= micros(PASSING)
            && self.late(now, worked) > bearable
    }

    /// How late the look is that is due, as far as the thread itself made it so.
    fn late(&self, now: Instant, worked: impl Fn() -> Duration) -> Duration {
        let late = self.at(now).saturating_sub(self.due.load(Ordering::Relaxed));
        let late = Duration::from_micros(late);
        if late <= BEARABLE_FOR_NEWCOMERS {
            return late;
        }
        let worked = micros(worked()).saturating_sub(self.worked.load(Ordering::Relaxed));
        late.min(Duration::from_micros(worked))
    }

    fn at(&self, time: Instant) -> u64 {
        micros(time.saturating_duration_since(self.start))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How many milliseconds a turn took, and for how many of them the thread worked.
    type Turn = (u64, u64);

    /// Whether a newcomer, and who has been served before, are turned away at the end of the last of some turns.
    async fn sheds_after(turns: &[Turn]) -> [bool; 2] {
        let (lag, clock) = (Lag::new(Instant::now()), Cell::new(0));
        let worked = || Duration::from_millis(clock.get());
        let mut keeping = std::pin::pin!(lag.keep(worked));
        for (took, working) in turns {
            let _ = tokio::time::timeout(Duration::ZERO, &mut keeping).await;
            // Nothing is polled while time passes.
            tokio::time::advance(Duration::from_millis(*took)).await;
            clock.set(clock.get() + working);
        }
        [true, false].map(|newcomer| lag.sheds(Instant::now(), newcomer, worked))
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_is_turned_away_while_a_thread_does_not_catch_up_with_its_own_work() {
        let (nobody, newcomers, everybody) = ([false, false], [true, false], [true, true]);
        let table: [(&str, &[Turn], [bool; 2]); 10] = [
            ("in time", &[(20, 20), (20, 20)], nobody),
            ("late once, for long", &[(20, 20), (600, 600)], nobody),
            ("late for 250 ms", &[(140, 140), (130, 130)], everybody),
            ("late for less", &[(140, 140), (129, 129)], nobody),
            ("late for long, but not too late yet", &[(300, 300), (35, 35)], nobody),
            ("late for long, and too late for newcomers", &[(300, 300), (50, 50)], newcomers),
            ("late for long, and too late", &[(300, 300), (51, 51)], everybody),
            ("late, in time and late again", &[(300, 300), (20, 20), (200, 200)], nobody),
            ("held up again by others", &[(600, 600), (300, 10)], nobody),
            ("held up by others, then late", &[(600, 10), (300, 300)], nobody),
        ];
        for (name, turns, sheds) in table {
            assert_eq!(sheds_after(turns).await, sheds, "{name}");
        }
    }
}
