use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::TokenDigest;

/// What has been revoked by hand.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Revoked {
    /// Subjects whose every token is refused, each with its issuer: `corp/alice`.
    pub(in crate::config) subjects: Vec<String>,
    /// Tokens that are refused, each by its `token` in the audit record: 64 hexadecimal digits, the SHA-256 of the token without its signature (of all that is before the second `.`).
    pub(in crate::config) tokens: Vec<TokenDigest>,
}
