//! What leaves our hands and comes back, sealed: nobody else can read it, make it or move it elsewhere.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk};
use aws_lc_rs::rand::SecureRandom;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

/// The first byte of what is sealed in this way.
const VERSION: u8 = 1;
/// How many random bytes each message's key is derived with.
const SALT_BYTES: usize = 16;
/// What stands before the ciphertext.
const HEAD_BYTES: usize = 1 + SALT_BYTES + NONCE_LEN;
/// How many bytes the result has more than the plain text: the head, and the tag of AES-256-GCM.
pub const SEAL_BYTES: usize = HEAD_BYTES + 16;

/// Seals with AES-256-GCM, for one purpose: what was sealed under another label is not opened.
///
/// Each message has a key of its own (HKDF-SHA256, RFC 5869, with 16 random bytes), so that 2^32 messages and more may be sealed:
/// anonymous callers cause as many as they like, and two messages under one key and nonce would give the key away.
#[derive(Clone)]
pub struct Sealer {
    root: Prk,
    label: &'static str,
}

impl Sealer {
    pub(crate) const fn new(root: Prk, label: &'static str) -> Self {
        Self { root, label }
    }

    /// Seals `plain`, to be opened with the same `aad` only; base64url without padding.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn seal(
        &self,
        plain: &[u8],
        aad: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<String, SealError> {
        self.seal_bytes(plain, aad, random).map(|sealed| URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What was sealed with this label and `aad`; `None` for anything else.
    #[must_use]
    pub fn open(&self, text: &str, aad: &[u8]) -> Option<Vec<u8>> {
        self.open_bytes(&URL_SAFE_NO_PAD.decode(text).ok()?, aad)
    }

    pub(crate) fn seal_bytes(
        &self,
        plain: &[u8],
        aad: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, SealError> {
        let mut salt = [0; SALT_BYTES];
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut salt).map_err(|_| SealError)?;
        random.fill(&mut nonce).map_err(|_| SealError)?;
        let mut body = plain.to_vec();
        self.key(&salt)
            .ok_or(SealError)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut body,
            )
            .map_err(|_| SealError)?;
        Ok([&[VERSION], salt.as_slice(), nonce.as_slice(), body.as_slice()].concat())
    }

    pub(crate) fn open_bytes(&self, sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
        let (&[version], rest) = sealed.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
        if version != VERSION {
            return None;
        }
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.key(salt)?.open_in_place(nonce, Aad::from(aad), &mut body).ok()?.len();
        body.truncate(plain);
        Some(body)
    }

    /// The key of one message.
    fn key(&self, salt: &[u8; SALT_BYTES]) -> Option<LessSafeKey> {
        let info = [b"seal ", self.label.as_bytes(), b"\0", salt.as_slice()];
        let material = self.root.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(material)))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Nothing can be sealed: there is no randomness.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the random source fails, so nothing can be sealed")]
pub struct SealError;

/// The key that others are derived from, of the operator's 32 bytes.
pub(crate) fn root(secret: &[u8; 32]) -> Prk {
    aws_lc_rs::hkdf::Salt::new(HKDF_SHA256, b"doorward operator key").extract(secret)
}

#[cfg(test)]
#[path = "sealing_tests.rs"]
mod tests;
