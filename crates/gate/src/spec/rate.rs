use std::time::Duration;

/// How many requests there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateSpec {
    /// Whose requests are counted together.
    pub by: RateBy,
    /// So many, in the long run.
    pub requests: u32,
    /// In so long a time.
    pub per: Duration,
    /// So many at once, after a pause.
    pub burst: u32,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateBy {
    /// Those of one address; of one /64 in IPv6.
    Address,
    /// Those of one identity: one subject of one issuer.
    Identity,
    /// All of a route.
    Route,
}

impl RateBy {
    /// The word in the configuration, in metrics and to callers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Identity => "identity",
            Self::Route => "route",
        }
    }
}
