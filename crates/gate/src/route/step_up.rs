//! Step-up: routes that want a caller to have signed in recently, or by better means (RFC 9470).

use std::time::Duration;

use tokens::{DEFAULT_SKEW, Timestamp};

use crate::identity::Identity;

/// How surely a caller must be known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// One of these must be the identity's `acr`; empty for any.
    pub acr: Vec<String>,
    /// How long ago the caller may have signed in at most, by `auth_time`; none for any time.
    pub max_age: Option<Duration>,
}

impl StepUp {
    /// Until when the identity is known as surely as this; nothing if it is not, now.
    pub(crate) fn met_until(&self, identity: &Identity, now: Timestamp) -> Option<Timestamp> {
        if !self.acr.is_empty() {
            let acr = identity.acr()?;
            self.acr.iter().find(|wanted| *wanted == acr)?;
        }
        let Some(max_age) = self.max_age else { return Some(Timestamp::MAX) };
        // Nobody has signed in later than now, but for what clocks differ by.
        let at = identity.auth_time().filter(|at| at.minus(DEFAULT_SKEW) <= now)?;
        Some(at.plus(max_age)).filter(|end| now < *end)
    }
}
