//! The keys that an issuer publishes (RFC 7517 §5).

use thiserror::Error;

use crate::algorithm::Algorithm;
use crate::excerpt::Excerpt;
use crate::fingerprint::{leading_128_bits, sha256};
use crate::json::{self, JsonError, Limits, Value};
use crate::key::{Key, KeyRefusal};
use crate::limits::MAX_KEYS;
use crate::thumbprint::Thumbprint;

#[cfg(test)]
#[path = "key_set_tests.rs"]
mod tests;

/// The public keys that an issuer's tokens may be signed with. It never holds a key that cannot be used.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    generation: Generation,
}

impl KeySet {
    /// Reads a JWK Set. A key that cannot be used is left out and reported; one bad key does not lose the others.
    ///
    /// # Errors
    /// If the document as a whole is not a key set within the limits.
    pub fn parse(bytes: &[u8]) -> Result<ParsedKeySet, KeySetError> {
        let document = json::parse(bytes, &Limits::KEY_SET)?;
        let published = document
            .as_object()
            .and_then(|set| set.get("keys")?.as_array())
            .ok_or(KeySetError::NotAKeySet)?;
        if published.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys { keys: published.len(), limit: MAX_KEYS });
        }
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for (index, jwk) in published.iter().enumerate() {
            match Key::read(jwk) {
                Ok(key) => keys.push(key),
                Err(reason) => skipped.push(SkippedKey { index, kid: kid_of(jwk), reason }),
            }
        }
        Ok(ParsedKeySet { set: Self::of(keys), skipped })
    }

    /// A set without keys: it verifies nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(Vec::new())
    }

    /// How many usable keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no usable key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether the key of this thumbprint is in the set.
    #[must_use]
    pub fn contains(&self, thumbprint: &Thumbprint) -> bool {
        self.keys.iter().any(|key| key.thumbprint() == *thumbprint)
    }

    /// Whether some key goes by this `kid`.
    #[must_use]
    pub fn contains_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// The thumbprints of the keys, in the order they were published.
    pub fn thumbprints(&self) -> impl Iterator<Item = Thumbprint> {
        self.keys.iter().map(Key::thumbprint)
    }

    /// What tells this set from every set that would verify other tokens.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The keys that a token with this `kid` and algorithm may be signed with. A token that names no key may be
    /// signed with any; a token that names one, only with keys of that name.
    pub(crate) fn candidates<'a>(
        &'a self,
        kid: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a Key> {
        let named = move |key: &&Key| kid.is_none() || key.kid() == kid;
        self.keys.iter().filter(named).filter(move |key| key.verifier(algorithm).is_some())
    }

    fn of(keys: Vec<Key>) -> Self {
        let generation = Generation::of(&keys);
        Self { keys, generation }
    }
}

impl Default for KeySet {
    fn default() -> Self {
        Self::empty()
    }
}

/// A key set, with what had to be left out of it.
#[derive(Debug)]
pub struct ParsedKeySet {
    /// The keys that can be used.
    pub set: KeySet,
    /// The keys that cannot, in the order they were published.
    pub skipped: Vec<SkippedKey>,
}

/// A published key that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its place in the `keys` array, from 0.
    pub index: usize,
    /// Its `kid`, if it has one that is text.
    pub kid: Option<Excerpt>,
    /// Why it is not used.
    pub reason: KeyRefusal,
}

/// What a key set is, in 128 bits of SHA-256 over its keys, their names and their algorithms. It follows from the
/// content, so a set that was exchanged cannot pass for the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(u128);

impl Generation {
    fn of(keys: &[Key]) -> Self {
        let mut content = Vec::new();
        for key in keys {
            content.extend_from_slice(key.thumbprint().as_bytes());
            // INVARIANT: every field has a fixed length or a length before it, so two sets never read the same.
            content.push(u8::from(key.kid().is_some()));
            let kid = key.kid().unwrap_or_default();
            content.extend_from_slice(&kid.len().to_be_bytes());
            content.extend_from_slice(kid.as_bytes());
            let algorithms: Vec<_> = key.algorithms().map(|algorithm| algorithm as u8).collect();
            content.extend_from_slice(&algorithms.len().to_be_bytes());
            content.extend_from_slice(&algorithms);
        }
        Self(leading_128_bits(&sha256(&content)))
    }
}

/// Why a document is not a key set.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeySetError {
    /// It is not strict JSON.
    #[error("the key set is not strict JSON: {0}")]
    Json(#[from] JsonError),
    /// It has another shape.
    #[error("expected a key set: an object with an array called `keys`")]
    NotAKeySet,
    /// It publishes too many keys.
    #[error("the key set has {keys} keys, more than {limit}")]
    TooManyKeys {
        /// How many it publishes.
        keys: usize,
        /// The limit.
        limit: usize,
    },
}

fn kid_of(jwk: &Value) -> Option<Excerpt> {
    jwk.as_object()?.get("kid")?.as_str().map(Excerpt::of)
}
