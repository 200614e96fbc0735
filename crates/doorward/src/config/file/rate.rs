use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Bounded, Count, Time, bound};

/// How many requests there may be. One that comes too early is answered with 429.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Rate {
    /// What is counted together: the requests of one `address` (of one /64 in IPv6), of one `identity` (who shows no
    /// credential is counted by address), or all of the `route`.
    pub(in crate::config) by: RateBy,
    /// So many requests, in the long run.
    pub(in crate::config) requests: Bounded<RateRequests>,
    /// In so long a time.
    pub(in crate::config) per: Bounded<RatePer>,
    /// How many may come at once, after a pause. By default as many as `requests`.
    pub(in crate::config) burst: Option<Bounded<RateRequests>>,
}

/// What is counted together.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum RateBy {
    /// The requests of one address.
    Address,
    /// The requests of one subject of one issuer.
    Identity,
    /// All requests of the route.
    Route,
}

bound! {
    /// Requests in a time.
    RateRequests: Count, Count(1), Count(10_000_000), None;
    /// The time that they are for.
    RatePer: Time, Time::seconds(1), Time::days(1), None;
}
