//! Signing: what an issuer does. Doorward signs identities and tokens with it; tests mint real tokens with it.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::pkcs8::Document;
use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
    RsaKeyPair,
};
use serde::Serialize;

use thiserror::Error;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::json::{self, Limits};
use crate::key::Key;
use crate::limits::MAX_TOKEN_BYTES;
use crate::thumbprint::Thumbprint;

#[cfg(test)]
#[path = "signing_tests.rs"]
mod tests;

/// A private key, and the one algorithm it signs with.
pub struct SigningKey {
    algorithm: Algorithm,
    pair: Pair,
    public_jwk: serde_json::Value,
    thumbprint: Thumbprint,
}

impl SigningKey {
    /// A new key: RSA with 2048 bits, or on the curve of the algorithm.
    ///
    /// # Errors
    /// If the random source fails.
    pub fn generate(algorithm: Algorithm, rng: &dyn SecureRandom) -> Result<Self, SigningError> {
        let failed = |_| SigningError::Generate;
        match algorithm.family() {
            Family::Ec(curve) => {
                let secret = EcdsaKeyPair::generate_pkcs8(curve, rng).map_err(failed)?;
                Self::from_pkcs8(algorithm, secret.as_ref())
            }
            Family::Ed25519 => {
                let secret = Ed25519KeyPair::generate_pkcs8v1(rng).map_err(failed)?;
                Self::from_pkcs8(algorithm, secret.as_ref())
            }
            // aws-lc draws from its own source here; it takes no other.
            Family::Rsa(_) => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                Self::of(algorithm, Pair::Rsa(pair))
            }
        }
    }

    /// The key in a PKCS #8 document (RFC 5958), in DER.
    ///
    /// # Errors
    /// If it holds no key for this algorithm.
    pub fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, SigningError> {
        let rejected = |_| SigningError::NotAKey { algorithm };
        let pair = match algorithm.family() {
            Family::Ec(curve) => Pair::Ec(EcdsaKeyPair::from_pkcs8(curve, der).map_err(rejected)?),
            Family::Ed25519 => {
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(rejected)?)
            }
            Family::Rsa(_) => Pair::Rsa(RsaKeyPair::from_pkcs8(der).map_err(rejected)?),
        };
        Self::of(algorithm, pair)
    }

    /// The private key as a PKCS #8 document (RFC 5958), in DER.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn to_pkcs8(&self) -> Result<SecretDocument, SigningError> {
        let failed = |_| SigningError::Encode;
        Ok(SecretDocument(match &self.pair {
            Pair::Ec(pair) => Encoded::Document(pair.to_pkcs8v1().map_err(failed)?),
            Pair::Ed25519(pair) => Encoded::Document(pair.to_pkcs8v1().map_err(failed)?),
            Pair::Rsa(pair) => Encoded::Der(pair.as_der().map_err(failed)?),
        }))
    }

    /// The algorithm that the key signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The thumbprint of the public key.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The public key for a key set (RFC 7517 §4). Its `kid` is its thumbprint.
    #[must_use]
    pub fn public_jwk(&self) -> serde_json::Value {
        self.public_jwk.clone()
    }

    /// Signs claims as a compact JWS whose header has `alg`, `kid` and this `typ`.
    ///
    /// # Errors
    /// If the claims cannot be written as JSON, or the token would be longer than any verifier takes.
    pub fn sign(
        &self,
        typ: &str,
        claims: &impl Serialize,
        rng: &dyn SecureRandom,
    ) -> Result<String, SigningError> {
        let header = serde_json::json!({ "alg": self.algorithm.name(), "kid": self.thumbprint.to_string(), "typ": typ });
        let written = |_| SigningError::Claims;
        let header = serde_json::to_vec(&header).map_err(written)?;
        let token =
            self.sign_header(&header, &serde_json::to_vec(claims).map_err(written)?, rng)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SigningError::TooLong { bytes: token.len(), limit: MAX_TOKEN_BYTES });
        }
        Ok(token)
    }

    /// Signs exactly this header and payload, which need not make sense.
    ///
    /// # Errors
    /// If signing fails.
    pub fn sign_header(
        &self,
        header: &[u8],
        payload: &[u8],
        rng: &dyn SecureRandom,
    ) -> Result<String, SigningError> {
        let signed = [base64url::encode(header), base64url::encode(payload)].join(".");
        let signature = self.signature(signed.as_bytes(), rng)?;
        // As large as it must be: signed identities are kept by the thousand.
        Ok([signed, base64url::encode(&signature)].join("."))
    }

    /// The signature over `message` alone, as JOSE and XML Signature write it.
    ///
    /// # Errors
    /// If signing fails.
    pub fn signature(
        &self,
        message: &[u8],
        rng: &dyn SecureRandom,
    ) -> Result<Vec<u8>, SigningError> {
        let failed = |_| SigningError::Sign;
        match (&self.pair, self.algorithm.family()) {
            (Pair::Ec(pair), _) => Ok(pair.sign(rng, message).map_err(failed)?.as_ref().to_vec()),
            (Pair::Ed25519(pair), _) => {
                Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec())
            }
            (Pair::Rsa(pair), Family::Rsa(padding)) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, rng, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            // INVARIANT: the pair was made for the family of the algorithm.
            (Pair::Rsa(_), _) => Err(SigningError::Sign),
        }
    }

    fn of(algorithm: Algorithm, pair: Pair) -> Result<Self, SigningError> {
        let mut public_jwk = pair.public_members().ok_or(SigningError::NotAKey { algorithm })?;
        let members = [("alg", algorithm.name()), ("use", "sig")];
        public_jwk.extend(members.map(|(name, value)| (name.to_owned(), value.into())));
        // The verifier's own reading of the key decides what it is: what it would skip is never signed with.
        let document = serde_json::to_vec(&public_jwk).map_err(|_| SigningError::Encode)?;
        let read = json::parse(&document, &Limits::KEY_SET).ok();
        let key = read.and_then(|jwk| Key::read(&jwk).ok());
        let thumbprint = key.ok_or(SigningError::NotAKey { algorithm })?.thumbprint();
        public_jwk.insert("kid".into(), thumbprint.to_string().into());
        Ok(Self { algorithm, pair, public_jwk: public_jwk.into(), thumbprint })
    }
}

