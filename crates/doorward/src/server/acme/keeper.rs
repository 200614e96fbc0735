//! The task that keeps certificates in force, and what is told of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doors::Metrics;
use doors::proxy::{Obtained, Validity};
use egress::{Destination, Egress, EgressOptions, TrustRoots};
use ledger::Clock;
use tokens::Timestamp;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::cache::Cache;
use super::client::Client;
use super::error::AcmeError;
use super::order::Orders;
use super::schedule::{Chance, LAST_RETRY, LONGEST_RETRY_AFTER, Setback, renewal, retry};
use crate::config;
use crate::entropy::{self, Entropy};

/// How long the task sleeps at most before it looks at the clock again.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// How long after finding another process at it, it is looked whether that one is done.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// How long after a certificate was issued the next may be ordered for the same name, however short its life is.
const BETWEEN_ORDERS: Duration = Duration::from_mins(1);
/// How long one order may take.
const LONGEST_ORDER: Duration = Duration::from_mins(4);
/// How long one request to the server may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Certificates that are kept in force until this is dropped.
#[derive(Debug)]
pub(crate) struct Acme {
    keeper: Arc<Keeper>,
    task: AbortHandle,
}

/// What is known of the certificate for a name.
#[derive(Clone, Debug)]
pub(crate) struct DomainStatus {
    /// The name.
    pub(crate) name: String,
    /// From when until when the certificate holds that is shown, if one is.
    pub(crate) validity: Option<Validity>,
    /// When it is tried next to have a new one.
    pub(crate) due: Timestamp,
    /// How many tries have failed since the last that did not.
    pub(crate) failures: u32,
    /// Why the last try failed.
    pub(crate) error: Option<String>,
}

#[derive(Debug)]
struct Keeper {
    orders: Orders,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    domains: Mutex<Vec<DomainStatus>>,
}

impl Acme {
    /// Shows what is kept already, and orders what is missing. To be called within the control runtime.
    pub(crate) fn start(
        options: config::Acme,
        clock: Arc<dyn Clock>,
        entropy: Entropy,
        metrics: Metrics,
    ) -> Result<Self, AcmeError> {
        let keeper = Arc::new(Keeper::new(options, clock, entropy, metrics)?);
        for name in &keeper.orders.options.domains {
            // A broken file is told of when the task comes to it.
            let _ = keeper.show_kept(name);
        }
        let task = tokio::spawn(Arc::clone(&keeper).keep()).abort_handle();
        Ok(Self { keeper, task })
    }

    /// What it was started with.
    pub(crate) fn options(&self) -> &config::Acme {
        &self.keeper.orders.options
    }

    /// The certificates, as they come and go.
    pub(crate) fn obtained(&self) -> Arc<Obtained> {
        Arc::clone(&self.keeper.orders.obtained)
    }

