//! The task that maintains the signing keys.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::SigningKeys;
use crate::Clock;

/// How long after a failure the maintenance is repeated.
pub const MAINTENANCE_RETRY: Duration = Duration::from_secs(60);
/// How long the task sleeps at most before it looks at the clock again.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Maintains the signing keys until it is dropped.
#[derive(Debug)]
pub struct SigningKeeper {
    task: AbortHandle,
}

impl SigningKeeper {
    /// Starts within the current tokio runtime.
    #[must_use]
    pub fn start(keys: Arc<SigningKeys>, clock: Arc<dyn Clock>) -> Self {
        Self { task: tokio::spawn(keep(keys, clock)).abort_handle() }
    }
}

impl Drop for SigningKeeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(keys: Arc<SigningKeys>, clock: Arc<dyn Clock>) {
    loop {
        let rest = {
            let (keys, now) = (Arc::clone(&keys), clock.now());
            match tokio::task::spawn_blocking(move || keys.maintain(now)).await {
                Ok(Ok(next)) => next.since(now),
                Ok(Err(error)) => {
                    tracing::error!(%error, "the signing keys cannot be maintained; those at hand go on");
                    MAINTENANCE_RETRY
                }
                // The runtime is ending.
                Err(_) => return,
            }
        };
        sleep(rest.min(LONGEST_SLEEP)).await;
    }
}
