//! One public key of an issuer, read from its JWK (RFC 7517 §4) and parsed once, ready to verify.

mod material;
mod weakness;

use aws_lc_rs::signature::ParsedPublicKey;
use thiserror::Error;

use crate::algorithm::{Algorithm, UnknownAlgorithm};
use crate::excerpt::Excerpt;
use crate::json::{Object, Value};
use crate::limits::MAX_IDENTIFIER_BYTES;
use crate::thumbprint::Thumbprint;

use material::Material;

/// A public key, and what it may verify.
#[derive(Debug)]
pub(crate) struct Key {
    kid: Option<Box<str>>,
    thumbprint: Thumbprint,
    /// One parsed key for each algorithm that the key may be used with.
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
}

impl Key {
    /// Reads a JWK.
    pub(crate) fn read(jwk: &Value) -> Result<Self, KeyRefusal> {
        let jwk = jwk.as_object().ok_or(KeyRefusal::NotAnObject)?;
        let kid = text(jwk, "kid")?;
        if kid.is_some_and(|kid| kid.len() > MAX_IDENTIFIER_BYTES) {
            return Err(KeyRefusal::LongKeyId { limit: MAX_IDENTIFIER_BYTES });
        }
        refuse_secrets(jwk)?;
        refuse_other_uses(jwk)?;
        let material = Material::read(jwk)?;
        let algorithms = match text(jwk, "alg")? {
            None => material.algorithms().to_vec(),
            Some(name) => {
                let algorithm: Algorithm = name.parse()?;
                if !material.algorithms().contains(&algorithm) {
                    let kind = material.name();
                    return Err(KeyRefusal::AlgorithmUnfit { algorithm, kind });
                }
                vec![algorithm]
            }
        };
        let parse = |algorithm| Some((algorithm, material.parse(algorithm)?));
        let verifiers: Option<Vec<_>> = algorithms.into_iter().map(parse).collect();
        let verifiers = verifiers.ok_or(KeyRefusal::NotAKey { kind: material.name() })?;
        Ok(Self { kid: kid.map(Into::into), thumbprint: material.thumbprint(), verifiers })
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    pub(crate) fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.verifiers.iter().map(|(algorithm, _)| *algorithm)
    }

    /// The parsed key for `algorithm`, if the key may be used with it.
    pub(crate) fn verifier(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        self.verifiers.iter().find(|(able, _)| *able == algorithm).map(|(_, key)| key)
    }
}

/// Why a published key is not used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeyRefusal {
    /// Its `alg` is not one that verifies tokens.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// Its `alg` belongs to another kind of key.
    #[error("its `alg` is {algorithm}, which a key of kind {kind} cannot verify")]
    AlgorithmUnfit {
        /// The algorithm it names.
        algorithm: Algorithm,
        /// What the key is.
        kind: &'static str,
    },
    /// Its curve is not one we verify on.
    #[error("its curve `{crv}` is not accepted; expected P-256, P-384, P-521 or Ed25519")]
    Curve {
        /// The curve it names.
        crv: Excerpt,
    },
    /// Its RSA exponent is even, below 3, or longer than 32 bits.
    #[error("its RSA exponent is not an odd number from 3 to 4294967295")]
    Exponent,
    /// Its `key_ops` do not allow to verify.
    #[error("its `key_ops` do not name `verify`")]
    KeyOps,
    /// Its `kid` is too long.
    #[error("its `kid` has more than {limit} bytes")]
    LongKeyId {
        /// The limit.
        limit: usize,
    },
    /// A member is missing, or not written as it must be.
    #[error("its `{name}` is not {expected}")]
    Member {
        /// The member.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Its RSA modulus is too short, too long, or even.
    #[error("its RSA modulus has {bits} bits; expected an odd number of 2048 to 8192 bits")]
    Modulus {
        /// How long it is.
        bits: usize,
    },
    /// It is not a key: the point is not on the curve, or the numbers do not fit.
    #[error("it is not a valid {kind} key")]
    NotAKey {
        /// What it claims to be.
        kind: &'static str,
    },
    /// It is not a JSON object.
    #[error("it is not an object")]
    NotAnObject,
    /// It holds a private member: whoever reads the key set can sign as the issuer.
    #[error(
        "it publishes its PRIVATE member `{name}`: anyone can sign with it, and the issuer must replace it at once"
    )]
    Private {
        /// The private member.
        name: &'static str,
    },
    /// Its modulus was made by a generator whose keys can be factored (CVE-2017-15361).
    #[error(
        "its RSA modulus has the ROCA weakness (CVE-2017-15361): the private key can be computed"
    )]
    Roca,
    /// Its point has small order: signatures under it can be made by anybody.
    #[error("its Ed25519 point has small order: anyone can sign under it")]
    SmallOrder,
    /// It is a shared secret.
    #[error("it is a symmetric key (`kty` oct), which never verifies a token here")]
    Symmetric,
    /// Its kind is not one that we verify with.
    #[error("its `kty` `{kty}` is not accepted; expected EC, OKP or RSA")]
    Type {
        /// The kind it names.
        kty: Excerpt,
    },
    /// It is meant for something else than signatures.
    #[error("its `use` is `{purpose}`; expected `sig`")]
    Use {
        /// The use it names.
        purpose: Excerpt,
    },
}

/// The string member called `name`, if there is one.
fn text<'a>(jwk: &'a Object, name: &'static str) -> Result<Option<&'a str>, KeyRefusal> {
    let mistyped = KeyRefusal::Member { name, expected: "a string" };
    jwk.get(name).map(|value| value.as_str().ok_or(mistyped)).transpose()
}

/// RFC 7518 §6: `d` and its companions of any kind of key, `k` of a symmetric one.
fn refuse_secrets(jwk: &Object) -> Result<(), KeyRefusal> {
    if text(jwk, "kty")? == Some("oct") {
        return Err(KeyRefusal::Symmetric);
    }
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    match private.into_iter().find(|name| jwk.contains(name)) {
        Some(name) => Err(KeyRefusal::Private { name }),
        None => Ok(()),
    }
}

/// RFC 7517 §4.2, §4.3.
fn refuse_other_uses(jwk: &Object) -> Result<(), KeyRefusal> {
    if let Some(purpose) = text(jwk, "use")?
        && purpose != "sig"
    {
        return Err(KeyRefusal::Use { purpose: Excerpt::of(purpose) });
    }
    if let Some(operations) = jwk.get("key_ops") {
        let mistyped = KeyRefusal::Member { name: "key_ops", expected: "an array of strings" };
        let operations = operations.as_array().ok_or_else(|| mistyped.clone())?;
        let operations: Option<Vec<_>> = operations.iter().map(Value::as_str).collect();
        if !operations.ok_or(mistyped)?.contains(&"verify") {
            return Err(KeyRefusal::KeyOps);
        }
    }
    Ok(())
}
