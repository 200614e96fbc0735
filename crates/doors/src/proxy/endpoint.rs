//! One address of a service: whether it takes requests at the moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokens::Timestamp;

use super::dial::Dial;

/// How long an endpoint rests after its first failure; doubled with each further one.
const FIRST_REST: Duration = Duration::from_millis(500);
/// How long an endpoint rests at most.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// An endpoint, shared by all data threads.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// What its connections are kept under. Another endpoint has another, though it be at the same address: services may
    /// differ in whom they believe and what they show, and so may one service before and after a reload.
    pub(crate) id: EndpointId,
    pub(crate) dial: Dial,
    /// `host:port`, for records.
    pub(crate) name: Arc<str>,
    /// What the probes say; true until one fails.
    healthy: AtomicBool,
    failures: AtomicU32,
    rests_until: AtomicU64,
    under_way: AtomicUsize,
    up: Gauge,
}

/// Tells endpoints apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EndpointId(u64);

impl EndpointId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A request under way at an endpoint.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Endpoint>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Endpoint {
    pub(crate) fn new(dial: Dial, up: Gauge) -> Self {
        up.set(1);
        Self {
            id: EndpointId::next(),
            name: dial.name().into(),
            dial,
            healthy: AtomicBool::new(true),
            failures: AtomicU32::new(0),
            rests_until: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
            up,
        }
    }

    /// Whether it should be given requests at `now`.
    pub(crate) fn is_up(&self, now: Timestamp) -> bool {
        self.healthy.load(Ordering::Relaxed)
            && now.as_millis() >= self.rests_until.load(Ordering::Relaxed)
    }

    /// A request is sent to it; it is under way until what this gives is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// How many requests are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// It could not be reached, or broke off before it answered.
    pub(crate) fn failed(&self, now: Timestamp) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
        let rest = FIRST_REST.saturating_mul(1 << failures).min(LONGEST_REST);
        self.rests_until.store(now.plus(rest).as_millis(), Ordering::Relaxed);
        self.up.set(0);
    }

    /// It answered.
    pub(crate) fn answered(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.rests_until.store(0, Ordering::Relaxed);
            self.up.set(i64::from(self.healthy.load(Ordering::Relaxed)));
        }
    }

    /// A probe says how it is.
    pub(crate) fn probed(&self, healthy: bool) {
        self.healthy.store(healthy, Ordering::Relaxed);
        if healthy {
            self.answered();
        }
        self.up.set(i64::from(healthy && self.failures.load(Ordering::Relaxed) == 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_endpoint_rests_longer_each_time_and_an_answer_wakes_it() {
        let endpoint = Endpoint::new(Dial::plain("127.0.0.1", 9001), Gauge::default());
        let mut now = Timestamp::from_secs(100);
        for rest in [500, 1000, 2000, 4000, 8000, 10_000, 10_000] {
            endpoint.failed(now);
            assert!(!endpoint.is_up(now.plus(Duration::from_millis(rest - 1))));
            now = now.plus(Duration::from_millis(rest));
            assert!(endpoint.is_up(now));
        }
        endpoint.failed(now);
        endpoint.answered();
        assert!(endpoint.is_up(now));
    }

    #[test]
    fn a_probe_that_fails_takes_it_out_until_one_succeeds() {
        let endpoint = Endpoint::new(Dial::plain("127.0.0.1", 9001), Gauge::default());
        endpoint.probed(false);
        endpoint.answered();
        assert!(!endpoint.is_up(Timestamp::MAX));
        endpoint.probed(true);
        assert!(endpoint.is_up(Timestamp::MAX));
    }
}
