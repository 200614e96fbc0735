//! The keys of all pinned issuers, across reloads of the configuration.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use egress::Egress;

use super::issuer::{IssuerKeys, Running};
use super::options::IssuerKeyOptions;
use crate::Clock;

/// Starts the keys of issuers, and finds again those that run.
#[derive(Debug)]
pub struct KeyRings {
    egress: Arc<Egress>,
    clock: Arc<dyn Clock>,
    jitter_seed: u64,
    /// Those handed out; one lives as long as somebody holds its handle.
    running: Mutex<Vec<Weak<Running>>>,
}

impl KeyRings {
    /// Keys fetched through `egress` at the times of `clock`; `jitter_seed` is a random number that keeps the fetches of
    /// many gates apart.
    #[must_use]
    pub fn new(egress: Arc<Egress>, clock: Arc<dyn Clock>, jitter_seed: u64) -> Self {
        Self { egress, clock, jitter_seed, running: Mutex::default() }
    }

    /// The keys of these issuers, in the same order. Where keys under equal options are running, it is those, without a
    /// fetch; the others are started. Whatever nobody holds a handle of any more has stopped. To be called within a
    /// tokio runtime, which will run the tasks.
    #[must_use]
    pub fn reconcile(&self, wanted: Vec<IssuerKeyOptions>) -> Vec<IssuerKeys> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known: Vec<_> = running.iter().filter_map(IssuerKeys::upgrade).collect();
        let mut handles = Vec::with_capacity(wanted.len());
        for (index, options) in wanted.into_iter().enumerate() {
            let handle = known.iter().find(|keys| *keys.options() == options).cloned();
            let handle = handle.unwrap_or_else(|| {
                let seed = self.jitter_seed.wrapping_add(index as u64);
                let started = IssuerKeys::start(options, &self.egress, &self.clock, seed);
                known.push(started.clone());
                started
            });
            handles.push(handle);
        }
        *running = known.iter().map(IssuerKeys::downgrade).collect();
        handles
    }
}
