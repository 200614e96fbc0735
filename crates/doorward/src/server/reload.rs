//! Reading the configuration again while requests flow. A good one is swapped in whole; a bad one changes nothing, and
//! is shown.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doors::Doorway;
use prometheus_client::metrics::counter::Counter;
use tokens::Timestamp;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::acme::DomainStatus;
use super::assembly::{Assembly, ConfigFacts};
use super::files::Seen;
use super::kept_settings::KeptSettings;
use super::service_manager;
use crate::config::{Loaded, Machine};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How the configuration in force came about.
#[derive(Debug)]
pub(crate) struct ReloadState {
    assembly: Assembly,
    kept: KeptSettings,
    status: Mutex<ReloadStatus>,
    pub(super) reloads: Counter,
    pub(super) failures: Counter,
}

/// The configuration in force, and what became of newer ones.
#[derive(Clone, Debug)]
pub(crate) struct ReloadStatus {
    pub(crate) facts: ConfigFacts,
    pub(crate) loaded_at: Option<Timestamp>,
    /// Why the newest configuration is not in force.
    pub(crate) error: Option<String>,
    /// What differs in the file and takes a restart.
    pub(crate) restart_needed: Vec<&'static str>,
}

impl ReloadState {
    pub(super) fn new(assembly: Assembly, facts: ConfigFacts, kept: KeptSettings) -> Self {
        let status =
            ReloadStatus { facts, loaded_at: None, error: None, restart_needed: Vec::new() };
        Self {
            assembly,
            kept,
            status: Mutex::new(status),
            reloads: Counter::default(),
            failures: Counter::default(),
        }
    }

    pub(super) const fn kept(&self) -> &KeptSettings {
        &self.kept
    }

    pub(crate) fn status(&self) -> ReloadStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known of the certificates that are obtained.
    pub(super) fn acme_status(&self) -> Vec<DomainStatus> {
        self.assembly.acme_status()
    }

    /// Leaves the directories to the process that has taken over.
    pub(super) fn let_go(&self) {
        self.assembly.let_go();
    }

    fn reload(&self, path: &Path, doorway: &Doorway) {
        service_manager::reloading();
        let built = Loaded::read(path, &Machine).map_err(|report| report.render(false)).and_then(
            |loaded| {
                let kept = KeptSettings::of(&loaded.config);
                let assembled = self.assembly.model(loaded).map_err(|error| error.to_string())?;
                Ok((kept, assembled))
            },
        );
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match built {
            Ok((kept, assembled)) => {
                doorway.audit.policies_changed(&assembled.facts.policy_set);
                doorway.model.store(Arc::new(assembled.model));
                status.restart_needed = self.kept.differences(&kept);
                status.facts = assembled.facts;
                status.loaded_at = Some(doorway.now());
                status.error = None;
                self.reloads.inc();
                tracing::info!(
                    policy_set = &*status.facts.policy_set,
                    "the new configuration is in force"
                );
                service_manager::ready("ready to judge");
                if !status.restart_needed.is_empty() {
                    tracing::warn!(
                        keys = status.restart_needed.join(","),
                        "these keys changed and take a restart"
                    );
                }
            }
            Err(error) => {
                tracing::error!(
                    error,
                    "the new configuration is not good; the old one stays in force"
                );
                status.error = Some(error);
                self.failures.inc();
                service_manager::ready(
                    "ready to judge by the configuration before: the new one is not good",
                );
            }
        }
    }
}

/// Reads the configuration again when its files change, or when `asked`.
pub(super) async fn watch(
    path: PathBuf,
    doorway: Arc<Doorway>,
    state: Arc<ReloadState>,
    asked: Arc<Notify>,
) {
    let look = || Seen::of(&path, &state.status().facts.files);
    let mut seen = look();
    loop {
        let by_hand = tokio::select! {
            () = asked.notified() => true,
            () = sleep(LOOK_EVERY) => false,
        };
        let now = look();
        if !by_hand && now == seen {
            continue;
        }
        state.reload(&path, &doorway);
        // As it looked before it was read: whatever changed meanwhile, the list of files included, is read next time.
        seen = now;
    }
}
