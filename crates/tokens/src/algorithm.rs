//! The signature algorithms that are believed.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::excerpt::Excerpt;

#[cfg(test)]
#[path = "algorithm_tests.rs"]
mod tests;

/// A JWS signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). Public-key signatures only: there is no
/// `none`, and no shared-secret algorithm for a public key to be confused with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// EdDSA on Curve25519; called `EdDSA` by RFC 8037 and `Ed25519` by RFC 9864.
    Ed25519,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA-PSS with SHA-384.
    Ps384,
    /// RSA-PSS with SHA-512.
    Ps512,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS #1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS #1 v1.5 with SHA-512.
    Rs512,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 10] = [
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ed25519,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
    ];

    /// The name in an `alg` header. Ed25519 is written `EdDSA`, which every verifier knows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Ed25519 => "EdDSA",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    /// The algorithm of this exact name, in any of its spellings.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        match name {
            "Ed25519" => Some(Self::Ed25519),
            _ => Self::ALL.into_iter().find(|algorithm| algorithm.name() == name),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Reads the name exactly, case included; `EdDSA` and `Ed25519` are the same.
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::by_name(name).ok_or_else(|| UnknownAlgorithm(Excerpt::of(name)))
    }
}

/// A name that is not the name of an [`Algorithm`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "algorithm `{0}` is not accepted; expected one of ES256, ES384, ES512, EdDSA, Ed25519, PS256, PS384, PS512, RS256, RS384, RS512"
)]
pub struct UnknownAlgorithm(Excerpt);
