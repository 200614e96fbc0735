//! The name of a key by what it is (RFC 7638).

use std::fmt;

use crate::base64url;
use crate::fingerprint::sha256;

/// The SHA-256 thumbprint of a public key (RFC 7638 §3): the same key has the same thumbprint wherever it is published.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// Reads the base64url form, as in a `jkt` member (RFC 9449 §6.1); `None` unless it is 32 bytes, canonically written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        base64url::decode_exact(text).map(Self)
    }

    /// The 32 bytes of the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Of an RSA key, from the base64url forms of its exponent and modulus.
    pub(crate) fn of_rsa(e: &str, n: &str) -> Self {
        // INVARIANT: every inserted text is base64url or a name of ours, so nothing needs escaping.
        Self(sha256(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#).as_bytes()))
    }

    /// Of an elliptic curve key, from its curve and the base64url forms of its coordinates.
    pub(crate) fn of_ec(crv: &str, x: &str, y: &str) -> Self {
        Self(sha256(format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes()))
    }

    /// Of an octet key pair (RFC 8037 §2), from its curve and the base64url form of its public key.
    pub(crate) fn of_okp(crv: &str, x: &str) -> Self {
        Self(sha256(format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#).as_bytes()))
    }
}

impl fmt::Display for Thumbprint {
    /// The base64url form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}
