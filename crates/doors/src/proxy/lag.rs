//! How late a data thread is, and which requests are turned away so that the others are answered in time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(20);
/// How late a thread may be. A request waits for some five turns: it takes a tenth of a second then.
const BEARABLE: Duration = Duration::from_millis(20);
/// For how long one that was too late is watched. One that was late once was held up; one that is late again has too much
/// to do.
const WATCHED: Duration = Duration::from_millis(500);

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
    /// Until when the thread is watched, in microseconds from `start`.
    watched: AtomicU64,
}

impl Lag {
    pub(super) fn new(now: Instant) -> Self {
        let [due, worked, watched] = [u64::MAX, 0, 0].map(AtomicU64::new);
        Self { start: now, due, worked, watched }
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
            if self.late(now, &worked) > BEARABLE {
                self.watched.store(self.at(now + WATCHED), Ordering::Relaxed);
            }
        }
    }

    /// Whether the thread was late lately.
    pub(super) fn is_watched(&self, now: Instant) -> bool {
        self.at(now) < self.watched.load(Ordering::Relaxed)
    }

    /// Whether what comes now is turned away.
    pub(super) fn sheds(&self, now: Instant, worked: impl Fn() -> Duration) -> bool {
        self.is_watched(now) && self.late(now, worked) > BEARABLE
    }

    /// How late the look is that is due, as far as the thread itself made it so.
    fn late(&self, now: Instant, worked: impl Fn() -> Duration) -> Duration {
        let late = self.at(now).saturating_sub(self.due.load(Ordering::Relaxed));
        let late = Duration::from_micros(late);
        if late <= BEARABLE {
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

    /// Whether something is turned away at the end of the last of some turns.
    async fn sheds_after(turns: &[Turn]) -> bool {
        let (lag, clock) = (Lag::new(Instant::now()), Cell::new(0));
        let worked = || Duration::from_millis(clock.get());
        let mut keeping = std::pin::pin!(lag.keep(worked));
        let mut sheds = false;
        for (took, working) in turns {
            let _ = tokio::time::timeout(Duration::ZERO, &mut keeping).await;
            // Nothing is polled while time passes.
            tokio::time::advance(Duration::from_millis(*took)).await;
            clock.set(clock.get() + working);
            sheds = lag.sheds(Instant::now(), worked);
        }
        sheds
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_is_turned_away_while_a_thread_is_late_again_by_its_own_work() {
        let table: [(&str, &[Turn], bool); 8] = [
            ("in time", &[(20, 20), (20, 20)], false),
            ("late once", &[(20, 20), (600, 600)], false),
            ("late again", &[(41, 41), (41, 41)], true),
            ("late again, but not too late yet", &[(41, 41), (40, 40)], false),
            ("late again soon after", &[(41, 41), (20, 20), (300, 300)], true),
            ("late again long after", &[(41, 41), (520, 0), (41, 41)], false),
            ("held up again by others", &[(600, 600), (300, 20)], false),
            ("held up by others, then late", &[(600, 20), (300, 300)], false),
        ];
        for (name, turns, sheds) in table {
            assert_eq!(sheds_after(turns).await, sheds, "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_was_late_is_watched_for_half_a_second() {
        for (between, sheds) in [(22, true), (23, false)] {
            let mut turns = vec![(41, 41)];
            turns.extend(std::iter::repeat_n((20, 20), between));
            turns.push((41, 41));
            assert_eq!(sheds_after(&turns).await, sheds, "{between} turns in time");
        }
    }
}
