//! The keys of an issuer, fetched once and waited for.

use std::sync::Arc;
use std::time::Duration;

use ledger::Clock as _;
use ledger::keys::IssuerKeys;
use tokens::KeySet;
use tokio::time::{Instant, sleep};

use crate::clock::SystemClock;

/// How long the first fetch is waited for; egress gives up earlier.
const PATIENCE: Duration = Duration::from_secs(25);
/// How often the fetch is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The keys, once the first fetch has ended.
///
/// # Errors
/// Why it brought none.
pub(super) async fn first(keys: &IssuerKeys) -> Result<Arc<KeySet>, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = keys.status(SystemClock.now());
        if let Ok(set) = keys.snapshot().keys_at(SystemClock.now()) {
            return Ok(Arc::clone(set));
        }
        if status.fetches > 0 || Instant::now() > deadline {
            return Err(status.last_error.unwrap_or_else(|| "they did not arrive in time".into()));
        }
        sleep(LOOK_EVERY).await;
    }
}
