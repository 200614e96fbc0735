//! How late a data thread is, and which requests are turned away so that the others are answered in time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(20);
/// A thread that is no later than this turns nobody away.
const BEARABLE: Duration = Duration::from_millis(100);
/// One that is this late turns nearly everybody away.
const UNBEARABLE: Duration = Duration::from_millis(500);
/// The most of a thousand requests that are turned away: some are always answered.
const MOST: u64 = 950;

/// How long what is ready waits for its turn, in one data thread.
///
/// A thread that has more to do than it can falls ever later behind: all are answered, and all after they have gone. It
/// turns away as many as it is late, before they have cost anything, and answers the others in time.
#[derive(Debug, Default)]
pub(super) struct Lag {
    micros: AtomicU64,
}

impl Lag {
    /// Measures for as long as it is polled: by how late it is itself, for it has to wait for its turn like all others.
    pub(super) async fn keep(&self) {
        let mut before = Duration::ZERO;
        loop {
            let due = Instant::now() + EVERY;
            sleep_until(due).await;
            let late = due.elapsed();
            // One that is late once was held up; one that is late again has too much to do.
            self.is(late.min(before));
            before = late;
        }
    }

    fn is(&self, late: Duration) {
        self.micros.store(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether a request is turned away; `chance` is any number.
    pub(super) fn sheds(&self, chance: u64) -> bool {
        let late = Duration::from_micros(self.micros.load(Ordering::Relaxed));
        late > BEARABLE && chance % 1000 < part(late)
    }
}

/// How many of a thousand requests are turned away by a thread that is so late.
fn part(late: Duration) -> u64 {
    let over = late.saturating_sub(BEARABLE).as_micros();
    let all = UNBEARABLE.saturating_sub(BEARABLE).as_micros();
    u64::try_from(over * 1000 / all).unwrap_or(MOST).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_turned_away_as_the_thread_is_late() {
        let table = [(0, 0), (100, 0), (200, 250), (300, 500), (400, 750), (480, 950), (5000, 950)];
        for (late, part) in table {
            let lag = Lag::default();
            lag.is(Duration::from_millis(late));
            let turned_away = (0..1000).filter(|chance| lag.sheds(*chance)).count();
            assert_eq!(turned_away, part, "{late} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_is_held_up_once_turns_nobody_away() {
        let lag = Lag::default();
        let micros = || lag.micros.load(Ordering::Relaxed);
        let keeping = lag.keep();
        tokio::pin!(keeping);
        let mut held_up = async |millis: u64| {
            // Nothing is polled while time passes.
            tokio::time::advance(Duration::from_millis(millis)).await;
            let _ = tokio::time::timeout(Duration::ZERO, &mut keeping).await;
        };
        held_up(20).await;
        held_up(600).await;
        assert_eq!(micros(), 0);
        held_up(600).await;
        assert!(micros() > 400_000, "{}", micros());
        held_up(20).await;
        held_up(20).await;
        assert_eq!(micros(), 0);
    }
}
