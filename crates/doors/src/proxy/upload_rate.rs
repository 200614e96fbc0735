//! How fast an upload must come: a caller that trickles holds what it was given without end.

use std::time::Duration;

use tokio::time::Instant;

/// Over how much waiting the pace is averaged. The first of it is the caller's grace.
const WINDOW: Duration = Duration::from_secs(10);

/// The pace of one upload. Time in which its service does not take what came is not the caller's.
#[derive(Debug)]
pub(crate) struct UploadRate {
    /// The least bytes in a window.
    least: u64,
    /// How long it was waited for in this window.
    waited: Duration,
    /// Since when it is waited for and not yet counted.
    since: Option<Instant>,
    /// The bytes that came in this window.
    came: u64,
}

impl UploadRate {
    /// At least `rate` bytes per second; none when any pace will do.
    pub(crate) fn at_least(rate: u64) -> Option<Self> {
        let least = rate.saturating_mul(WINDOW.as_secs());
        (least != 0).then_some(Self { least, waited: Duration::ZERO, since: None, came: 0 })
    }

    /// Bytes came.
    pub(crate) fn came(&mut self, bytes: usize, now: Instant) {
        self.count(now);
        self.since = None;
        self.came = self.came.saturating_add(bytes as u64);
    }

    /// Nothing is there yet; says whether that has gone on for too long.
    pub(crate) fn is_too_slow(&mut self, now: Instant) -> bool {
        self.count(now);
        self.since = Some(now);
        if self.waited < WINDOW {
            return false;
        }
        let slow = self.came < self.least;
        (self.waited, self.came) = (Duration::ZERO, 0);
        slow
    }

    fn count(&mut self, now: Instant) {
        if let Some(since) = self.since {
            self.waited += now.saturating_duration_since(since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u64 = 100;

    /// Whether an upload is too slow of which `bytes` come every second for a minute, `taken` later each.
    async fn is_cut(bytes: usize, taken: Duration) -> bool {
        let start = Instant::now();
        let mut rate = UploadRate::at_least(RATE).unwrap();
        let mut now = start;
        for _ in 0..60 {
            if rate.is_too_slow(now) {
                return true;
            }
            now += Duration::from_secs(1);
            rate.came(bytes, now);
            now += taken;
        }
        false
    }

    #[tokio::test]
    async fn the_least_pace_is_enough_and_a_byte_less_is_not() {
        assert!(!is_cut(100, Duration::ZERO).await);
        assert!(is_cut(99, Duration::ZERO).await);
    }

    #[tokio::test]
    async fn what_the_service_takes_its_time_for_is_not_the_callers() {
        assert!(!is_cut(100, Duration::from_secs(30)).await);
    }

    #[tokio::test]
    async fn a_burst_does_not_pay_for_the_windows_after_it() {
        let mut rate = UploadRate::at_least(RATE).unwrap();
        let start = Instant::now();
        rate.came(1_000_000, start);
        assert!(!rate.is_too_slow(start));
        assert!(!rate.is_too_slow(start + WINDOW));
        assert!(rate.is_too_slow(start + WINDOW * 2));
    }

    #[test]
    fn a_rate_of_zero_is_none() {
        assert!(UploadRate::at_least(0).is_none());
    }
}
