//! The certificate that a provider signs its messages with: a public key and for how long it is used. Nobody's signature
//! on it counts: it is believed because it was configured, or stands in metadata that is believed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::fingerprint::sha256;
use crate::json::{Object, Value};
use crate::key::{Key, KeyRefusal};
use crate::time::Timestamp;

#[cfg(test)]
#[path = "signer_certificate_tests.rs"]
mod tests;

/// A certificate whose key verifies signatures.
#[derive(Clone)]
pub struct SignerCertificate {
    key: Arc<Key>,
    fingerprint: [u8; 32],
    times: (Timestamp, Timestamp),
}

impl SignerCertificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// If it is none, or its key is none that we verify with.
    pub fn from_der(der: &[u8]) -> Result<Self, SignerCertificateError> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| SignerCertificateError::Malformed)?;
        if !rest.is_empty() {
            return Err(SignerCertificateError::Malformed);
        }
        let validity = certificate.validity();
        let moment = |time: i64| Timestamp::from_secs(u64::try_from(time).unwrap_or_default());
        let times =
            (moment(validity.not_before.timestamp()), moment(validity.not_after.timestamp()));
        let key = Arc::new(Key::read(&jwk(certificate.public_key())?)?);
        Ok(Self { key, fingerprint: sha256(der), times })
    }

    /// Whether its key made `signature` over `message`.
    #[must_use]
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verifier = self.key.verifier(algorithm);
        verifier.is_some_and(|key| key.verify_sig(message, signature).is_ok())
    }

    /// Whether its key is of the kind that this algorithm takes.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.key.verifier(algorithm).is_some()
    }

    /// From when until when the certificate says that it holds, both included.
    #[must_use]
    pub const fn times(&self) -> (Timestamp, Timestamp) {
        self.times
    }

    /// SHA-256 of the certificate.
    #[must_use]
    pub const fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }
}

impl fmt::Debug for SignerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint: String =
            self.fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
        write!(f, "SignerCertificate({fingerprint})")
    }
}

/// The key as the one form in which keys are judged, so that a weak one is refused wherever it comes from.
fn jwk(key: &SubjectPublicKeyInfo<'_>) -> Result<Value, SignerCertificateError> {
    let unsuitable = || SignerCertificateError::Unsuitable;
    let members = match key.parsed().map_err(|_| SignerCertificateError::Malformed)? {
        PublicKey::RSA(numbers) => {
            let integer = |bytes: &[u8]| {
                let from = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
                base64url::encode(bytes.get(from..).unwrap_or_default())
            };
            vec![
                ("kty", "RSA".to_owned()),
                ("n", integer(numbers.modulus)),
                ("e", integer(numbers.exponent)),
            ]
        }
        PublicKey::EC(point) => {
            let parameters = key.algorithm.parameters.as_ref().ok_or_else(unsuitable)?;
            let curve = parameters.as_oid().map_err(|_| unsuitable())?;
            let curves =
                [(OID_EC_P256, "P-256"), (OID_NIST_EC_P384, "P-384"), (OID_NIST_EC_P521, "P-521")];
            let (_, crv) =
                curves.into_iter().find(|(oid, _)| *oid == curve).ok_or_else(unsuitable)?;
            // SEC 1 §2.3.3: an uncompressed point.
            let coordinates = point.data().strip_prefix(&[0x04]).ok_or_else(unsuitable)?;
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            vec![
                ("kty", "EC".to_owned()),
                ("crv", crv.to_owned()),
                ("x", base64url::encode(x)),
                ("y", base64url::encode(y)),
            ]
        }
        _ => return Err(unsuitable()),
    };
    let members: BTreeMap<_, _> =
        members.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text))).collect();
    Ok(Value::Object(Object::from(members)))
}

/// Why nothing is verified with a certificate.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignerCertificateError {
    /// Its key is one that is not safe to use.
    #[error("the key of the certificate is not used: {0}")]
    Key(#[from] KeyRefusal),
    /// It is not a certificate of X.509 in DER, or something follows it.
    #[error("the certificate cannot be read")]
    Malformed,
    /// Its key is neither RSA nor on one of the curves P-256, P-384 and P-521.
    #[error("the key of the certificate is neither RSA nor on P-256, P-384 or P-521")]
    Unsuitable,
}
