//! File descriptors: every connection takes one, and so does everything else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is kept for listeners, files, issuers and the admin port.
const KEPT: u64 = 128;

/// Raises the limit as far as the system lets us, and says how many connections of callers fit below it when each may
/// take one to a service.
pub(super) fn connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let most = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let fits = most.map_or(wanted, |most| {
        usize::try_from(most.saturating_sub(KEPT) / 2).unwrap_or(usize::MAX)
    });
    if fits < wanted {
        tracing::warn!(
            wanted,
            fits,
            "the limit on open files (`ulimit -n`) leaves room for fewer connections than `limits.connections`"
        );
    }
    fits.min(wanted).max(1)
}
