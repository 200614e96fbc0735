use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Acr, Bounded, Time, bound};

/// How surely callers must be known (RFC 9470). Whoever is not is asked to sign in again, or gets 401.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct StepUp {
    /// One of these must be the `acr` that the issuer or the provider vouches for; at most 16.
    pub(in crate::config) acr: Option<Vec<Acr>>,
    /// How long ago a caller may have signed in, by `auth_time`.
    pub(in crate::config) max_age: Option<Bounded<SignedInWithin>>,
}

bound! {
    /// How long ago a caller may have signed in.
    SignedInWithin: Time, Time::seconds(10), Time::hours(24), None;
}
