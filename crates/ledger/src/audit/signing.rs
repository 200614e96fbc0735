//! Who signs what the log says about itself, and who checks it.

use std::sync::Arc;

use aws_lc_rs::rand::SecureRandom;
use thiserror::Error;
use tokens::{Algorithm, KeySet, SigningKey, UnverifiedJws};

/// The `typ` of a signed statement. The key may sign other things too; nothing else has this type.
pub(super) const STATEMENT_TYPE: &str = "doorward-audit";

/// Signs the log's statements about itself.
pub trait CheckpointSigner: Send + std::marker::Sync {
    /// A compact JWS (RFC 7515 §7.1) over exactly this payload, whose header has `alg`, `kid` and the `typ`
    /// `doorward-audit`.
    ///
    /// # Errors
    /// If it cannot be signed now; the log tries again later.
    fn sign(&self, payload: &[u8]) -> Result<String, SignerError>;

    /// The id of the key that signs.
    fn key_id(&self) -> String;
}

/// Checks the log's statements about itself.
pub trait CheckpointVerifier {
    /// The payload of a compact JWS of the `typ` `doorward-audit`, if one of the trusted keys signed it.
    fn verify(&self, jws: &str) -> Option<Vec<u8>>;
}

/// A statement could not be signed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the audit log's statement could not be signed: {reason}")]
pub struct SignerError {
    /// Why, without anything secret.
    pub reason: String,
}

/// Signs with a key at hand.
pub struct KeySigner {
    key: Arc<SigningKey>,
    rng: Arc<dyn SecureRandom + Send + std::marker::Sync>,
}

impl KeySigner {
    /// Signs with `key`, drawing from `rng`.
    #[must_use]
    pub fn new(
        key: Arc<SigningKey>,
        rng: Arc<dyn SecureRandom + Send + std::marker::Sync>,
    ) -> Self {
        Self { key, rng }
    }
}

impl CheckpointSigner for KeySigner {
    fn sign(&self, payload: &[u8]) -> Result<String, SignerError> {
        let header = serde_json::json!({
            "alg": self.key.algorithm().name(),
            "kid": self.key_id(),
            "typ": STATEMENT_TYPE,
        });
        self.key
            .sign_header(header.to_string().as_bytes(), payload, &*self.rng)
            .map_err(|source| SignerError { reason: source.to_string() })
    }

    fn key_id(&self) -> String {
        self.key.thumbprint().to_string()
    }
}

impl CheckpointVerifier for KeySet {
    fn verify(&self, jws: &str) -> Option<Vec<u8>> {
        let jws = UnverifiedJws::parse(jws).ok()?;
        if jws.token_type() != Some(STATEMENT_TYPE) {
            return None;
        }
        Some(jws.verify(&Algorithm::ALL, self).ok()?.payload().to_vec())
    }
}
