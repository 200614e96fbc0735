//! A service as the proxy reaches it: its endpoints in turn, those that are down passed over.

use std::sync::Arc;

use http::uri::Scheme;
use tokens::Timestamp;

use super::endpoint::Endpoint;
use crate::metrics::{EndpointLabels, Metrics};
use crate::model::ServiceOptions;

/// A service, shared by all data threads.
#[derive(Debug)]
pub struct Service {
    pub(crate) options: ServiceOptions,
    pub(crate) endpoints: Vec<Arc<Endpoint>>,
}

impl Service {
    /// A service with all its endpoints taken for up.
    #[must_use]
    pub fn new(options: ServiceOptions, metrics: &Metrics) -> Self {
        let endpoints = options.endpoints.iter().map(|dial| {
            let labels = EndpointLabels { service: options.name.clone(), endpoint: dial.name() };
            let up = metrics.endpoint_up.get_or_create(&labels).clone();
            Arc::new(Endpoint::new(dial.clone(), up))
        });
        Self { endpoints: endpoints.collect(), options }
    }

    /// How it is reached.
    #[must_use]
    pub const fn options(&self) -> &ServiceOptions {
        &self.options
    }

    /// Whether HTTP/2 is spoken with it.
    pub(crate) fn speaks_http2(&self) -> bool {
        self.http2_scheme().is_some()
    }

    /// The scheme to ask it with, if HTTP/2 is spoken with it. All its endpoints have the same.
    pub(crate) fn http2_scheme(&self) -> Option<Scheme> {
        let dial = &self.options.endpoints.first().filter(|dial| dial.http2)?;
        Some(if dial.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP })
    }

    /// How many of its endpoints take requests at `now`, and how many there are.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> (usize, usize) {
        let up = self.endpoints.iter().filter(|endpoint| endpoint.is_up(now)).count();
        (up, self.endpoints.len())
    }

    /// The endpoints in the order in which to try them: first the one of two, drawn by `chance`, that has fewer requests
    /// under way; those that are up before those that are not. When none is up all are tried: a wrong guess about health
    /// must not be worse than no guess.
    ///
    /// Two drawn at random spread load nearly as well as comparing all, and a slow endpoint is given less (Mitzenmacher,
    /// "The Power of Two Choices in Randomized Load Balancing", 2001).
    pub(crate) fn in_order(&self, now: Timestamp, chance: u64) -> Vec<&Arc<Endpoint>> {
        let (mut order, mut last): (Vec<_>, Vec<_>) =
            self.endpoints.iter().partition(|endpoint| endpoint.is_up(now));
        if order.is_empty() {
            std::mem::swap(&mut order, &mut last);
        }
        if let Some(first) = drawn_least_busy(&order, chance) {
            order.swap(0, first);
        }
        order.append(&mut last);
        order
    }
}

/// Of two endpoints drawn by `chance`, the place of the one with fewer requests under way.
fn drawn_least_busy(endpoints: &[&Arc<Endpoint>], chance: u64) -> Option<usize> {
    let count = u32::try_from(endpoints.len()).ok()?;
    let (high, low) = ((chance >> 32) as u32, chance as u32);
    let one = low.checked_rem(count)?;
    // Another than the first, where there is one.
    let step = high.checked_rem(count - 1).map_or(0, |step| step + 1);
    let other = (one + step) % count;
    let load = |place: u32| endpoints.get(place as usize).map(|endpoint| endpoint.under_way());
    let least = if load(other) < load(one) { other } else { one };
    Some(least as usize)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::registry::Registry;

    use super::*;
    use crate::proxy::Dial;

    fn service() -> Service {
        let options = ServiceOptions {
            name: "orders".into(),
            endpoints: ["a", "b", "c"].map(|host| Dial::plain(host, 1)).to_vec(),
            health: None,
            connect_timeout: Duration::from_secs(1),
            first_byte_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            max_connections: 1,
            max_pending: 1,
        };
        Service::new(options, &Metrics::new(&mut Registry::default()))
    }

    fn order(service: &Service, chance: u64) -> String {
        let order = service.in_order(Timestamp::from_secs(1), chance);
        order.iter().map(|endpoint| endpoint.dial.host.as_str()).collect()
    }

    /// Every pair that can be drawn of three.
    fn chances() -> impl Iterator<Item = u64> {
        (0..3).flat_map(|one| (0..2).map(move |step| step << 32 | one))
    }

    #[test]
    fn of_two_that_are_drawn_the_one_with_fewer_requests_comes_first() {
        let service = service();
        let firsts = |service: &Service| -> Vec<String> {
            let mut firsts: Vec<_> =
                chances().map(|chance| order(service, chance).chars().take(1).collect()).collect();
            firsts.sort();
            firsts
        };
        assert_eq!(firsts(&service), ["a", "a", "b", "b", "c", "c"], "all alike, each as often");
        let one = service.endpoints[0].begin();
        assert!(!firsts(&service).contains(&"a".to_owned()), "the busiest is never chosen");
        let [b, c] = [1, 2].map(|place| [0, 1].map(|_| service.endpoints[place].begin()));
        assert!(firsts(&service).iter().filter(|first| *first == "a").count() == 4);
        drop((one, b, c));
        assert_eq!(firsts(&service), ["a", "a", "b", "b", "c", "c"]);
    }

    #[test]
    fn those_that_are_down_come_last_and_all_are_tried_when_none_is_up() {
        let service = service();
        let now = Timestamp::from_secs(1);
        service.endpoints[2].failed(now);
        assert_eq!(service.standing(now), (2, 3));
        for chance in chances() {
            let order = order(&service, chance);
            assert!(order.ends_with('c') && order.len() == 3, "{order}");
        }
        service.endpoints.iter().for_each(|endpoint| endpoint.failed(now));
        assert!(chances().all(|chance| order(&service, chance).len() == 3));
    }
}
