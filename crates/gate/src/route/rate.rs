//! Rates: how many requests there may be. The gate says which of them a request counts against; counting takes memory
//! and time, and is the doors'.

use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::spec::RateBy;

/// A rate, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    pub(crate) id: Arc<str>,
    pub(crate) by: RateBy,
    pub(crate) requests: u32,
    pub(crate) per: Duration,
    pub(crate) burst: u32,
    /// The route that it stands at, and the methods of it; none for the defaults'.
    pub(crate) at: Option<(Arc<str>, Vec<Method>)>,
}

impl Rate {
    /// The longest that it may take until a whole burst is there again: what a caller has used is remembered for so long.
    pub const LONGEST_REFILL: Duration = Duration::from_hours(24 * 30);

    /// Its name in records and metrics, such as `read-order/rates/0`.
    #[must_use]
    pub const fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Whose requests are counted together.
    #[must_use]
    pub const fn by(&self) -> RateBy {
        self.by
    }

    /// How many requests there may be in [`Rate::per`], in the long run; at least one.
    #[must_use]
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// The time that [`Rate::requests`] are for.
    #[must_use]
    pub const fn per(&self) -> Duration {
        self.per
    }

    /// How many requests may come at once; at least one.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// The route that it stands at; none for the defaults'.
    #[must_use]
    pub fn route(&self) -> Option<&Arc<str>> {
        self.at.as_ref().map(|(route, _)| route)
    }

    /// Whether a request with this method counts: a broader route's rate is for what the broader route takes.
    pub(crate) fn counts(&self, method: &Method) -> bool {
        self.at.as_ref().is_none_or(|(_, methods)| methods.contains(method))
    }
}

/// A rate that a request came too early for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Which.
    pub rate: Arc<Rate>,
    /// In how long the next request may come.
    pub wait: Duration,
}

impl Exceeded {
    /// The same in whole seconds, for the caller; at least one.
    #[must_use]
    pub fn wait_seconds(&self) -> u32 {
        let whole = self.wait.as_millis().div_ceil(1000);
        u32::try_from(whole).unwrap_or(u32::MAX).max(1)
    }
}
