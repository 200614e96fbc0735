//! A service as the proxy reaches it: which endpoint a request goes to, and which next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use http::uri::Scheme;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokens::Timestamp;

use super::endpoint::Endpoint;
use crate::metrics::{EndpointLabels, Metrics, ServiceLabels};
use crate::{EndpointOptions, ServiceOptions};

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;

/// So many requests may be sent again at a time, however few are under way.
const LEAST_RETRIES: usize = 3;

/// A service, shared by all data threads.
#[derive(Debug)]
pub struct Service {
    pub(crate) options: ServiceOptions,
    /// Those that it has now: names in its options may stand for others tomorrow.
    endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    /// Requests that were sent again and are not answered yet.
    retrying: AtomicUsize,
    metrics: Metrics,
}

/// How an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointStanding {
    /// Its name, as in records.
    pub name: Arc<str>,
    /// Requests under way at it.
    pub under_way: usize,
    /// Why it is given no requests, if it is not.
    pub down: Option<&'static str>,
}

/// A request that is being sent again, within the service's budget.
#[derive(Debug)]
pub(crate) struct Retrying(Arc<Service>);

impl Drop for Retrying {
    fn drop(&mut self) {
        self.0.retrying.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Service {
    /// A service with all its endpoints taken for up.
    #[must_use]
    pub fn new(options: ServiceOptions, metrics: &Metrics) -> Self {
        let service = Self {
            endpoints: ArcSwap::default(),
            retrying: AtomicUsize::new(0),
            metrics: metrics.clone(),
            options,
        };
        let endpoints = service.options.endpoints.iter().map(|one| Arc::new(service.endpoint(one)));
        service.endpoints.store(Arc::new(endpoints.collect()));
        service
    }

    fn endpoint(&self, options: &EndpointOptions) -> Endpoint {
        let up = self.metrics.endpoint_up.get_or_create(&self.labels(&options.dial.name())).clone();
        Endpoint::new(options.dial.clone(), options.weight, up)
    }

    fn labels(&self, endpoint: &str) -> EndpointLabels {
        EndpointLabels { service: self.options.name.clone(), endpoint: endpoint.to_owned() }
    }

    /// How it is reached.
    #[must_use]
    pub const fn options(&self) -> &ServiceOptions {
        &self.options
    }

    /// The endpoints that it has now.
    pub(crate) fn endpoints(&self) -> Arc<Vec<Arc<Endpoint>>> {
        self.endpoints.load_full()
    }

    /// From `now` on it has these endpoints. Those that it had before stay as they are, and the others are new.
    pub(crate) fn has_endpoints(&self, options: &[EndpointOptions], now: Timestamp) {
        let before = self.endpoints();
        let after = options.iter().map(|one| {
            let same = |known: &&Arc<Endpoint>| known.is(one);
            let known = before.iter().find(same).cloned();
            known.unwrap_or_else(|| Arc::new(self.endpoint(one).joining(now)))
        });
        let after: Vec<_> = after.collect();
        let gone = before.iter().filter(|old| !after.iter().any(|new| new.name == old.name));
        for endpoint in gone {
            self.metrics.endpoint_up.remove(&self.labels(&endpoint.name));
        }
        self.endpoints.store(Arc::new(after));
    }

    /// Counts one more of what is counted for each service.
    pub(crate) fn counts(&self, counted: impl Fn(&Metrics) -> &Family<ServiceLabels, Counter>) {
        let labels = ServiceLabels { service: self.options.name.clone() };
        counted(&self.metrics).get_or_create(&labels).inc();
    }

    /// Whether HTTP/2 is spoken with it.
    pub(crate) fn speaks_http2(&self) -> bool {
        self.http2_scheme().is_some()
    }

    /// The scheme to ask it with, if HTTP/2 is spoken with it. All its endpoints have the same.
    pub(crate) fn http2_scheme(&self) -> Option<Scheme> {
        let dial =
            &self.options.endpoints.first().map(|one| &one.dial).filter(|dial| dial.http2)?;
        Some(if dial.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP })
    }

    /// Its endpoints at `now`, by name: requests under way, and why they take no more, if they do not.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Vec<EndpointStanding> {
        let all = self.endpoints.load();
        let standing = all.iter().map(|endpoint| EndpointStanding {
            name: Arc::clone(&endpoint.name),
            under_way: endpoint.under_way(),
            down: endpoint.down(now),
        });
        standing.collect()
    }

