//! File descriptors: every connection takes one, and so does everything else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is kept for listeners, files, issuers and the admin port.
const KEPT: u64 = 128;

/// Raises the limit as far as the system lets us, and says how many connections of callers fit below it when each may
/// take one to a service, and so many doors at which proxies ask have all of theirs.
pub(super) fn connections(wanted: usize, asking_doors: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let most = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let asking = asking_doors.saturating_mul(doors::relay::CONNECTIONS);
    let asking = u64::try_from(asking).unwrap_or(u64::MAX);
    let fits = most.map_or(wanted, |most| {
        let kept = KEPT.saturating_add(asking.min(most / 2));
        usize::try_from(most.saturating_sub(kept) / 2).unwrap_or(usize::MAX)
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
