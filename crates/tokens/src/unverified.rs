//! A token before anybody vouches for it.

use std::fmt;

use crate::algorithm::Algorithm;
use crate::fingerprint::{Digest, Fingerprint};
use crate::json::{self, Limits, Object, Value};
use crate::jws::UnverifiedJws;
use crate::key_set::KeySet;
use crate::profile::{Profile, TokenType};
use crate::refusal::{Part, TokenRefusal, TypeName};
use crate::thumbprint::Thumbprint;
use crate::time::Timestamp;
use crate::verified::VerifiedToken;

#[cfg(test)]
#[path = "unverified_tests.rs"]
mod tests;

/// A token that is well formed, and nothing more. It tells which profile and key to verify it with; what it claims is
/// out of reach until [`UnverifiedToken::verify`].
pub struct UnverifiedToken<'a> {
    jws: UnverifiedJws<'a>,
    payload: Value,
    issuer: String,
}

impl<'a> UnverifiedToken<'a> {
    /// Reads a JWT in compact form (RFC 7519 §3): header and payload, once, as strict JSON.
    ///
    /// # Errors
    /// If it is not a token, or names no issuer.
    pub fn parse(token: &'a str) -> Result<Self, TokenRefusal> {
        let part = Part::Payload;
        let jws = UnverifiedJws::parse(token)?;
        let payload = json::parse(jws.unverified_payload(), &Limits::TOKEN)
            .map_err(|source| TokenRefusal::Json { part, source })?;
        let claims = payload.as_object().ok_or(TokenRefusal::NotAnObject { part })?;
        let missing = || TokenRefusal::MissingClaim { name: "iss".into() };
        let mistyped = || TokenRefusal::MistypedClaim { name: "iss".into(), expected: "a string" };
        let issuer = claims.get("iss").ok_or_else(missing)?.as_str().ok_or_else(mistyped)?;
        let issuer = issuer.to_owned();
        Ok(Self { jws, payload, issuer })
    }

    /// The issuer that the token claims to be from: good for finding the profile of a configured issuer, and for
    /// nothing else.
    #[must_use]
    pub fn claimed_issuer(&self) -> &str {
        &self.issuer
    }

    /// The algorithm that the header names.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.jws.algorithm()
    }

    /// The key that the header names.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.jws.key_id()
    }

    /// The fingerprint of the token. It is computed at every call.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.jws.token())
    }

    /// The digest of all of the token.
    pub(crate) fn presented(&self) -> Digest {
        Digest::of(self.jws.token())
    }

    /// Verifies the token: issuer, type, algorithm and signature, and only then what it claims. Audiences are left to
    /// the gate, which knows the service.
    ///
    /// # Errors
    /// The first reason not to believe it. [`TokenRefusal::UnknownKey`] may be cured by newer keys.
    pub fn verify(
        &self,
        profile: &Profile,
        keys: &KeySet,
        now: Timestamp,
    ) -> Result<VerifiedToken, TokenRefusal> {
        let (token_type, key) = self.verify_signature(profile, keys)?;
        let token = VerifiedToken::read(self, token_type, key, profile)?;
        token.check_time(now)?;
        Ok(token)
    }

    /// Verifies issuer, type, algorithm and signature, and nothing that the token claims.
    pub(crate) fn verify_signature<'p>(
        &self,
        profile: &'p Profile,
        keys: &KeySet,
    ) -> Result<(&'p TokenType, Thumbprint), TokenRefusal> {
        if self.issuer != profile.issuer() {
            return Err(TokenRefusal::WrongIssuer);
        }
        let token_type = profile
            .token_type(self.typ())
            .ok_or_else(|| TokenRefusal::TypeNotAllowed { typ: TypeName::of(self.typ()) })?;
        let verified = self.jws.verify(&profile.options().algorithms, keys)?;
        Ok((token_type, verified.key_thumbprint()))
    }

    /// How long the token is, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.jws.token().len()
    }

    /// The type that the header names.
    pub(crate) fn typ(&self) -> Option<&str> {
        self.jws.token_type()
    }

    /// What the token claims.
    pub(crate) fn claims(&self) -> Option<&Object> {
        self.payload.as_object()
    }

    /// The payload as a document for pointers.
    pub(crate) fn document(&self) -> &Value {
        &self.payload
    }

    /// What the token claims, for keeps.
    pub(crate) fn into_claims(self) -> Option<Object> {
        if let Value::Object(claims) = self.payload { Some(claims) } else { None }
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    /// The fingerprint only: a token is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedToken({})", self.fingerprint().short())
    }
}
