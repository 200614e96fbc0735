//! The generic cell rate algorithm (ITU-T I.371, Annex A), on nanoseconds: one number for each caller tells all that
//! there is to know of it.

use std::time::Duration;

use gate::route::Rate;

/// How fast requests may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// What each request takes, in nanoseconds; at least one.
    each: u64,
    /// How far ahead of their time requests may come: a burst without its first.
    ahead: u64,
}

impl Pace {
    pub(super) fn of(rate: &Rate) -> Self {
        let each = nanos(rate.per()).checked_div(u64::from(rate.requests())).unwrap_or(1).max(1);
        Self { each, ahead: each.saturating_mul(u64::from(rate.burst()).saturating_sub(1)) }
    }

    /// Takes a request at `now`, given the moment until which the requests before it have used up the time; gives back
    /// that moment for the next one. Once it is past, nothing is left to know.
    ///
    /// # Errors
    /// How long it is until a request may come.
    pub(super) fn take(self, used_up: Option<u64>, now: u64) -> Result<u64, Duration> {
        let used_up = used_up.unwrap_or(now).max(now);
        let early = used_up.saturating_sub(now).saturating_sub(self.ahead);
        if early > 0 {
            return Err(Duration::from_nanos(early));
        }
        Ok(used_up.saturating_add(self.each))
    }
}

/// In nanoseconds; 584 years at most.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_goes_through_at_once_and_the_rest_at_the_rate() {
        let pace = Pace { each: SECOND / 10, ahead: SECOND / 10 * 4 };
        let mut used_up = None;
        for _ in 0..5 {
            used_up = Some(pace.take(used_up, 0).unwrap());
        }
        assert_eq!(pace.take(used_up, 0), Err(Duration::from_millis(100)));
        assert_eq!(pace.take(used_up, SECOND / 10 - 1), Err(Duration::from_nanos(1)));
        used_up = Some(pace.take(used_up, SECOND / 10).unwrap());
        assert_eq!(pace.take(used_up, SECOND / 10), Err(Duration::from_millis(100)));
        // After a long pause there is a burst again, and no more than that.
        for _ in 0..5 {
            used_up = Some(pace.take(used_up, 100 * SECOND).unwrap());
        }
        assert_eq!(pace.take(used_up, 100 * SECOND), Err(Duration::from_millis(100)));
    }

    proptest! {
        #[test]
        fn no_more_goes_through_in_any_time_than_the_rate_and_a_burst(
            burst in 1_u64..20, gaps in prop::collection::vec(0_u64..SECOND, 1..200),
        ) {
            let pace = Pace { each: SECOND / 8, ahead: SECOND / 8 * (burst - 1) };
            let (mut now, mut used_up, mut through) = (0, None, 0_u64);
            for gap in gaps {
                now += gap;
                if let Ok(next) = pace.take(used_up, now) {
                    used_up = Some(next);
                    through += 1;
                }
                prop_assert!(through <= burst + now / (SECOND / 8));
            }
        }

        #[test]
        fn what_is_past_can_be_forgotten(used_up in 0_u64..SECOND, now in 0_u64..SECOND) {
            let pace = Pace { each: 7, ahead: 70 };
            if used_up <= now {
                prop_assert_eq!(pace.take(Some(used_up), now), pace.take(None, now));
            }
        }
    }
}
