//! How fast bytes must go: a caller that trickles, or takes what it is sent in trickles, holds what it was given without
//! end.

use std::time::Duration;

use tokio::time::Instant;

/// Over how much waiting the pace of an upload is averaged. The first of it is the caller's grace.
pub(crate) const UPLOAD_WINDOW: Duration = Duration::from_secs(10);
/// Over how much waiting the pace is averaged at which a caller takes answers. The system takes more in pieces of about half
/// of what it keeps unsent: a caller of 1 KiB per second takes one piece in 16 s.
pub(crate) const ANSWER_WINDOW: Duration = Duration::from_secs(20);

/// The pace of bytes that are waited for. Time in which nobody waits for the caller is not the caller's.
#[derive(Debug)]
pub(crate) struct LeastRate {
    window: Duration,
    /// The least bytes in a window.
    least: u64,
    /// How long it was waited for in this window.
    waited: Duration,
    /// Since when it is waited for and not yet counted.
    since: Option<Instant>,
    /// The bytes that came in this window.
    came: u64,
}

impl LeastRate {
    /// At least `rate` bytes per second; none when any pace will do.
    pub(crate) fn at_least(rate: u64, window: Duration) -> Option<Self> {
        let least = rate.saturating_mul(window.as_secs());
        (least != 0).then_some(Self { window, least, waited: Duration::ZERO, since: None, came: 0 })
    }

    /// Bytes came, or were taken.
    pub(crate) fn came(&mut self, bytes: usize, now: Instant) {
        self.count(now);
        self.since = None;
        self.came = self.came.saturating_add(bytes as u64);
    }

    /// The caller is waited for; says whether that has gone on for too long.
    pub(crate) fn is_too_slow(&mut self, now: Instant) -> bool {
        self.count(now);
        self.since = Some(now);
        if self.waited < self.window {
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
        let mut rate = LeastRate::at_least(RATE, UPLOAD_WINDOW).unwrap();
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
        let mut rate = LeastRate::at_least(RATE, UPLOAD_WINDOW).unwrap();
        let start = Instant::now();
        rate.came(1_000_000, start);
        assert!(!rate.is_too_slow(start));
        assert!(!rate.is_too_slow(start + UPLOAD_WINDOW));
        assert!(rate.is_too_slow(start + UPLOAD_WINDOW * 2));
    }

    #[test]
    fn a_rate_of_zero_is_none() {
        assert!(LeastRate::at_least(0, UPLOAD_WINDOW).is_none());
    }
}
