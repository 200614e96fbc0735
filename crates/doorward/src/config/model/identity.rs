//! The signed identity that services are told.

use std::path::PathBuf;
use std::time::Duration;

/// The signed identity that services are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The `iss` of the identities.
    pub issuer: String,
    /// How long one is valid; at most 60 seconds.
    pub lifetime: Duration,
    /// Where the signing keys are kept.
    pub keys: SigningKeys,
    /// How often a new key takes over.
    pub rotate_every: Duration,
}

/// Where signing keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningKeys {
    /// In this directory.
    Directory(PathBuf),
    /// In memory: gone with the process.
    Memory,
}
