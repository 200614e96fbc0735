//! What a service manager is told: sd_notify(3). Without one nothing is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::time::{Instant, interval};

/// After how long without a beat a data thread counts as hanging.
const HANGS_AFTER: Duration = Duration::from_secs(10);

/// Requests flow; `status` is for people.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is read again; [`ready`] follows.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => {
            tell(&[NotifyState::Reloading, now, NotifyState::Status("reading the configuration")])
        }
        Err(error) => tracing::warn!(%error, "the service manager could not be told of the reload"),
    }
}

/// The process is about to end.
pub(super) fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// Tells a service manager that asked for it that all is well, for as long as every data thread has a beat. To be called
/// within the control runtime.
pub(super) fn watch(beats: Vec<Arc<AtomicU64>>, draining: watch::Receiver<bool>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    tokio::spawn(async move {
        let mut ticks = interval((limit / 2).max(Duration::from_millis(1)));
        let mut seen = vec![(0, Instant::now()); beats.len()];
        loop {
            let now = ticks.tick().await;
            for (beat, (count, at)) in beats.iter().zip(&mut seen) {
                let current = beat.load(Ordering::Relaxed);
                if current != *count {
                    (*count, *at) = (current, now);
                }
            }
            // Threads that drain end, and are waited for with a limit of its own.
            let well = |(_, at): &(u64, Instant)| now.duration_since(*at) < HANGS_AFTER;
            if *draining.borrow() || seen.iter().all(well) {
                tell(&[NotifyState::Watchdog]);
            } else {
                tracing::error!("a data thread hangs");
            }
        }
    });
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
