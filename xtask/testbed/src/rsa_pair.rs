//! RSA keys with certificates, for parties that know nothing else.

use anyhow::Result;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};

/// A certificate and its private key, in PEM.
#[derive(Clone, Debug)]
pub struct RsaPair {
    /// The certificate.
    pub certificate: String,
    /// The key, in PKCS #8.
    pub key: String,
}

impl RsaPair {
    /// A new one of this name.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new(name: &str) -> Result<Self> {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let certificate = CertificateParams::new(vec![name.to_owned()])?.self_signed(&pair)?;
        Ok(Self { certificate: certificate.pem(), key: pair.serialize_pem() })
    }

    /// Both in one text.
    #[must_use]
    pub fn pem(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }
}
