//! Step-up: routes that want a caller to have signed in recently, or by better means (RFC 9470).

use std::time::Duration;

use tokens::{DEFAULT_SKEW, Timestamp};

/// How surely a caller must be known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// One of these must be the identity's `acr`; empty for any.
    pub acr: Vec<String>,
    /// How long ago the caller may have signed in at most, by `auth_time`; none for any time.
    pub max_age: Option<Duration>,
}

impl StepUp {
    /// Until when who has signed in so (`acr`, `auth_time`) is known as surely as this; nothing if they are not, now.
    #[must_use]
    pub fn met_until(
        &self,
        acr: Option<&str>,
        auth_time: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if !self.acr.is_empty() {
            let acr = acr?;
            self.acr.iter().find(|wanted| *wanted == acr)?;
        }
        let Some(max_age) = self.max_age else { return Some(Timestamp::MAX) };
        // Nobody has signed in later than now, but for what clocks differ by.
        let at = auth_time.filter(|at| at.minus(DEFAULT_SKEW) <= now)?;
        Some(at.plus(max_age)).filter(|end| now < *end)
    }

    /// What meets all of these at once; nothing if nobody can.
    pub(crate) fn all<'a>(these: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        these.into_iter().try_fold(Self::default(), |both, one| {
            let acr = match (both.acr.is_empty(), one.acr.is_empty()) {
                (true, _) => one.acr.clone(),
                (false, true) => both.acr,
                (false, false) => {
                    let common = both.acr.into_iter().filter(|acr| one.acr.contains(acr));
                    Some(common.collect::<Vec<_>>()).filter(|common| !common.is_empty())?
                }
            };
            let max_age = both.max_age.into_iter().chain(one.max_age).min();
            Some(Self { acr, max_age })
        })
    }
}
