//! Client certificates: a chain that was shown, verified against the authorities of one issuer, becomes facts.

mod profile;
mod refusal;
mod subject;

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::fingerprint::Fingerprint;
use crate::profile::Revision;
use crate::time::Timestamp;

pub use profile::{CertificateProfile, CertificateProfileError};
pub use refusal::CertificateRefusal;
pub use subject::{CertificateSubject, MAX_SPIFFE_ID_BYTES, TrustDomain, TrustDomainError};

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;

/// The most certificates that are looked at of what a caller shows.
pub const MAX_CHAIN: usize = 10;
/// The most certificates between the caller's own and an authority's.
const MAX_BETWEEN: usize = 4;

/// The certificates that a caller showed, its own first. Whoever shows them has proven to TLS that it holds the key of
/// the first one (RFC 8446 §4.4.3); what they say is believed only once they are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedChain {
    certificates: Vec<CertificateDer<'static>>,
}

impl UnverifiedChain {
    /// The chain of these certificates in DER, the caller's own first; nothing without any.
    ///
    /// What does not lead from one certificate to the next is left out, and so is what is beyond [`MAX_CHAIN`]. Where two
    /// of the same name could be the next, the chain ends: which of them is meant is not searched for, because the ways
    /// through ten certificates of one name are more than can be tried.
    #[must_use]
    pub fn new<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut shown = certificates.into_iter().take(MAX_CHAIN);
        let own = shown.next()?;
        let others: Vec<_> = shown.filter_map(|der| Some((der, parsed(der).ok()?))).collect();
        let mut chain = vec![own];
        let mut last = parsed(own).ok();
        while let Some(issuer) = last.as_ref().map(|last| last.issuer().as_raw()) {
            let mut next = others
                .iter()
                .filter(|(der, one)| one.subject().as_raw() == issuer && !chain.contains(der));
            let (Some((der, one)), None) = (next.next(), next.next()) else { break };
            if chain.len() > MAX_BETWEEN {
                break;
            }
            chain.push(der);
            last = Some(one.clone());
        }
        let certificates = chain.into_iter().map(|der| CertificateDer::from(der.to_vec()));
        Some(Self { certificates: certificates.collect() })
    }

    /// The caller's own certificate, and those that lead from it towards an authority's.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// SHA-256 of the caller's own certificate: what a token that is bound to it names (RFC 8705 §3.1).
    #[must_use]
    pub fn thumbprint(&self) -> [u8; 32] {
        self.certificates.first().map_or([0; 32], |own| crate::fingerprint::sha256(own))
    }

    /// From when until when the first certificate says that it holds.
    ///
    /// # Errors
    /// When it is no certificate.
    pub fn times(&self) -> Result<(Timestamp, Timestamp), CertificateRefusal> {
        times(self.certificates.first().ok_or(CertificateRefusal::Malformed)?)
    }

    /// Verifies the chain at this moment (RFC 5280 §6): signatures up to an authority of the profile, times, usage for
    /// client authentication, and exactly one name of the kind that the profile reads.
    ///
    /// # Errors
    /// The first reason not to believe it.
    pub fn verify(
        &self,
        profile: &CertificateProfile,
        now: Timestamp,
    ) -> Result<VerifiedCertificate, CertificateRefusal> {
        self.verify_for(KeyUsage::client_auth(), profile, now)
    }

    /// The same for a server's chain, with usage for server authentication.
    ///
    /// # Errors
    /// The first reason not to believe it.
    pub fn verify_server(
        &self,
        profile: &CertificateProfile,
        now: Timestamp,
    ) -> Result<VerifiedCertificate, CertificateRefusal> {
        self.verify_for(KeyUsage::server_auth(), profile, now)
    }

    fn verify_for(
        &self,
        usage: KeyUsage,
        profile: &CertificateProfile,
        now: Timestamp,
    ) -> Result<VerifiedCertificate, CertificateRefusal> {
        let (own, others) = self.certificates.split_first().ok_or(CertificateRefusal::Malformed)?;
        let leaf = EndEntityCert::try_from(own).map_err(|_| CertificateRefusal::Malformed)?;
        let path = leaf
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                profile.authorities(),
                others,
                UnixTime::since_unix_epoch(Duration::from_millis(now.as_millis())),
                usage,
                None,
                None,
            )
            .map_err(|error| CertificateRefusal::of_path(&error))?;
        let (mut usable_from, mut usable_until) = (Timestamp::default(), Timestamp::MAX);
        let between: Vec<_> = path.intermediate_certificates().map(|one| one.der()).collect();
        for der in between.iter().chain([own]) {
            let (from, until) = times(der)?;
            usable_from = usable_from.max(from);
            usable_until = usable_until.min(until);
        }
        let own = parsed(own)?;
        Ok(VerifiedCertificate {
            issuer: Arc::clone(profile.name()),
            subject: profile.subject().read(&own)?,
            usable_from,
            usable_until,
            fingerprint: Fingerprint::of_certificate(own.tbs_certificate.as_ref()),
            profile_revision: profile.revision(),
        })
    }
}

fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, CertificateRefusal> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateRefusal::Malformed),
    }
}

/// From when until when a certificate holds. Its last second is whole (RFC 5280 §4.1.2.5).
fn times(der: &[u8]) -> Result<(Timestamp, Timestamp), CertificateRefusal> {
    let certificate = parsed(der)?;
    let validity = certificate.validity();
    // Before 1970 is long ago.
    let at = |seconds: i64| Timestamp::from_secs(u64::try_from(seconds).unwrap_or(0));
    let (from, until) = (at(validity.not_before.timestamp()), at(validity.not_after.timestamp()));
    Ok((from, until.plus(Duration::from_secs(1))))
}

/// The facts of a verified client certificate. Only [`UnverifiedChain::verify`] makes one. They hold under the profile
/// they were found with, and from [`VerifiedCertificate::usable_from`] until [`VerifiedCertificate::usable_until`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCertificate {
    issuer: Arc<str>,
    subject: String,
    usable_from: Timestamp,
    usable_until: Timestamp,
    fingerprint: Fingerprint,
    profile_revision: Revision,
}

impl VerifiedCertificate {
    /// The issuer, as it is called in the configuration. A subject means nothing without it.
    #[must_use]
    pub const fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    /// Whose certificate it is: a SPIFFE ID or a DNS name, by the profile.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The first moment at which the chain verifies.
    #[must_use]
    pub const fn usable_from(&self) -> Timestamp {
        self.usable_from
    }

    /// The first moment at which the chain no longer verifies.
    #[must_use]
    pub const fn usable_until(&self) -> Timestamp {
        self.usable_until
    }

    /// Whether the chain verifies at this moment, all else unchanged.
    #[must_use]
    pub fn is_usable_at(&self, now: Timestamp) -> bool {
        self.usable_from <= now && now < self.usable_until
    }

    /// The name under which the certificate is known in records and revocations: the SHA-256 of what its authority
    /// signed.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The options that it was verified under.
    #[must_use]
    pub const fn profile_revision(&self) -> Revision {
        self.profile_revision
    }
}
