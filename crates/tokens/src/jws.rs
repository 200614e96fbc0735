//! A signed text: JWS in its compact form (RFC 7515 §7.1), and nothing about what the text says.

use crate::algorithm::{Algorithm, UnknownAlgorithm};
use crate::base64url;
use crate::excerpt::Excerpt;
use crate::json::{self, Limits, Object};
use crate::key_set::KeySet;
use crate::limits::{MAX_CANDIDATE_KEYS, MAX_HEADER_BYTES, MAX_IDENTIFIER_BYTES, MAX_TOKEN_BYTES};
use crate::refusal::{Part, TokenRefusal};
use crate::thumbprint::Thumbprint;

#[cfg(test)]
#[path = "jws_tests.rs"]
mod tests;

/// A JWS whose signature has not been verified. Its payload is out of reach until it has been.
///
/// The header decides nothing but which of the issuer's keys to try: keys and certificates in it (`jwk`, `jku`, `x5c`,
/// `x5u`) are never looked at, extensions (`crit`), unencoded payloads (`b64`) and compression (`zip`) are refused.
pub struct UnverifiedJws<'a> {
    token: &'a str,
    signing_input: &'a str,
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> UnverifiedJws<'a> {
    /// Takes a compact JWS apart.
    ///
    /// # Errors
    /// If it is too long, not in compact form, not canonically encoded, or asks in its header for what we do not do.
    pub fn parse(token: &'a str) -> Result<Self, TokenRefusal> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenRefusal::TooLong { bytes: token.len(), limit: MAX_TOKEN_BYTES });
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(TokenRefusal::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(TokenRefusal::NotCompact)?;
        if payload.contains('.') {
            return Err(TokenRefusal::NotCompact);
        }
        let header = decode(Part::Header, header)?;
        if header.len() > MAX_HEADER_BYTES {
            return Err(TokenRefusal::LongHeader { bytes: header.len(), limit: MAX_HEADER_BYTES });
        }
        let header = Header::read(&header)?;
        Ok(Self {
            token,
            signing_input,
            algorithm: header.algorithm,
            kid: header.kid,
            typ: header.typ,
            payload: decode(Part::Payload, payload)?,
            signature: decode(Part::Signature, signature)?,
        })
    }

    /// The algorithm that the header names.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that the header names.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The type that the header names, in lower case and without `application/` (RFC 7515 §4.1.9), as in `at+jwt`.
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// Verifies the signature: the algorithm must be one of `algorithms` and fit the key.
    ///
    /// # Errors
    /// [`TokenRefusal::UnknownKey`] if `keys` do not settle it and newer keys might; else what is wrong.
    pub fn verify(
        &self,
        algorithms: &[Algorithm],
        keys: &KeySet,
    ) -> Result<VerifiedJws<'_>, TokenRefusal> {
        if !algorithms.contains(&self.algorithm) {
            return Err(TokenRefusal::AlgorithmNotAllowed { algorithm: self.algorithm });
        }
        let kid = self.key_id();
        let candidates: Vec<_> =
            keys.candidates(kid, self.algorithm).take(MAX_CANDIDATE_KEYS + 1).collect();
        if candidates.len() > MAX_CANDIDATE_KEYS {
            return Err(TokenRefusal::TooManyKeys { limit: MAX_CANDIDATE_KEYS });
        }
        let message = self.signing_input.as_bytes();
        let signed_by = candidates.iter().find(|key| {
            let verifier = key.verifier(self.algorithm);
            verifier.is_some_and(|key| key.verify_sig(message, &self.signature).is_ok())
        });
        match (signed_by, kid) {
            (Some(key), _) => Ok(VerifiedJws { jws: self, key: key.thumbprint() }),
            (None, None) => Err(TokenRefusal::UnknownKey { kid: None }),
            (None, Some(kid)) if !keys.contains_kid(kid) => {
                Err(TokenRefusal::UnknownKey { kid: Some(Excerpt::of(kid)) })
            }
            (None, Some(_)) if candidates.is_empty() => {
                Err(TokenRefusal::KeyUnfit { algorithm: self.algorithm })
            }
            (None, Some(_)) => Err(TokenRefusal::BadSignature),
        }
    }

    /// The whole text.
    pub(crate) fn token(&self) -> &'a str {
        self.token
    }

    /// The payload, though nobody vouches for it yet.
    pub(crate) fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }
}

/// A JWS whose signature has been verified.
pub struct VerifiedJws<'a> {
    jws: &'a UnverifiedJws<'a>,
    key: Thumbprint,
}

impl VerifiedJws<'_> {
    /// The bytes that were signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.jws.payload
    }

    /// The key that verified them.
    #[must_use]
    pub fn key_thumbprint(&self) -> Thumbprint {
        self.key
    }
}

/// What a header says that matters.
struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, TokenRefusal> {
        let part = Part::Header;
        let header = json::parse(bytes, &Limits::TOKEN)
            .map_err(|source| TokenRefusal::Json { part, source })?;
        let header = header.as_object().ok_or(TokenRefusal::NotAnObject { part })?;
        if header.contains("crit") {
            return Err(TokenRefusal::CriticalExtension);
        }
        if header.get("b64").is_some_and(|b64| b64.as_bool() != Some(true)) {
            return Err(TokenRefusal::UnencodedPayload);
        }
        if header.contains("zip") {
            return Err(TokenRefusal::Compressed);
        }
        let name = text(header, "alg")?.ok_or(TokenRefusal::NoAlgorithm)?;
        let algorithm = name
            .parse()
            .map_err(|source: UnknownAlgorithm| TokenRefusal::UnknownAlgorithm { source })?;
        let kid = text(header, "kid")?;
        if kid.is_some_and(|kid| kid.len() > MAX_IDENTIFIER_BYTES) {
            let limit = MAX_IDENTIFIER_BYTES;
            return Err(TokenRefusal::LongClaim { name: "kid".into(), limit });
        }
        let typ = text(header, "typ")?.map(normal_type);
        Ok(Self { algorithm, kid: kid.map(Into::into), typ })
    }
}

/// RFC 7515 §4.1.9: a media type, compared without case, whose `application/` may be left out.
pub(crate) fn normal_type(typ: &str) -> String {
    let lower = typ.to_ascii_lowercase();
    match lower.strip_prefix("application/") {
        Some(short) if !short.contains('/') => short.to_owned(),
        _ => lower,
    }
}

fn text<'a>(header: &'a Object, name: &'static str) -> Result<Option<&'a str>, TokenRefusal> {
    let mistyped = || TokenRefusal::HeaderNotText { name };
    header.get(name).map(|value| value.as_str().ok_or_else(mistyped)).transpose()
}

fn decode(part: Part, text: &str) -> Result<Vec<u8>, TokenRefusal> {
    base64url::decode(text).ok_or(TokenRefusal::Encoding { part })
}
