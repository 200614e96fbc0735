//! Work on many endpoints: a few at a time, each for so long, and all together for so long.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// The bounds of all work.
pub(super) struct Round {
    turns: Arc<Semaphore>,
    until: Instant,
}

/// Work that has begun, or waits for its turn.
pub(super) struct Begun<T>(JoinHandle<Option<T>>);

impl Round {
    /// So many at a time, from now on for so long.
    pub(super) fn new(at_a_time: usize, within: Duration) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_a_time)), until: Instant::now() + within }
    }

    /// Begins with `work` when it is its turn, and gives it up after `within`.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        within: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Begun<T> {
        let turns = Arc::clone(&self.turns);
        Begun(tokio::spawn(async move {
            let _turn = turns.acquire_owned().await.ok()?;
            timeout(within, work).await.ok()
        }))
    }

    /// What came of it; nothing if it was given up, or the time for all was over first.
    pub(super) async fn end<T>(&self, mut begun: Begun<T>) -> Option<T> {
        match timeout_at(self.until, &mut begun.0).await {
            Ok(ended) => ended.ok().flatten(),
            Err(_) => {
                begun.0.abort();
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn work_that_takes_too_long_is_given_up_and_the_next_has_its_turn() {
        let round = Round::new(1, LONG);
        let (first, second) = (round.begin(SHORT, pending::<()>()), round.begin(LONG, ready(7)));
        assert_eq!(round.end(first).await, None);
        assert_eq!(round.end(second).await, Some(7));
    }

    #[tokio::test]
    async fn when_the_time_for_all_is_over_nothing_is_waited_for() {
        let round = Round::new(1, SHORT);
        let (first, second) = (round.begin(LONG, pending::<()>()), round.begin(LONG, ready(7)));
        assert_eq!(round.end(first).await, None);
        // It was never its turn while the first was under way.
        assert!(round.end(second).await.is_none_or(|seven| seven == 7));
    }

    #[tokio::test]
    async fn no_more_are_under_way_than_may_be() {
        let (round, under_way) = (Round::new(2, LONG), Arc::new(AtomicUsize::new(0)));
        let begun: Vec<_> = (0..9)
            .map(|_| {
                let under_way = Arc::clone(&under_way);
                round.begin(LONG, async move {
                    let beside = under_way.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    under_way.fetch_sub(1, Ordering::SeqCst);
                    beside
                })
            })
            .collect();
        let mut most = 0;
        for one in begun {
            most = most.max(round.end(one).await.unwrap());
        }
        assert_eq!(most, 1, "one beside another");
    }
}
