//! The numbers of a key, by kind (RFC 7518 §6, RFC 8037 §2).

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents,
};

use super::{KeyRefusal, text, weakness};
use crate::algorithm::Algorithm;
use crate::base64url;
use crate::excerpt::Excerpt;
use crate::json::Object;
use crate::thumbprint::Thumbprint;

/// What a key consists of; checked for everything that can be seen without using it.
pub(super) enum Material {
    Ec { curve: Curve, point: Vec<u8>, thumbprint: Thumbprint },
    Ed25519 { point: [u8; 32], thumbprint: Thumbprint },
    Rsa { n: Vec<u8>, e: Vec<u8>, thumbprint: Thumbprint },
}

/// The shortest RSA modulus, in bits (RFC 7518 §3.3).
pub(super) const MIN_MODULUS_BITS: usize = 2048;
/// The longest RSA modulus, in bits: beyond it, verifying costs more than a caller may cost us.
pub(super) const MAX_MODULUS_BITS: usize = 8192;
/// The longest RSA exponent, in bytes.
const MAX_EXPONENT_BYTES: usize = 4;

impl Material {
    pub(super) fn read(jwk: &Object) -> Result<Self, KeyRefusal> {
        let crv = |name: &str| KeyRefusal::Curve { crv: Excerpt::of(name) };
        match required(jwk, "kty")? {
            "EC" => {
                let name = required(jwk, "crv")?;
                Self::ec(jwk, Curve::by_name(name).ok_or_else(|| crv(name))?)
            }
            "OKP" => match required(jwk, "crv")? {
                "Ed25519" => Self::ed25519(jwk),
                name => Err(crv(name)),
            },
            "RSA" => Self::rsa(jwk),
            kty => Err(KeyRefusal::Type { kty: Excerpt::of(kty) }),
        }
    }

    fn ec(jwk: &Object, curve: Curve) -> Result<Self, KeyRefusal> {
        let (x, y) = (required(jwk, "x")?, required(jwk, "y")?);
        let mut point = vec![0x04]; // SEC 1 §2.3.3: an uncompressed point
        for (name, text) in [("x", x), ("y", y)] {
            let coordinate = base64url::decode(text);
            let coordinate = coordinate.filter(|bytes| bytes.len() == curve.coordinate_bytes());
            let expected = "the base64url form of a coordinate, at full length";
            point.extend(coordinate.ok_or(KeyRefusal::Member { name, expected })?);
        }
        Ok(Self::Ec { curve, point, thumbprint: Thumbprint::of_ec(curve.name(), x, y) })
    }

    fn ed25519(jwk: &Object) -> Result<Self, KeyRefusal> {
        let x = required(jwk, "x")?;
        let expected = "the base64url form of 32 bytes";
        let point = base64url::decode_exact(x).ok_or(KeyRefusal::Member { name: "x", expected })?;
        if weakness::has_small_order(&point) {
            return Err(KeyRefusal::SmallOrder);
        }
        Ok(Self::Ed25519 { point, thumbprint: Thumbprint::of_okp("Ed25519", x) })
    }

    fn rsa(jwk: &Object) -> Result<Self, KeyRefusal> {
        let (n_text, e_text) = (required(jwk, "n")?, required(jwk, "e")?);
        let n = positive_integer("n", n_text)?;
        let e = positive_integer("e", e_text)?;
        let bits = bit_length(&n);
        if !(MIN_MODULUS_BITS..=MAX_MODULUS_BITS).contains(&bits) || is_even(&n) {
            return Err(KeyRefusal::Modulus { bits });
        }
        if e.len() > MAX_EXPONENT_BYTES || is_even(&e) || e == [1] {
            return Err(KeyRefusal::Exponent);
        }
        if weakness::is_roca(&n) {
            return Err(KeyRefusal::Roca);
        }
        Ok(Self::Rsa { thumbprint: Thumbprint::of_rsa(e_text, n_text), n, e })
    }

    /// The algorithms that a key of this kind can verify.
    pub(super) fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::Ec { curve: Curve::P256, .. } => &[Algorithm::Es256],
            Self::Ec { curve: Curve::P384, .. } => &[Algorithm::Es384],
            Self::Ec { curve: Curve::P521, .. } => &[Algorithm::Es512],
            Self::Ed25519 { .. } => &[Algorithm::Ed25519],
            Self::Rsa { .. } => &[
                Algorithm::Ps256,
                Algorithm::Ps384,
                Algorithm::Ps512,
                Algorithm::Rs256,
                Algorithm::Rs384,
                Algorithm::Rs512,
            ],
        }
    }

    /// What the kind is called in messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ec { curve, .. } => curve.name(),
            Self::Ed25519 { .. } => "Ed25519",
            Self::Rsa { .. } => "RSA",
        }
    }

    pub(super) fn thumbprint(&self) -> Thumbprint {
        let (Self::Ec { thumbprint, .. }
        | Self::Ed25519 { thumbprint, .. }
        | Self::Rsa { thumbprint, .. }) = self;
        *thumbprint
    }

    /// The key made ready for `algorithm`; `None` if the two do not fit or the key is not one.
    pub(super) fn parse(&self, algorithm: Algorithm) -> Option<ParsedPublicKey> {
        match self {
            Self::Ec { curve, point, .. } => {
                let fits = self.algorithms().contains(&algorithm);
                fits.then(|| ParsedPublicKey::new(curve.verification(), point).ok())?
            }
            Self::Ed25519 { point, .. } => {
                let fits = algorithm == Algorithm::Ed25519;
                fits.then(|| ParsedPublicKey::new(&signature::ED25519, point).ok())?
            }
            Self::Rsa { n, e, .. } => {
                let components = RsaPublicKeyComponents { n, e };
                components.to_parsed_public_key(rsa_verification(algorithm)?).ok()
            }
        }
    }
}

/// A curve of NIST (RFC 7518 §6.2.1.1).
#[derive(Clone, Copy)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    fn by_name(name: &str) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521].into_iter().find(|curve| curve.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    const fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    const fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::P521 => &signature::ECDSA_P521_SHA512_FIXED,
        }
    }
}

const fn rsa_verification(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 | Algorithm::Ed25519 => None,
    }
}

fn required<'a>(jwk: &'a Object, name: &'static str) -> Result<&'a str, KeyRefusal> {
    text(jwk, name)?.ok_or(KeyRefusal::Member { name, expected: "there" })
}

/// RFC 7518 §2, Base64urlUInt: as many bytes as the number needs and no more.
fn positive_integer(name: &'static str, text: &str) -> Result<Vec<u8>, KeyRefusal> {
    let bytes = base64url::decode(text);
    let minimal = bytes.filter(|bytes| bytes.first().is_some_and(|first| *first != 0));
    let expected = "the base64url form of a positive number, without leading zero bytes";
    minimal.ok_or(KeyRefusal::Member { name, expected })
}

fn bit_length(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |first| first.leading_zeros());
    number.len() * 8 - unused as usize
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_none_or(|last| last % 2 == 0)
}
