//! When to renew, and when to try again: every decision, and nothing else. No clock, no network.

use std::time::Duration;

use doors::proxy::Validity;
use tokens::Timestamp;

/// How long after the first of failures it is tried again, when the server was not reached.
const FIRST_RETRY_UNREACHED: Duration = Duration::from_secs(10);
/// How long after the first of failures it is tried again, when the server has said no: five times an hour is what
/// Let's Encrypt bears (its limit of failed authorizations).
const FIRST_RETRY_REFUSED: Duration = Duration::from_mins(2);
/// How long after the last of many failures it is tried again at most, if the server does not ask for more.
pub(super) const LAST_RETRY: Duration = Duration::from_hours(6);
/// The longest that a server's `Retry-After` is heeded.
pub(super) const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(7 * 24);

/// A random value, spread evenly over its range. It keeps a thousand gates from ordering at the same moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(pub(super) u32);

impl Chance {
    /// From nothing to a part of `whole`, in hundredths of it.
    fn up_to(self, whole: Duration, hundredths: u32) -> Duration {
        let millis = whole.as_millis() * u128::from(hundredths) * u128::from(self.0);
        Duration::from_millis(u64::try_from(millis / 100 / (1 << 32)).unwrap_or(u64::MAX))
    }
}

/// How an order failed, as far as it counts for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setback {
    /// How many have failed in a row; at least one.
    pub(super) failures: u32,
    /// Whether the server was reached.
    pub(super) reached: bool,
    /// How long the server has asked to be left alone (RFC 8555 §6.6).
    pub(super) retry_after: Option<Duration>,
}

/// When a certificate is to be renewed: `renew_before` its end, or when half of its life is over if that is later; and up
/// to a tenth of that time earlier.
pub(super) fn renewal(validity: Validity, renew_before: Duration, chance: Chance) -> Timestamp {
    let life = validity.until.since(validity.from);
    let ahead = renew_before.min(life / 2);
    validity.until.minus(ahead.saturating_add(chance.up_to(ahead, 10)))
}

/// How long after a failure it is tried again: twice as long each time, up to a quarter longer than that, and never before
/// the server wants to hear of us.
pub(super) fn retry(setback: Setback, chance: Chance) -> Duration {
    let first = if setback.reached { FIRST_RETRY_REFUSED } else { FIRST_RETRY_UNREACHED };
    let doublings = setback.failures.saturating_sub(1);
    let doubled = first.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
    let own = doubled.min(LAST_RETRY);
    let asked = setback.retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
    let wait = own.max(asked);
    wait.saturating_add(chance.up_to(own, 25))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: Chance = Chance(0);
    const MOST: Chance = Chance(u32::MAX);
    const DAY: Duration = Duration::from_hours(24);

    fn day(number: u32) -> Timestamp {
        Timestamp::default().plus(DAY * number)
    }

    fn refused(failures: u32) -> Setback {
        Setback { failures, reached: true, retry_after: None }
    }

    #[test]
    fn a_certificate_is_renewed_ahead_of_its_end_and_not_by_all_at_once() {
        let long = Validity { from: day(100), until: day(190) };
        assert_eq!(renewal(long, DAY * 30, LEAST), day(160));
        assert!(renewal(long, DAY * 30, MOST) > day(157));
        assert!(renewal(long, DAY * 30, MOST) < day(158));
    }

    #[test]
    fn a_short_certificate_is_renewed_when_half_of_its_life_is_over() {
        let short = Validity { from: day(100), until: day(106) };
        assert_eq!(renewal(short, DAY * 30, LEAST), day(103));
        assert_eq!(renewal(short, DAY * 3, LEAST), day(103));
        assert_eq!(renewal(short, DAY * 2, LEAST), day(104));
    }

    #[test]
    fn a_certificate_whose_end_is_before_its_beginning_is_due() {
        let backwards = Validity { from: day(106), until: day(100) };
        assert_eq!(renewal(backwards, DAY * 30, MOST), day(100));
    }

    #[test]
    fn failures_are_further_and_further_apart_up_to_a_bound() {
        let minutes = |failures| retry(refused(failures), LEAST).as_secs() / 60;
        assert_eq!([1, 2, 3, 4, 5].map(minutes), [2, 4, 8, 16, 32]);
        for failures in [9, 31, 32, 33, 1000, u32::MAX] {
            assert_eq!(retry(refused(failures), LEAST), LAST_RETRY);
        }
        let unreached = Setback { reached: false, ..refused(1) };
        assert_eq!(retry(unreached, LEAST), Duration::from_secs(10));
        assert!(retry(refused(1), MOST) > Duration::from_secs(149));
        assert!(retry(refused(1), MOST) < Duration::from_secs(150));
    }

    #[test]
    fn a_server_is_refused_at_most_five_times_in_the_first_hour() {
        let mut at = Duration::ZERO;
        let mut orders = 0;
        while at < Duration::from_hours(1) {
            orders += 1;
            at += retry(refused(orders), LEAST);
        }
        assert_eq!(orders, 5);
    }

    #[test]
    fn a_server_that_asks_for_patience_gets_it_up_to_a_week() {
        let asking = |retry_after| Setback { retry_after: Some(retry_after), ..refused(1) };
        assert_eq!(retry(asking(DAY), LEAST), DAY);
        assert_eq!(retry(asking(Duration::from_secs(1)), LEAST), FIRST_RETRY_REFUSED);
        assert_eq!(retry(asking(LONGEST_RETRY_AFTER), LEAST), LONGEST_RETRY_AFTER);
        assert_eq!(retry(asking(Duration::MAX), LEAST), LONGEST_RETRY_AFTER);
        assert!(retry(asking(Duration::MAX), MOST) <= LONGEST_RETRY_AFTER + LAST_RETRY);
    }

    #[test]
    fn a_year_of_renewals_over_a_simulated_clock_is_one_order_every_sixty_days() {
        let (mut now, mut orders) = (day(0), 0);
        while now < day(365) {
            orders += 1;
            let issued = Validity { from: now, until: now.plus(DAY * 90) };
            now = renewal(issued, DAY * 30, LEAST);
        }
        assert_eq!(orders, 7);
    }
}
