//! TLS for tests: an authority, certificates of it, and clients that believe it alone.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    SanType,
};
use rustls::client::{Resumption, WantsClientCert};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

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
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        // Another name than the authority has, which would look self-signed.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(params.signed_by(&key, &self.0)?.pem() + &key.serialize_pem())
    }

    /// A new certificate for the workload called `id`, a SPIFFE ID, that can be reached by `host`, and its key, each in PEM.
    ///
    /// # Errors
    /// When no key can be made, or a name is none.
    pub fn sign_workload(&self, id: &str, host: &str) -> Result<(String, String)> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        // Another name than the authority has, which would look self-signed.
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names.push(SanType::URI(id.try_into()?));
        Ok((params.signed_by(&key, &self.0)?.pem(), key.serialize_pem()))
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
        Ok(unresumed(self.believing()?.with_no_client_auth()))
    }

    /// The same, with a certificate and its key, each in PEM, to show when it is asked for one.
    ///
    /// # Errors
    /// When they are none, or TLS cannot be set up.
    pub fn client_showing(&self, certificate: &str, key: &str) -> Result<Arc<ClientConfig>> {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
        Ok(unresumed(self.believing()?.with_client_auth_cert(vec![certificate], key)?))
    }

    fn believing(&self) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots))
    }
}

fn unresumed(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.resumption = Resumption::disabled();
    Arc::new(config)
}
