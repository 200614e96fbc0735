//! Where the keys of issuers come from.

use std::path::PathBuf;
use std::time::Duration;

/// Where the keys of an issuer come from. What its tokens must be is in its `tokens::Profile`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerKeys {
    /// The issuer's identifier: the exact `iss` of its tokens.
    pub issuer: String,
    /// Where they come from.
    pub source: KeySource,
    /// How often they are fetched.
    pub refresh: Refresh,
    /// A PEM file with the authorities that its server is believed by, in place of the machine's.
    pub ca: Option<PathBuf>,
    /// Whether keys may be fetched over plain HTTP beyond loopback.
    pub plain_http: bool,
    /// Whether the issuer is switched off; its keys are then not fetched.
    pub disabled: bool,
}

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// From the issuer's own metadata.
    Discovery,
    /// From this file, a JSON Web Key Set.
    File(PathBuf),
    /// From this JSON Web Key Set.
    Inline(String),
    /// From the JSON Web Key Set at this URL.
    JwksUri(String),
}

/// How often keys are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// No more often than this.
    pub min: Duration,
    /// At least this often; not less than `min`.
    pub max: Duration,
    /// How long the last keys are kept when the issuer does not answer.
    pub stale_grace: Duration,
    /// How often unknown keys may set off a fetch, at most.
    pub unknown_kid_interval: Duration,
}
