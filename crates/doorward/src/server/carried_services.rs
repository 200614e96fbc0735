//! Services from one model to the next: one that is asked for again as it was keeps its connections, and what is known of
//! its endpoints.

use std::net::SocketAddr;
use std::sync::Arc;

use doors::Metrics;
use doors::proxy::{Names, Service, follow_names, probe};
use ledger::Clock;
use tokio::task::AbortHandle;

use super::AssemblyError;
use super::upstream::{UpstreamFiles, service_options};
use crate::config::{self, Config};

/// The services of the model in force, and what looks up the names of their endpoints.
#[derive(Debug, Default)]
pub(super) struct CarriedServices {
    services: Vec<CarriedService>,
    names: Option<(Vec<SocketAddr>, Option<Names>)>,
}

/// A service, and what it was made from.
#[derive(Debug)]
struct CarriedService {
    service: Arc<Service>,
    upstream: config::Upstream,
    files: UpstreamFiles,
    _tasks: [Task; 2],
}

/// A task that ends with its handle.
#[derive(Debug)]
struct Task(AbortHandle);

impl Task {
    fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl CarriedServices {
    /// The services of a configuration, in the order of the gate's specification. Those that it has no more go, and with
    /// them what probes them.
    pub(super) fn assemble(
        &mut self,
        config: &Config,
        metrics: &Metrics,
        clock: &Arc<dyn Clock>,
    ) -> Result<Vec<Arc<Service>>, AssemblyError> {
        // All that can fail comes first: what is in force keeps its services then.
        let mut wanted = Vec::with_capacity(config.gate.services.len());
        for service in &config.gate.services {
            let Some(upstream) = config.services.get(&service.name) else { continue };
            let files = UpstreamFiles::read(upstream)?;
            wanted.push((service_options(&service.name, upstream, &files)?, upstream, files));
        }
        let names = self.names(config);
        let services = wanted.into_iter().map(|(options, upstream, files)| {
            let same = self.services.iter().position(|carried| {
                carried.service.options().name == options.name
                    && carried.upstream == *upstream
                    && carried.files == files
            });
            if let Some(position) = same {
                return self.services.swap_remove(position);
            }
            let service = Arc::new(Service::new(options, metrics));
            let probing = probe(Arc::clone(&service), Arc::clone(clock));
            let following = following(Arc::clone(&service), names.clone(), clock);
            let _tasks = [Task::spawn(probing), Task::spawn(following)];
            CarriedService { service, upstream: upstream.clone(), files, _tasks }
        });
        self.services = services.collect();
        Ok(self.services.iter().map(|carried| Arc::clone(&carried.service)).collect())
    }

    /// What looks names up. When other servers are asked from now on, the services start anew.
    fn names(&mut self, config: &Config) -> Option<Names> {
        match &self.names {
            Some((servers, names)) if *servers == config.dns_servers => names.clone(),
            _ => {
                let names = Names::new(&config.dns_servers).inspect_err(|error| {
                    tracing::warn!(%error, "each connection looks its endpoint's name up itself");
                });
                self.services.clear();
                let (_, names) = self.names.insert((config.dns_servers.clone(), names.ok()));
                names.clone()
            }
        }
    }
}

fn following(
    service: Arc<Service>,
    names: Option<Names>,
    clock: &Arc<dyn Clock>,
) -> impl Future<Output = ()> + Send + 'static {
    let clock = Arc::clone(clock);
    async move {
        if let Some(names) = names {
            follow_names(service, names, clock).await;
        }
    }
}
