//! How often the keys of an issuer are fetched, and how long they are believed.

use std::time::Duration;

use thiserror::Error;

/// The times of one issuer's keys, within their bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTiming {
    max_refresh: Duration,
    min_refresh: Duration,
    stale_grace: Duration,
    unknown_kid_interval: Duration,
}

impl KeyTiming {
    /// The longest that `max_refresh` may be, and so the longest that a key which the issuer withdrew is believed
    /// while the issuer answers.
    pub const LONGEST_REFRESH: Duration = Duration::from_secs(24 * 60 * 60);
    /// The shortest that `min_refresh` may be.
    pub const SHORTEST_REFRESH: Duration = Duration::from_secs(1);
    /// The longest that `stale_grace` may be.
    pub const LONGEST_GRACE: Duration = Duration::from_secs(24 * 60 * 60);
    /// The shortest that `unknown_kid_interval` may be.
    pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
    /// The longest that `unknown_kid_interval` may be.
    pub const LONGEST_INTERVAL: Duration = Duration::from_secs(5 * 60);

    /// Between which bounds the lifetime that an issuer states for its keys is honoured.
    ///
    /// # Errors
    /// If `min` is below 1 s, `max` is above 24 h, or `min` is above `max`.
    pub fn with_refresh(self, min: Duration, max: Duration) -> Result<Self, TimingError> {
        in_bounds("min_refresh", min, Self::SHORTEST_REFRESH, max)?;
        in_bounds("max_refresh", max, min, Self::LONGEST_REFRESH)?;
        Ok(Self { min_refresh: min, max_refresh: max, ..self })
    }

    /// How long keys are believed beyond their lifetime while no new ones can be had.
    ///
    /// # Errors
    /// If it is above 24 h.
    pub fn with_stale_grace(self, grace: Duration) -> Result<Self, TimingError> {
        in_bounds("stale_grace", grace, Duration::ZERO, Self::LONGEST_GRACE)?;
        Ok(Self { stale_grace: grace, ..self })
    }

    /// How far apart fetches are that tokens with unknown keys cause.
    ///
    /// # Errors
    /// If it is below 1 s or above 5 min.
    pub fn with_unknown_kid_interval(self, interval: Duration) -> Result<Self, TimingError> {
        let (shortest, longest) = (Self::SHORTEST_INTERVAL, Self::LONGEST_INTERVAL);
        in_bounds("unknown_kid_interval", interval, shortest, longest)?;
        Ok(Self { unknown_kid_interval: interval, ..self })
    }

    /// The longest lifetime that is honoured.
    #[must_use]
    pub fn max_refresh(&self) -> Duration {
        self.max_refresh
    }

    /// The shortest lifetime that is honoured.
    #[must_use]
    pub fn min_refresh(&self) -> Duration {
        self.min_refresh
    }

    /// How long keys are believed beyond their lifetime.
    #[must_use]
    pub fn stale_grace(&self) -> Duration {
        self.stale_grace
    }

    /// How far apart fetches for unknown keys are.
    #[must_use]
    pub fn unknown_kid_interval(&self) -> Duration {
        self.unknown_kid_interval
    }
}

impl Default for KeyTiming {
    /// 1 min to 1 h, 1 h of grace, 10 s between fetches for unknown keys.
    fn default() -> Self {
        Self {
            max_refresh: Duration::from_secs(60 * 60),
            min_refresh: Duration::from_secs(60),
            stale_grace: Duration::from_secs(60 * 60),
            unknown_kid_interval: Duration::from_secs(10),
        }
    }
}

/// A time that is out of its bounds.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("`{name}` is {given:?}; expected {least:?} to {most:?}")]
pub struct TimingError {
    name: &'static str,
    given: Duration,
    least: Duration,
    most: Duration,
}

fn in_bounds(
    name: &'static str,
    given: Duration,
    least: Duration,
    most: Duration,
) -> Result<(), TimingError> {
    if (least..=most).contains(&given) {
        Ok(())
    } else {
        Err(TimingError { name, given, least, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_accepted_up_to_their_bounds_and_refused_beyond() {
        let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
        let milli = Duration::from_millis(1);
        let timing = KeyTiming::default();
        let text = |refused: Result<KeyTiming, TimingError>| refused.unwrap_err().to_string();

        assert!(timing.with_refresh(second, day).is_ok());
        assert_eq!(
            text(timing.with_refresh(second - milli, day)),
            "`min_refresh` is 999ms; expected 1s to 86400s"
        );
        assert_eq!(
            text(timing.with_refresh(second, day + milli)),
            "`max_refresh` is 86400.001s; expected 1s to 86400s"
        );
        assert_eq!(
            text(timing.with_refresh(second * 2, second)),
            "`min_refresh` is 2s; expected 1s to 1s"
        );
        assert!(timing.with_stale_grace(Duration::ZERO).is_ok());
        assert!(timing.with_stale_grace(day).is_ok());
        assert_eq!(
            text(timing.with_stale_grace(day + milli)),
            "`stale_grace` is 86400.001s; expected 0ns to 86400s"
        );
        assert!(timing.with_unknown_kid_interval(second).is_ok());
        assert!(timing.with_unknown_kid_interval(second * 300).is_ok());
        assert_eq!(
            text(timing.with_unknown_kid_interval(second - milli)),
            "`unknown_kid_interval` is 999ms; expected 1s to 300s"
        );
        assert_eq!(
            text(timing.with_unknown_kid_interval(second * 300 + milli)),
            "`unknown_kid_interval` is 300.001s; expected 1s to 300s"
        );
    }
}