    /// The endpoints in the order in which to try them: first the one of two, drawn by `chance` and their shares, that has
    /// fewer requests under way for its share; those that are up before those that are not. When none is up all are
    /// tried: a wrong guess about health must not be worse than no guess.
    ///
    /// Two drawn at random spread load nearly as well as comparing all, and a slow endpoint is given less (Mitzenmacher,
    /// "The Power of Two Choices in Randomized Load Balancing", 2001).
    pub(crate) fn in_order(&self, now: Timestamp, chance: u64) -> Vec<Arc<Endpoint>> {
        let all = self.endpoints.load();
        if let [only] = all.as_slice() {
            return vec![Arc::clone(only)];
        }
        let (mut order, mut last): (Vec<_>, Vec<_>) =
            all.iter().cloned().partition(|endpoint| endpoint.is_up(now));
        if order.is_empty() {
            std::mem::swap(&mut order, &mut last);
        }
        let shares = |endpoint: &Endpoint| endpoint.share(now, self.options.slow_start);
        if let Some(first) = least_busy_of_two(&order, shares, chance) {
            // Who is next differs with who is first, so that what one cannot do falls to all others alike.
            order.rotate_left(first);
        }
        order.append(&mut last);
        order
    }

    /// An endpoint answered badly or too late at `now`. When it has done so often enough it rests, unless too many do.
    pub(crate) fn answered_badly(&self, endpoint: &Endpoint, now: Timestamp) {
        let ejection = self.options.ejection;
        if ejection.errors == 0 || !endpoint.strikes(ejection.errors) || endpoint.rests(now) {
            return;
        }
        let all = self.endpoints.load();
        let resting = all.iter().filter(|one| one.rests(now)).count();
        if resting < (all.len() * ejection.at_most_percent / 100).max(1) {
            endpoint.failed(now);
        }
    }

    /// The right to send one request again; none when so many are being sent again already that doing it would make
    /// matters worse.
    pub(crate) fn retries(self: &Arc<Self>) -> Option<Retrying> {
        let under_way: usize = self.endpoints.load().iter().map(|one| one.under_way()).sum();
        let percent = self.options.retry.at_most_percent;
        if percent == 0 {
            return None;
        }
        let most = (under_way * percent / 100).max(LEAST_RETRIES);
        if self.retrying.fetch_add(1, Ordering::Relaxed) < most {
            return Some(Retrying(Arc::clone(self)));
        }
        self.retrying.fetch_sub(1, Ordering::Relaxed);
        self.counts(|metrics| &metrics.upstream_retries_refused);
        None
    }
}

/// Of two endpoints drawn by `chance`, each as often as its share is of all, the place of the one with fewer requests
/// under way for its share.
fn least_busy_of_two(
    endpoints: &[Arc<Endpoint>],
    share: impl Fn(&Endpoint) -> u64,
    chance: u64,
) -> Option<usize> {
    let all: u64 = endpoints.iter().map(|endpoint| share(endpoint)).sum();
    let (high, low) = (chance >> 32, chance & u64::from(u32::MAX));
    let one = drawn(endpoints, &share, None, all, low)?;
    let share_of = |place: usize| endpoints.get(place).map_or(1, |endpoint| share(endpoint));
    // Another than the first, where there is one.
    let Some(other) = drawn(endpoints, &share, Some(one), all - share_of(one), high) else {
        return Some(one);
    };
    let load = |place: usize, of: u64| {
        endpoints.get(place).map_or(0, |endpoint| endpoint.under_way() as u64).saturating_mul(of)
    };
    let lighter = load(other, share_of(one)) < load(one, share_of(other));
    Some(if lighter { other } else { one })
}

/// The place at which `chance`, of 2³², falls when the endpoints stand beside each other, each as wide as its share of
/// `all`; `without` one of them.
fn drawn(
    endpoints: &[Arc<Endpoint>],
    share: impl Fn(&Endpoint) -> u64,
    without: Option<usize>,
    all: u64,
    chance: u64,
) -> Option<usize> {
    // Widths are at most a million each: this holds for four thousand endpoints, and is merely uneven beyond.
    let mut at = chance.saturating_mul(all) >> 32;
    let candidates = endpoints.iter().enumerate().filter(|(place, _)| Some(*place) != without);
    let mut last = None;
    for (place, endpoint) in candidates {
        let width = share(endpoint);
        if at < width {
            return Some(place);
        }
        at -= width;
        last = Some(place);
    }
    last
}
