//! When a caller's connection ends though the caller has not ended it: because the process stops, or because it was not used.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::body::CHECK_EVERY;
use super::busyness::Busyness;
use super::worker::ProxyLimits;

/// How long a caller that has nothing under way has to take its leave.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);
/// How long a caller has whose connection gives way to another's.
pub(super) const LEAVE: Duration = Duration::from_millis(200);

/// Ends when the process is told to stop.
pub(crate) async fn drained(mut draining: watch::Receiver<bool>) {
    // The value that is waited for is locked while it is held: it is let go before anything else waits.
    let _ = draining.wait_for(|draining| *draining).await.map(drop);
}

/// Ends some time after the process was told to stop: when a caller has asked for nothing as long as [`GOODBYE`].
///
/// A connection that is closed while its caller is about to ask on it loses that request without an answer. So callers
/// are waited for, and told with the next answer that it is the last.
pub(super) async fn farewell(
    busy: &Busyness,
    draining: watch::Receiver<bool>,
    write_timeout: Duration,
) {
    drained(draining).await;
    idle(busy, Instant::now(), GOODBYE, write_timeout).await;
}

/// Ends when nothing has been asked for as long as `limit`, from `from` on. While a part of an answer waits for its caller
/// to take it, that caller has at least `write_timeout` from part to part.
pub(super) async fn idle(busy: &Busyness, from: Instant, limit: Duration, write_timeout: Duration) {
    loop {
        let waiting = busy.has_unwritten();
        let limit = if waiting { limit.max(write_timeout) } else { limit };
        match busy.idle_since().map(|since| since.max(from) + limit) {
            Some(end) if end <= Instant::now() => return,
            Some(_) if waiting => sleep(CHECK_EVERY).await,
            Some(end) => sleep_until(end).await,
            None => sleep(limit).await,
        }
    }
}

/// Ends when nothing has been asked for as long as `idle_timeout`, and no answer was being taken: with HTTP/1.1 the last of
/// one can be on its way when nothing is answered any more, and its stream sees to how fast it is taken.
pub(super) async fn unused(busy: &Busyness, limits: ProxyLimits) {
    let mut from = Instant::now();
    loop {
        idle(busy, from, limits.idle_timeout, limits.write_timeout).await;
        match busy.stalled_until() {
            Some(until) if until > from => from = until,
            _ => return,
        }
    }
}
