use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use thiserror::Error;

/// The shortest RSA key that is ours, in bits.
const MIN_BITS: usize = 2048;

/// A private key of ours that providers encrypt for.
#[derive(Clone)]
pub struct DecryptionKey(Arc<OaepPrivateDecryptingKey>);

impl DecryptionKey {
    /// An RSA key in PKCS #8, DER.
    ///
    /// # Errors
    /// If it is none, or too short.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, DecryptionKeyError> {
        let key =
            PrivateDecryptingKey::from_pkcs8(der).map_err(|_| DecryptionKeyError::Unsuitable)?;
        if key.key_size_bits() < MIN_BITS {
            return Err(DecryptionKeyError::Unsuitable);
        }
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| DecryptionKeyError::Unsuitable)?;
        Ok(Self(Arc::new(key)))
    }

    /// The content's key of this length, in bytes, if it was wrapped for this one.
    pub(super) fn unwrap(&self, wrapped: &Wrapped, length: usize) -> Option<Vec<u8>> {
        let mut key = vec![0; self.0.min_output_size()];
        let unwrapped =
            self.0.decrypt(wrapped.oaep.algorithm(), &wrapped.value, &mut key, None).ok()?.len();
        key.truncate(unwrapped);
        (key.len() == length).then_some(key)
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptionKey({} bits)", self.0.key_size_bits())
    }
}

/// Why a key is not used for decryption.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecryptionKeyError {
    /// It is no RSA key in PKCS #8, or shorter than 2048 bits.
    #[error("expected an RSA key of at least {MIN_BITS} bits in PKCS #8")]
    Unsuitable,
}

/// A content's key as it was wrapped.
pub(crate) struct Wrapped {
    pub(super) oaep: Oaep,
    pub(super) value: Vec<u8>,
}

/// RSA-OAEP ([xmlenc] §5.5.2) by the one hash that both its digest and its mask are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oaep {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Oaep {
    fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha384 => &OAEP_SHA384_MGF1SHA384,
            Self::Sha512 => &OAEP_SHA512_MGF1SHA512,
        }
    }
}
