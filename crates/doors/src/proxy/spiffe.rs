//! Services that are known by their SPIFFE ID instead of a host name.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use tokens::{CertificateProfile, Timestamp, UnverifiedChain};

/// Believes a server whose certificate has one SPIFFE ID, and vouches for it by the authorities of its trust domain. The
/// name that was dialled does not count.
#[derive(Debug)]
pub(super) struct KnownById {
    pub(super) id: String,
    pub(super) profile: CertificateProfile,
    pub(super) provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for KnownById {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = UnverifiedChain::new(std::iter::once(own).chain(others).map(AsRef::as_ref));
        let now = Timestamp::from_secs(now.as_secs());
        let verified = chain.and_then(|chain| chain.verify_server(&self.profile, now).ok());
        match verified.filter(|certificate| certificate.subject() == self.id) {
            Some(_) => Ok(ServerCertVerified::assertion()),
            None => {
                Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
