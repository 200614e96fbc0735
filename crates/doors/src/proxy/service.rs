//! A service as the proxy reaches it: its endpoints in turn, those that are down passed over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    next: AtomicUsize,
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
        Self { endpoints: endpoints.collect(), options, next: AtomicUsize::new(0) }
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

    /// The endpoints in the order in which to try them: in turn, those that are up before those that are not. When
    /// none is up all are tried: a wrong guess about health must not be worse than no guess.
    pub(crate) fn in_turn(&self, now: Timestamp) -> impl Iterator<Item = &Arc<Endpoint>> {
        let count = self.endpoints.len();
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let turn = move |offset: usize| self.endpoints.get((start + offset) % count.max(1));
        let up = (0..count).filter_map(turn).filter(move |endpoint| endpoint.is_up(now));
        let down = (0..count).filter_map(turn).filter(move |endpoint| !endpoint.is_up(now));
        up.chain(down)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::registry::Registry;

    use super::*;
    use crate::proxy::Dial;

    #[test]
    fn endpoints_take_turns_and_those_that_are_down_come_last() {
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
        let service = Service::new(options, &Metrics::new(&mut Registry::default()));
        let now = Timestamp::from_secs(1);
        let order =
            || service.in_turn(now).map(|endpoint| endpoint.dial.host.clone()).collect::<String>();
        assert_eq!([order(), order(), order(), order()], ["abc", "bca", "cab", "abc"]);
        service.endpoints[2].failed(now);
        assert_eq!([order(), order()], ["bac", "abc"]);
        assert_eq!(service.standing(now), (2, 3));
        service.endpoints.iter().for_each(|endpoint| endpoint.failed(now));
        assert_eq!(order().len(), 3);
    }
}
