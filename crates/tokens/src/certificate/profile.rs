//! What the client certificates of an issuer must be.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, TrustAnchor};
use thiserror::Error;
use webpki::anchor_from_trusted_cert;

use super::subject::CertificateSubject;
use crate::profile::Revision;

/// What client certificates must be to be believed under an issuer's name: whose authorities vouch for them, and which
/// of their names is the subject. Subjects are always workloads.
#[derive(Clone)]
pub struct CertificateProfile {
    name: Arc<str>,
    subject: CertificateSubject,
    certificates: Vec<CertificateDer<'static>>,
    authorities: Vec<TrustAnchor<'static>>,
    revision: Revision,
}

/// Why there is no profile.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CertificateProfileError {
    /// A certificate that no authority has.
    #[error("expected certificates of authorities, and number {0} cannot be read as one")]
    Authority(usize),
    /// No authority.
    #[error("expected the certificate of an authority, and found none")]
    NoAuthority,
}

/// By what they say: its digest is the revision.
impl PartialEq for CertificateProfile {
    fn eq(&self, other: &Self) -> bool {
        self.revision == other.revision
    }
}

impl Eq for CertificateProfile {}

impl CertificateProfile {
    /// The profile of the issuer with this name in the configuration, whose authorities have these certificates, in DER.
    ///
    /// # Errors
    /// When there is none, or one cannot be read.
    pub fn new(
        name: impl Into<Arc<str>>,
        authorities: impl IntoIterator<Item = Vec<u8>>,
        subject: CertificateSubject,
    ) -> Result<Self, CertificateProfileError> {
        let name = name.into();
        let certificates: Vec<_> = authorities.into_iter().map(CertificateDer::from).collect();
        let anchors = certificates.iter().enumerate().map(|(index, certificate)| {
            let anchor = anchor_from_trusted_cert(certificate);
            anchor
                .map(|anchor| anchor.to_owned())
                .map_err(|_| CertificateProfileError::Authority(index + 1))
        });
        let authorities: Vec<_> = anchors.collect::<Result<_, _>>()?;
        if authorities.is_empty() {
            return Err(CertificateProfileError::NoAuthority);
        }
        let bytes: Vec<&[u8]> = certificates.iter().map(AsRef::as_ref).collect();
        let revision = Revision::of(&(&name, &subject, bytes));
        Ok(Self { name, subject, certificates, authorities, revision })
    }

    /// The issuer's name in the configuration.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Which name of a certificate is its subject.
    #[must_use]
    pub const fn subject(&self) -> &CertificateSubject {
        &self.subject
    }

    /// The certificates of the authorities, in DER.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(AsRef::as_ref)
    }

    /// Changes with everything that certificates are verified by.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    pub(super) fn authorities(&self) -> &[TrustAnchor<'static>] {
        &self.authorities
    }
}

impl fmt::Debug for CertificateProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateProfile")
            .field("name", &self.name)
            .field("subject", &self.subject)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}
