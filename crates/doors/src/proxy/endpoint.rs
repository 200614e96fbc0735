//! One address of a service: whether it takes requests at the moment, and how many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokens::Timestamp;

use super::dial::Dial;
use crate::EndpointOptions;

/// How long an endpoint rests after its first failure; doubled with each further one.
const FIRST_REST: Duration = Duration::from_millis(500);
/// How long an endpoint rests at most.
const LONGEST_REST: Duration = Duration::from_secs(10);
/// The part of its share, in thousandths, that an endpoint which has just come up begins with.
const LEAST_SHARE: u64 = 100;
/// All of its share, in thousandths.
const WHOLE_SHARE: u64 = 1000;

/// An endpoint, shared by all data threads.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// What its connections are kept under. Another endpoint has another, though it be at the same address: services may
    /// differ in whom they believe and what they show, and so may one service before and after a reload.
    pub(crate) id: EndpointId,
    pub(crate) dial: Dial,
    /// `host:port` or the path of its socket, for records.
    pub(crate) name: Arc<str>,
    /// How much it is given, beside the others.
    weight: u32,
    /// What the probes say; true until enough of them have failed.
    healthy: AtomicBool,
    /// Probes in a row that say otherwise.
    dissent: AtomicU32,
    /// Rests in a row, without a good answer between them.
    rests: AtomicU32,
    /// Bad answers in a row.
    strikes: AtomicU32,
    rests_until: AtomicU64,
    /// Since when it is up; zero for as long as it has been known.
    up_since: AtomicU64,
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
    /// One that is up, with all of its share.
    pub(crate) fn new(dial: Dial, weight: u32, up: Gauge) -> Self {
        up.set(1);
        Self {
            id: EndpointId::next(),
            name: dial.name().into(),
            dial,
            weight,
            healthy: AtomicBool::new(true),
            dissent: AtomicU32::new(0),
            rests: AtomicU32::new(0),
            strikes: AtomicU32::new(0),
            rests_until: AtomicU64::new(0),
            up_since: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
            up,
        }
    }

    /// The same, but new at `now` among others: its share has yet to grow.
    pub(crate) fn joining(self, now: Timestamp) -> Self {
        self.up_since.store(now.as_millis(), Ordering::Relaxed);
        self
    }

    /// Whether it is what `options` ask for. An address that stands for another name is asked by that, and must prove it.
    pub(crate) fn is(&self, options: &EndpointOptions) -> bool {
        let (its, asked) = (&self.dial, &options.dial);
        its.at == asked.at && its.authority == asked.authority && self.weight == options.weight
    }

    /// Whether it should be given requests at `now`.
    pub(crate) fn is_up(&self, now: Timestamp) -> bool {
        self.down(now).is_none()
    }

    /// Why it should be given none at `now`, in words, if it should not.
    pub(crate) fn down(&self, now: Timestamp) -> Option<&'static str> {
        match (self.healthy.load(Ordering::Relaxed), self.rests(now)) {
            (false, _) => Some("fails its checks"),
            (true, true) => Some("left alone for failing"),
            (true, false) => None,
        }
    }

    /// Whether it is left alone at `now` for what it did before.
    pub(crate) fn rests(&self, now: Timestamp) -> bool {
        now.as_millis() < self.rests_until.load(Ordering::Relaxed)
    }

    /// How much of the requests it is given at `now`, beside the others: its weight, in thousandths, of which it has a
    /// tenth when it comes up and all of it after `slow_start`.
    pub(crate) fn share(&self, now: Timestamp, slow_start: Duration) -> u64 {
        let up_for = now.as_millis().saturating_sub(self.up_since.load(Ordering::Relaxed));
        let grown = (up_for.saturating_mul(WHOLE_SHARE))
            .checked_div(u64::try_from(slow_start.as_millis()).unwrap_or(u64::MAX))
            .unwrap_or(WHOLE_SHARE);
        u64::from(self.weight) * grown.clamp(LEAST_SHARE, WHOLE_SHARE)
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

    /// It could not be reached, or broke off before it answered: it rests.
    pub(crate) fn failed(&self, now: Timestamp) {
        let rests = self.rests.fetch_add(1, Ordering::Relaxed).min(16);
        let rest = FIRST_REST.saturating_mul(1 << rests).min(LONGEST_REST);
        let until = now.plus(rest).as_millis();
        self.rests_until.store(until, Ordering::Relaxed);
        self.up_since.store(until, Ordering::Relaxed);
        self.up.set(0);
    }

    /// It answered badly or too late; tells whether it has done so `limit` times in a row, which is a reason to rest.
    pub(crate) fn strikes(&self, limit: u32) -> bool {
        self.strikes.fetch_add(1, Ordering::Relaxed).saturating_add(1) >= limit
    }

    /// It answered well.
    pub(crate) fn answered(&self) {
        if self.strikes.load(Ordering::Relaxed) != 0 {
            self.strikes.store(0, Ordering::Relaxed);
        }
        if self.rests.load(Ordering::Relaxed) != 0 {
            self.rests.store(0, Ordering::Relaxed);
            self.rests_until.store(0, Ordering::Relaxed);
            self.up.set(i64::from(self.healthy.load(Ordering::Relaxed)));
        }
    }

    /// A probe says at `now` how it is. `fall` in a row that fail take it out, `rise` that succeed take it back; tells
    /// whether it was taken out or back.
    pub(crate) fn probed(&self, well: bool, (fall, rise): (u32, u32), now: Timestamp) -> bool {
        let mut changed = false;
        if well {
            self.answered();
        }
        if well == self.healthy.load(Ordering::Relaxed) {
            self.dissent.store(0, Ordering::Relaxed);
        } else {
            let dissent = self.dissent.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            if dissent >= if well { rise } else { fall } {
                self.dissent.store(0, Ordering::Relaxed);
                self.healthy.store(well, Ordering::Relaxed);
                self.up_since.store(now.as_millis(), Ordering::Relaxed);
                changed = true;
            }
        }
        let up = self.healthy.load(Ordering::Relaxed) && self.rests.load(Ordering::Relaxed) == 0;
        self.up.set(i64::from(up));
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint::new(Dial::plain("127.0.0.1", 9001), 1, Gauge::default())
    }

    #[test]
    fn a_failing_endpoint_rests_longer_each_time_and_an_answer_wakes_it() {
        let endpoint = endpoint();
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
    fn bad_answers_in_a_row_are_a_reason_to_rest_and_a_good_one_forgives_them() {
        let endpoint = endpoint();
        assert!(!endpoint.strikes(3) && !endpoint.strikes(3));
        endpoint.answered();
        assert!(!endpoint.strikes(3) && !endpoint.strikes(3) && endpoint.strikes(3));
        assert!(endpoint.strikes(3), "and the next as well, until one is good");
    }

    #[test]
    fn as_many_probes_as_were_asked_for_take_it_out_and_back() {
        let now = Timestamp::from_secs(100);
        let endpoint = endpoint();
        let mut up = true;
        let mut probe = |well| {
            let changed = endpoint.probed(well, (2, 3), now);
            let before = std::mem::replace(&mut up, endpoint.is_up(Timestamp::MAX));
            assert_eq!(changed, before != up);
            up
        };
        assert_eq!([false, true, false, false].map(&mut probe), [true, true, true, false]);
        assert_eq!([true, true, false].map(&mut probe), [false, false, false]);
        assert_eq!([true, true, true].map(&mut probe), [false, false, true]);
    }

    #[test]
    fn an_answer_does_not_overrule_the_probes() {
        let endpoint = endpoint();
        endpoint.probed(false, (1, 1), Timestamp::from_secs(1));
        endpoint.answered();
        assert!(!endpoint.is_up(Timestamp::MAX));
    }

    #[test]
    fn the_share_of_one_that_comes_up_grows_to_its_weight() {
        let slow = Duration::from_secs(10);
        let now = Timestamp::from_secs(100);
        let share = |endpoint: &Endpoint, after: u64| {
            endpoint.share(now.plus(Duration::from_secs(after)), slow)
        };
        let known = Endpoint::new(Dial::plain("a", 1), 3, Gauge::default());
        assert_eq!(share(&known, 0), 3000);
        let joining = Endpoint::new(Dial::plain("a", 1), 3, Gauge::default()).joining(now);
        assert_eq!(
            [0, 1, 5, 10, 100].map(|after| share(&joining, after)),
            [300, 300, 1500, 3000, 3000]
        );
        assert_eq!(joining.share(now, Duration::ZERO), 3000, "without slow start");
        // After a rest and after probes it comes up anew.
        known.failed(now);
        assert_eq!(known.share(now.plus(Duration::from_millis(500)), slow), 300);
        let probed = endpoint();
        probed.probed(false, (1, 1), now);
        probed.probed(true, (1, 1), now);
        assert_eq!(share(&probed, 5), 500);
    }
}
