//! The one place here that reads the machine's clock and waits: tests of real processes have no other.
#![expect(
    clippy::disallowed_methods,
    reason = "other processes run on real time, so their tests wait in real time"
)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

/// How long one look at a condition in [`until`] is from the next.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running measurement of time.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has run.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Seconds since the epoch, for a token's `iat` and `exp`.
#[must_use]
pub fn epoch_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Waits until `look` finds something, looking at most for `limit`.
///
/// # Errors
/// When `limit` has passed, or when `look` fails; both name `what`.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let watch = Stopwatch::start();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if watch.elapsed() > limit {
            bail!("waited {limit:?} in vain for {what}");
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Lets `duration` pass: the length of a load, never a guess at when something will have happened.
pub fn let_pass(duration: Duration) {
    std::thread::sleep(duration);
}
