//! Signatures of ours: over a whole message, enveloped.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SecureRandom;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use tokens::{Algorithm, SigningKey};

use super::algorithm::{ENVELOPED, EXCLUSIVE, uri_of};
use crate::c14n::canonical;
use crate::namespace::{DS, SAML};
use crate::writer::Writer;
use crate::xml::{Element, Limits, parse, scan};

const SHA_256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// A key of ours, and the certificate by which providers know it.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The key: RSA or on one of the curves of NIST.
    pub key: &'a SigningKey,
    /// Its certificate, in DER.
    pub certificate: &'a [u8],
}

impl Signer<'_> {
    /// The URI of its algorithm.
    pub(crate) fn uri(&self) -> Result<&'static str, SignError> {
        uri_of(self.key.algorithm()).ok_or(SignError::Algorithm { algorithm: self.key.algorithm() })
    }

    /// The signature over these octets, in base64.
    pub(crate) fn value(
        &self,
        octets: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<String, SignError> {
        let signature = self.key.signature(octets, random).map_err(|_| SignError::Failed)?;
        Ok(STANDARD.encode(signature))
    }
}

/// `message` with a signature behind its issuer. Its root has an `ID`.
pub(crate) fn sign(
    message: &str,
    signer: &Signer<'_>,
    random: &dyn SecureRandom,
) -> Result<String, SignError> {
    let text = scan(message.as_bytes(), &Limits::MESSAGE).map_err(|_| SignError::Failed)?;
    let document = parse(text).map_err(|_| SignError::Failed)?;
    let root = Element(document.root_element());
    let id = root.id().ok_or(SignError::Failed)?;
    let first = root.elements().and_then(|elements| elements.first().copied());
    let issuer = first.filter(|first| first.is(SAML, "Issuer")).ok_or(SignError::Failed)?;
    let digest = STANDARD.encode(digest(&SHA256, &canonical(root.0, None, &[])));
    let info = |declaration: bool| {
        let open = Writer::default().markup("<ds:SignedInfo");
        let open = if declaration { open.attribute("xmlns:ds", DS) } else { open };
        let info = open
            .markup("><ds:CanonicalizationMethod")
            .attribute("Algorithm", EXCLUSIVE)
            .markup("></ds:CanonicalizationMethod><ds:SignatureMethod")
            .attribute("Algorithm", signer.uri()?)
            .markup("></ds:SignatureMethod><ds:Reference")
            .attribute("URI", &format!("#{id}"))
            .markup("><ds:Transforms><ds:Transform")
            .attribute("Algorithm", ENVELOPED)
            .markup("></ds:Transform><ds:Transform")
            .attribute("Algorithm", EXCLUSIVE)
            .markup("></ds:Transform></ds:Transforms><ds:DigestMethod")
            .attribute("Algorithm", SHA_256)
            .markup("></ds:DigestMethod><ds:DigestValue>")
            .text(&digest)
            .markup("</ds:DigestValue></ds:Reference></ds:SignedInfo>");
        Ok::<_, SignError>(info)
    };
    // What was just written is its own canonical form, once it declares the prefix that is declared around it.
    let value = signer.value(info(true)?.into_string().as_bytes(), random)?;
    let signature = Writer::default()
        .markup("<ds:Signature")
        .attribute("xmlns:ds", DS)
        .markup(">")
        .with(&info(false)?)
        .markup("<ds:SignatureValue>")
        .text(&value)
        .markup("</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>")
        .text(&STANDARD.encode(signer.certificate))
        .markup("</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>")
        .into_string();
    let (before, behind) = text.split_at_checked(issuer.0.range().end).ok_or(SignError::Failed)?;
    Ok(format!("{before}{signature}{behind}"))
}

/// Why nothing was signed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignError {
    /// SAML knows no name for the key's algorithm.
    #[error("a key for {algorithm} signs no SAML messages: take RSA, P-256, P-384 or P-521")]
    Algorithm {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The message has no ID or issuer, or signing failed.
    #[error("the message cannot be signed")]
    Failed,
}
