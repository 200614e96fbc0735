use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Bounded, FetchUrl, FilePath, Time, bound};

/// The signed identity that services are told: a short-lived token of Doorward's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Identity {
    /// The `iss` of the identities: a URL by which services know this Doorward.
    pub(in crate::config) issuer: FetchUrl,
    /// How long an identity is valid.
    #[serde(default)]
    pub(in crate::config) lifetime: Bounded<IdentityLifetime>,
    /// Where the signing keys are kept.
    pub(in crate::config) keys: IdentityKeys,
}

/// The keys that identities are signed with: in a directory, or in memory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct IdentityKeys {
    /// The directory that holds the keys; created when it is not there, readable by Doorward alone.
    pub(in crate::config) directory: Option<FilePath>,
    /// Keep the keys in memory. Every start makes new ones, and other replicas do not know them.
    #[serde(default)]
    pub(in crate::config) memory: bool,
    /// How often a new key takes over.
    #[serde(default)]
    pub(in crate::config) rotate_every: Bounded<RotateEvery>,
}

bound! {
    /// How long an identity is valid: longer than the slowest hop, far shorter than anyone needs to misuse it.
    IdentityLifetime: Time, Time::seconds(5), Time::seconds(60), Some(Time::seconds(60));
    /// How often a new signing key takes over.
    RotateEvery: Time, Time::minutes(10), Time::days(90), Some(Time::hours(24));
}