impl fmt::Debug for SigningKey {
    /// The public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {})", self.algorithm, self.thumbprint)
    }
}

/// A private key in PKCS #8. Its memory is cleared when it is dropped, and it is not shown.
pub struct SecretDocument(Encoded);

impl AsRef<[u8]> for SecretDocument {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Encoded::Der(der) => der.as_ref(),
            Encoded::Document(document) => document.as_ref(),
        }
    }
}

impl fmt::Debug for SecretDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDocument(…)")
    }
}

/// Why a key does not sign. Nothing of a private key is ever in a message.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SigningError {
    /// The claims do not serialise.
    #[error("the claims cannot be written as JSON")]
    Claims,
    /// The key does not encode.
    #[error("the key cannot be encoded")]
    Encode,
    /// No key could be made.
    #[error("no key could be generated")]
    Generate,
    /// The document holds no such key.
    #[error("expected a PKCS #8 document with a private key for {algorithm}")]
    NotAKey {
        /// The algorithm that the key is for.
        algorithm: Algorithm,
    },
    /// The signature could not be made.
    #[error("the signature could not be made")]
    Sign,
    /// The token would be too long.
    #[error("the token would have {bytes} bytes, more than {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

enum Encoded {
    Der(Pkcs8V1Der<'static>),
    Document(Document),
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Pair {
    /// The members of the public JWK that say what the key is (RFC 7518 §6, RFC 8037 §2).
    fn public_members(&self) -> Option<serde_json::Map<String, serde_json::Value>> {
        let encode = |bytes: &[u8]| base64url::encode(bytes);
        let members = match self {
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref().split_first()?.1; // behind 0x04, SEC 1 §2.3.3
                let (x, y) = point.split_at_checked(point.len() / 2)?;
                let crv = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                serde_json::json!({ "kty": "EC", "crv": crv, "x": encode(x), "y": encode(y) })
            }
            Self::Ed25519(pair) => {
                serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let n = encode(public.modulus().big_endian_without_leading_zero());
                let e = encode(public.exponent().big_endian_without_leading_zero());
                serde_json::json!({ "kty": "RSA", "n": n, "e": e })
            }
        };
        members.as_object().cloned()
    }
}

/// How an algorithm signs.
enum Family {
    Ec(&'static EcdsaSigningAlgorithm),
    Ed25519,
    Rsa(&'static dyn RsaEncoding),
}

impl Algorithm {
    fn family(self) -> Family {
        match self {
            Self::Es256 => Family::Ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Self::Es384 => Family::Ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Self::Es512 => Family::Ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Self::Ed25519 => Family::Ed25519,
            Self::Ps256 => Family::Rsa(&signature::RSA_PSS_SHA256),
            Self::Ps384 => Family::Rsa(&signature::RSA_PSS_SHA384),
            Self::Ps512 => Family::Rsa(&signature::RSA_PSS_SHA512),
            Self::Rs256 => Family::Rsa(&signature::RSA_PKCS1_SHA256),
            Self::Rs384 => Family::Rsa(&signature::RSA_PKCS1_SHA384),
            Self::Rs512 => Family::Rsa(&signature::RSA_PKCS1_SHA512),
        }
    }
}
