//! Rates: how many requests an address, an identity or a route may send. Counted in one place for every door, in this
//! process alone.

mod pace;
mod table;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use gate::route::{Exceeded, Rate, Route};
use gate::spec::RateBy;
use gate::{CanonicalRequest, Identity};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::time::Instant;

use crate::metrics::{Metrics, RateByLabels, RateLabels};
use pace::{Pace, nanos};
use table::{Full, Key, Table};

/// How much of an IPv6 address tells one caller from another: who has a network of its own has a /64 at least, and all
/// the addresses in it.
const IPV6_PREFIX: u32 = 64;

/// Counts requests.
#[derive(Debug)]
pub struct Rates {
    /// What all moments are counted from.
    epoch: Instant,
    secret: Secret,
    addresses: Table,
    identities: Table,
    /// What there are only as many of as the configuration has rates and routes.
    configured: Table,
    exceeded: Family<RateLabels, Counter>,
    overflowed: Family<RateByLabels, Counter>,
}

/// Keeps callers from choosing what they are counted under.
struct Secret(u64);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
enum Whose<'a> {
    Address(IpAddr),
    Identity(&'a Identity),
    /// Everyone for whom there is no room, together.
    Others,
    Route(&'a str),
}

impl Rates {
    /// Counts nothing yet. It keeps at most `most` addresses, and as many identities; `secret` is a random number.
    #[must_use]
    pub fn new(epoch: Instant, most: usize, secret: u64, metrics: &Metrics) -> Self {
        let kept = |by: &'static str| metrics.rate_keys.get_or_create(&RateByLabels { by }).clone();
        Self {
            epoch,
            secret: Secret(secret),
            addresses: Table::new(most, kept(RateBy::Address.name())),
            identities: Table::new(most, kept(RateBy::Identity.name())),
            configured: Table::new(usize::MAX, kept(RateBy::Route.name())),
            exceeded: metrics.rate_limited.clone(),
            overflowed: metrics.rate_overflows.clone(),
        }
    }

    /// Counts a request before anyone knows whose it is: for its address and its route.
    ///
    /// # Errors
    /// The first rate that it came too early for. It then counts for none that come after.
    pub(crate) fn arrive<'a>(
        &self,
        rates: impl Iterator<Item = &'a Arc<Rate>>,
        request: &CanonicalRequest,
        route: Option<&Arc<Route>>,
        now: Instant,
    ) -> Result<(), Exceeded> {
        for rate in rates {
            let whose = match (rate.by(), rate.route(), route) {
                (RateBy::Address, ..) => Whose::Address(request.client()),
                // At a route it counts all that it binds; among the defaults it counts each route by itself.
                (RateBy::Route, Some(name), _) => Whose::Route(name),
                (RateBy::Route, None, Some(route)) => Whose::Route(route.name()),
                (RateBy::Route, None, None) | (RateBy::Identity, ..) => continue,
            };
            self.take(rate, whose, now)?;
        }
        Ok(())
    }

    /// Counts a request for whose it is. Who has shown no credential is counted by address.
    ///
    /// # Errors
    /// The first rate that it came too early for.
    pub(crate) fn identified<'a>(
        &self,
        rates: impl Iterator<Item = &'a Arc<Rate>>,
        request: &CanonicalRequest,
        identity: Option<&Identity>,
        now: Instant,
    ) -> Result<(), Exceeded> {
        let whose = identity.map_or(Whose::Address(request.client()), Whose::Identity);
        rates
            .filter(|rate| rate.by() == RateBy::Identity)
            .try_for_each(|rate| self.take(rate, whose, now))
    }

    fn take(&self, rate: &Arc<Rate>, whose: Whose<'_>, now: Instant) -> Result<(), Exceeded> {
        let (pace, at) = (Pace::of(rate), nanos(now.saturating_duration_since(self.epoch)));
        let table = match whose {
            Whose::Address(_) => &self.addresses,
            Whose::Identity(_) => &self.identities,
            Whose::Others | Whose::Route(_) => &self.configured,
        };
        let taken = match table.take(self.key(rate, whose), pace, at) {
            Ok(taken) => taken,
            // Nobody is forgotten to make room, and nobody goes uncounted: the others share what one of them may send.
            Err(Full) => {
                self.overflowed.get_or_create(&RateByLabels { by: rate.by().name() }).inc();
                let others = self.key(rate, Whose::Others);
                self.configured.take(others, pace, at).unwrap_or(Err(Duration::from_secs(1)))
            }
        };
        taken.map_err(|wait| {
            self.exceeded.get_or_create(&RateLabels { rate: rate.id().to_string() }).inc();
            Exceeded { rate: Arc::clone(rate), wait }
        })
    }

    /// What is counted together: the same caller under the same rate. A rate that changes counts anew.
    fn key(&self, rate: &Rate, whose: Whose<'_>) -> Key {
        let mut context = Context::new(&SHA256);
        let mut put = |bytes: &[u8]| {
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        put(&self.secret.0.to_be_bytes());
        put(rate.id().as_bytes());
        put(rate.by().name().as_bytes());
        put(&rate.requests().to_be_bytes());
        put(&rate.burst().to_be_bytes());
        put(&rate.per().as_nanos().to_be_bytes());
        match whose {
            Whose::Address(IpAddr::V4(address)) => put(&address.octets()),
            Whose::Address(IpAddr::V6(address)) => {
                let network = address.to_bits() >> (128 - IPV6_PREFIX);
                put(&network.to_be_bytes());
            }
            Whose::Identity(identity) => {
                put(identity.issuer().as_bytes());
                put(identity.subject().as_bytes());
            }
            Whose::Others => put(b"others"),
            Whose::Route(name) => {
                put(b"route");
                put(name.as_bytes());
            }
        }
        let digest = context.finish();
        let mut key = Key::default();
        key.iter_mut().zip(digest.as_ref()).for_each(|(byte, from)| *byte = *from);
        key
    }
}

#[cfg(test)]
#[path = "rates_tests.rs"]
mod tests;
