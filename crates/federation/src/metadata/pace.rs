//! When to look again: decided without a clock.

use std::time::Duration;

use tokens::Timestamp;

/// How often a file is looked at.
const FILE: Duration = Duration::from_secs(2);
/// How often a URL is fetched, if its metadata does not end before.
const URL: Duration = Duration::from_hours(1);
/// The shortest time between two fetches that succeed.
pub(super) const SHORTEST: Duration = Duration::from_mins(1);
/// How long after a first failure a fetch is repeated.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// How long after the last of many.
const LAST_RETRY: Duration = Duration::from_mins(5);

/// How the last look went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// As many in a row have failed.
    Failed(u32),
    /// It was had; what ends first ends then.
    Had(Option<Timestamp>),
}

/// How long to wait before the next look at a file.
pub(super) const fn of_file() -> Duration {
    FILE
}

/// How long to wait before the next fetch from a URL. Many gates do not fetch at the same moment: `chance` is a random
/// number that takes up to a tenth off.
pub(super) fn of_url(last: Last, chance: u8, now: Timestamp) -> Duration {
    let wait = match last {
        Last::Failed(times) => {
            let doubled = FIRST_RETRY.saturating_mul(1 << times.saturating_sub(1).min(16));
            doubled.min(LAST_RETRY)
        }
        // Ahead of the end, with time for another attempt.
        Last::Had(Some(until)) => (until.since(now) / 2).clamp(SHORTEST, URL),
        Last::Had(None) => URL,
    };
    wait - wait * u32::from(chance) / 2_560
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_soon_is_fetched_ahead_of_its_end_and_what_failed_again_and_again() {
        let now = Timestamp::from_secs(1_793_491_200);
        let ends_in = |secs| Last::Had(Some(now.plus(Duration::from_secs(secs))));
        for (last, secs) in [
            (Last::Had(None), 3_600),
            (ends_in(7 * 86_400), 3_600),
            (ends_in(7_200), 3_600),
            (ends_in(7_198), 3_599),
            (ends_in(600), 300),
            (ends_in(90), 60),
            (ends_in(0), 60),
            (Last::Failed(1), 1),
            (Last::Failed(2), 2),
            (Last::Failed(9), 256),
            (Last::Failed(10), 300),
            (Last::Failed(u32::MAX), 300),
        ] {
            assert_eq!(of_url(last, 0, now), Duration::from_secs(secs), "{last:?}");
            let sooner = of_url(last, u8::MAX, now);
            let whole = Duration::from_secs(secs);
            assert!(sooner > whole * 9 / 10 && sooner < whole, "{last:?}: {sooner:?}");
        }
    }
}
