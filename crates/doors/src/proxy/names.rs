//! The names of endpoints: looked up, and looked up again when DNS says that they may have changed.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use ledger::Clock;
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::dial::{At, Dial};
use super::service::Service;
use crate::EndpointOptions;

/// A name is looked up no more often than this, whatever its time to live.
const SHORTEST: Duration = Duration::from_secs(1);
/// A name is looked up at least this often.
const LONGEST: Duration = Duration::from_secs(300);
/// How long the answer of a name server is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long after a failure a name is looked up again.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// The most addresses of one name that are used.
const MAX_ADDRESSES: usize = 256;

/// Looks names up.
#[derive(Clone)]
pub struct Names(TokioResolver);

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

/// Why names cannot be looked up.
#[derive(Debug, Error)]
#[error("names cannot be looked up: {0}")]
pub struct NamesError(#[from] NetError);

impl Names {
    /// Asks `servers`, or those of the machine without any.
    ///
    /// # Errors
    /// When the machine's own settings (`/etc/resolv.conf`) cannot be read.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, NamesError> {
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = servers.iter().map(|server| {
                let mut ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                ways.iter_mut().for_each(|way| way.port = server.port());
                NameServerConfig::new(server.ip(), true, ways.to_vec())
            });
            let config = ResolverConfig::from_name_servers(servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        // Who asks again by itself need not ask twice.
        (builder.options_mut().timeout, builder.options_mut().attempts) = (ANSWER_WITHIN, 1);
        // Of a machine that has both, one address is enough: were each an endpoint, it would be given twice its share.
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        Ok(Self(builder.build()?))
    }

    /// The addresses that a name stands for, in order: those that a service with this name has as its endpoints.
    ///
    /// # Errors
    /// When no name server knows any.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, NamesError> {
        Ok(self.look_up(host).await?.0)
    }

    /// The addresses that a name stands for, in order, and until when it says so.
    async fn look_up(&self, host: &str) -> Result<(Vec<IpAddr>, Instant), NetError> {
        let found = self.0.lookup_ip(host).await?;
        let mut addresses: Vec<_> = found.iter().take(MAX_ADDRESSES).collect();
        addresses.sort();
        addresses.dedup();
        Ok((addresses, Instant::from_std(found.valid_until())))
    }
}

/// Gives a service the endpoints that its names stand for, for as long as it is polled. A name that cannot be looked up
/// goes on standing for what it stood for last. Ends at once for a service without names.
pub async fn follow_names(service: Arc<Service>, names: Names, clock: Arc<dyn Clock>) {
    let options = service.options().endpoints.clone();
    let named = |one: &EndpointOptions| matches!(one.dial.at, At::Name(..));
    if !options.iter().any(named) {
        return;
    }
    let mut found: BTreeMap<usize, Vec<IpAddr>> = BTreeMap::new();
    loop {
        let mut lookups = JoinSet::new();
        for (index, one) in options.iter().enumerate() {
            if let At::Name(host, _) = &one.dial.at {
                let (names, host) = (names.clone(), host.clone());
                lookups.spawn(async move { (index, names.look_up(&host).await, host) });
            }
        }
        let before = found.clone();
        let mut again = Instant::now() + LONGEST;
        while let Some(Ok((index, answer, host))) = lookups.join_next().await {
            match answer {
                Ok((addresses, until)) => {
                    found.insert(index, addresses);
                    again = again.min(until);
                }
                Err(error) => {
                    let name = service.options().name.as_str();
                    tracing::warn!(%error, service = name, host, "a name could not be looked up");
                    service.counts(|metrics| &metrics.name_lookup_failures);
                    again = again.min(Instant::now() + AFTER_FAILURE);
                }
            }
        }
        if found != before {
            service.has_endpoints(&spread(&options, &found), clock.now());
        }
        sleep_until(again.max(Instant::now() + SHORTEST)).await;
    }
}

/// The endpoints that `options` stand for, names by the addresses that were found for them.
fn spread(
    options: &[EndpointOptions],
    found: &BTreeMap<usize, Vec<IpAddr>>,
) -> Vec<EndpointOptions> {
    let mut all: Vec<EndpointOptions> = Vec::new();
    for (index, one) in options.iter().enumerate() {
        let (At::Name(_, port), Some(addresses)) = (&one.dial.at, found.get(&index)) else {
            all.push(one.clone());
            continue;
        };
        for address in addresses {
            let at = At::Address(SocketAddr::new(*address, *port));
            // Two names may stand for one machine.
            if !all.iter().any(|other| other.dial.at == at) {
                let dial = Dial { at, ..one.dial.clone() };
                all.push(EndpointOptions { dial, weight: one.weight });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(options: &[EndpointOptions]) -> Vec<String> {
        options.iter().map(|one| format!("{}*{}", one.dial.name(), one.weight)).collect()
    }

    #[test]
    fn each_address_of_a_name_is_an_endpoint_and_each_is_there_once() {
        let one = |host: &str, weight| EndpointOptions { dial: Dial::plain(host, 80), weight };
        let options = [one("a", 2), one("b", 1), one("c", 3)];
        let address = |last: u8| IpAddr::from([10, 0, 0, last]);
        let found = BTreeMap::from([(0, vec![address(1), address(2)]), (2, vec![address(2)])]);
        assert_eq!(shown(&spread(&options, &BTreeMap::new())), ["a:80*2", "b:80*1", "c:80*3"]);
        assert_eq!(shown(&spread(&options, &found)), ["10.0.0.1:80*2", "10.0.0.2:80*2", "b:80*1"]);
    }
}
