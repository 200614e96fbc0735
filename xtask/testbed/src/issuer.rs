//! An issuer of tokens for tests: one key, and whatever claims are asked for.

use anyhow::Result;
use serde_json::{Map, Value, json};
use tokens::{Algorithm, SigningKey};

use crate::clock::epoch_seconds;
use crate::entropy;

/// How long its tokens live, in seconds, unless a claim says otherwise.
const LIFETIME: u64 = 3600;

/// An issuer.
#[derive(Debug)]
pub struct Issuer {
    identifier: String,
    key: SigningKey,
}

impl Issuer {
    /// An issuer with a new key.
    ///
    /// # Errors
    /// If no key can be made.
    pub fn new(identifier: &str, algorithm: Algorithm) -> Result<Self> {
        let key = SigningKey::generate(algorithm, &entropy::source())?;
        Ok(Self { identifier: identifier.to_owned(), key })
    }

    /// Its public keys, as a JSON Web Key Set.
    #[must_use]
    pub fn key_set(&self) -> Value {
        json!({ "keys": [self.key.public_jwk()] })
    }

    /// An access token (RFC 9068) for `subject` at `audience`; `claims` are added, and take the place of the usual ones.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn token(&self, subject: &str, audience: &str, claims: Value) -> Result<String> {
        let now = epoch_seconds();
        let mut all = Map::new();
        let usual = json!({
            "iss": self.identifier, "sub": subject, "aud": audience, "client_id": "testbed",
            "iat": now, "exp": now + LIFETIME, "jti": format!("{subject}-{audience}-{now}"),
        });
        for part in [usual, claims] {
            if let Value::Object(part) = part {
                all.extend(part);
            }
        }
        Ok(self.key.sign("at+jwt", &all, &entropy::source())?)
    }
}