    /// What is known of each name.
    pub(crate) fn status(&self) -> Vec<DomainStatus> {
        self.keeper.domains.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Acme {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl DomainStatus {
    fn unknown(name: &str) -> Self {
        let due = Timestamp::default();
        Self { name: name.to_owned(), validity: None, due, failures: 0, error: None }
    }
}

/// What a look at a name came to.
enum Outcome {
    /// Another process is ordering.
    Busy,
    /// What is kept is good for some time.
    Kept(Validity),
    /// A certificate was issued.
    Issued(Validity),
}

impl Keeper {
    fn new(
        options: config::Acme,
        clock: Arc<dyn Clock>,
        entropy: Entropy,
        metrics: Metrics,
    ) -> Result<Self, AcmeError> {
        let directory = Destination::configured(&options.directory)
            .map_err(|_| AcmeError::Directory(options.directory.clone()))?;
        let ca = options.ca.clone();
        let egress = Egress::new(EgressOptions {
            ca: ca.map_or(TrustRoots::System, |path| TrustRoots::Files(vec![path])),
            total_timeout: REQUEST_TIMEOUT,
            ..EgressOptions::default()
        })?;
        let cache = Cache::open(&options.cache, &directory)?;
        let client = Client::new(Arc::new(egress), directory, Arc::clone(&clock));
        let obtained = Arc::new(Obtained::default());
        let domains =
            Mutex::new(options.domains.iter().map(|name| DomainStatus::unknown(name)).collect());
        let orders = Orders { options, cache, client, obtained, entropy };
        Ok(Self { orders, clock, metrics, domains })
    }

    async fn keep(self: Arc<Self>) {
        loop {
            for name in self.due() {
                self.attend(&name).await;
            }
            let next = {
                let domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
                domains.iter().map(|domain| domain.due).min().unwrap_or_default()
            };
            sleep(next.since(self.clock.now()).min(LONGEST_SLEEP)).await;
        }
    }

    /// The names that something is to be done about. If the clock was put back, what was put off by the old time is due.
    fn due(&self) -> Vec<String> {
        let now = self.clock.now();
        let longest = LONGEST_RETRY_AFTER.saturating_add(LAST_RETRY);
        let domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
        let due = domains.iter().filter(|domain| {
            domain.due <= now || (domain.failures > 0 && domain.due.since(now) > longest)
        });
        due.map(|domain| domain.name.clone()).collect()
    }

    async fn attend(&self, name: &str) {
        let ended = match timeout(LONGEST_ORDER, self.renewed(name)).await {
            Ok(ended) => ended,
            Err(_) => Err(AcmeError::Slow(LONGEST_ORDER)),
        };
        let now = self.clock.now();
        let mut domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(domain) = domains.iter_mut().find(|domain| domain.name == name) else { return };
        let failed = match ended {
            Ok(Outcome::Busy) => {
                domain.due = now.plus(LOOK_AGAIN);
                return;
            }
            Ok(Outcome::Kept(validity)) => return self.holds(domain, validity),
            Ok(Outcome::Issued(validity)) => {
                domain.validity = Some(validity);
                if self.renewal(validity) > now && validity.from <= now {
                    self.metrics.acme_order_ended("issued");
                    tracing::info!(name, until = %validity.until, "a certificate was issued");
                    self.holds(domain, validity);
                    domain.due = domain.due.max(now.plus(BETWEEN_ORDERS));
                    return;
                }
                AcmeError::Clock
            }
            Err(error) => error,
        };
        self.metrics.acme_order_ended(failed.outcome());
        domain.failures = domain.failures.saturating_add(1);
        let retry_after = self.orders.client.take_retry_after();
        let setback = Setback { failures: domain.failures, reached: failed.reached(), retry_after };
        let wait = retry(setback, self.chance());
        domain.due = now.plus(wait);
        domain.error = Some(failed.to_string());
        tracing::error!(name, error = %failed, again_in = ?wait, "a certificate cannot be had");
    }

    /// Has a certificate for `name` that is good for some time: what is kept, if another process has seen to it, or else a
    /// new one.
    async fn renewed(&self, name: &str) -> Result<Outcome, AcmeError> {
        let Some(_lock) = self.orders.cache.lock()? else { return Ok(Outcome::Busy) };
        if let Some(validity) = self.show_kept(name)?
            && self.renewal(validity) > self.clock.now()
        {
            return Ok(Outcome::Kept(validity));
        }
        let file = self.orders.order(name).await?;
        let shown = self.orders.obtained.show(name, &file).map_err(AcmeError::Issued)?;
        self.orders.cache.keep_certificate(name, &file.bytes)?;
        Ok(Outcome::Issued(shown))
    }

    /// Shows the certificate for `name` that is kept, if there is one.
    fn show_kept(&self, name: &str) -> Result<Option<Validity>, AcmeError> {
        let Some(file) = self.orders.cache.certificate(name)? else { return Ok(None) };
        let validity = self.orders.obtained.show(name, &file).map_err(|cause| {
            let path = self.orders.cache.certificate_path(name);
            AcmeError::DamagedCertificate { path, cause }
        })?;
        let mut domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(domain) = domains.iter_mut().find(|domain| domain.name == name) {
            domain.validity = Some(validity);
        }
        Ok(Some(validity))
    }

    fn holds(&self, domain: &mut DomainStatus, validity: Validity) {
        domain.validity = Some(validity);
        domain.due = self.renewal(validity);
        domain.failures = 0;
        domain.error = None;
    }

    fn renewal(&self, validity: Validity) -> Timestamp {
        renewal(validity, self.orders.options.renew_before, self.chance())
    }

    fn chance(&self) -> Chance {
        let [_, _, _, _, a, b, c, d] = entropy::number(&self.orders.entropy).to_be_bytes();
        Chance(u32::from_be_bytes([a, b, c, d]))
    }
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
