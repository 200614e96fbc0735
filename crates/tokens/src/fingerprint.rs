//! The name under which a token is known without being shown.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

#[cfg(test)]
#[path = "fingerprint_tests.rs"]
mod tests;

/// SHA-256 of a text. Nothing of the text can be told from it, so it may stand in records and logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of all of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(sha256(text.as_bytes()))
    }

    /// The digest of these 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 hexadecimal digits: enough for people to tell texts apart.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The name under which a token is known in records and revocations: the SHA-256 of what its issuer signed, which is
/// its text without the last `.` and the signature. Two tokens of one fingerprint claim the same.
///
/// The signature is no part of it: whoever has a token signed with ECDSA can rewrite the signature into another that
/// verifies, and would have a token that nobody revoked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Digest);

impl Fingerprint {
    /// The fingerprint of a token in compact form (RFC 7515 §7.1).
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Digest::of(token.rsplit_once('.').map_or(token, |(signed, _)| signed)))
    }

    /// The fingerprint of a certificate: of what its authority signed, the `tbsCertificate` (RFC 5280 §4.1) in DER.
    pub(crate) fn of_certificate(signed: &[u8]) -> Self {
        Self(Digest(sha256(signed)))
    }

    /// The fingerprint of a session with this id, whose facts were read when the ledger's log was at `as_of`.
    #[must_use]
    pub fn of_session(id: &[u8; 16], as_of: u64) -> Self {
        let parts = [b"session".as_slice(), id, &as_of.to_be_bytes()];
        Self(Digest(sha256(&parts.concat())))
    }

    /// The 32 bytes of the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The first 12 hexadecimal digits: enough for people to tell tokens apart.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for Fingerprint {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    let digest = digest(&SHA256, bytes);
    for (to, from) in output.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    output
}

/// The leading 16 bytes of a digest as a number.
pub(crate) fn leading_128_bits(digest: &[u8]) -> u128 {
    digest.iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte))
}
