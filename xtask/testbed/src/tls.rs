//! TLS for tests: an authority, certificates of it, and clients that believe it alone.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ClientConfig, RootCertStore};

use crate::clock::epoch_seconds;

/// An authority.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// A new certificate for `name` and its key, in PEM.
    ///
    /// # Errors
    /// When no key can be made, or the name is none.
    pub fn sign(&self, name: &str) -> Result<String> {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec![name.to_owned()])?.signed_by(&key, &self.0)?;
        Ok(certificate.pem() + &key.serialize_pem())
    }

    /// The authority's own certificate, in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A new certificate for `name` and its key, in PEM, that holds since `past` ago and for `left` from now on.
    ///
    /// # Errors
    /// When no key can be made, or the name is none.
    pub fn sign_between(&self, name: &str, past: Duration, left: Duration) -> Result<String> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(epoch_seconds());
        params.not_before = (now - past).into();
        params.not_after = (now + left).into();
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(certificate.pem() + &key.serialize_pem())
    }

    /// A client that believes this authority alone, and resumes no session: each connection sees the certificate.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn client(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }
}
