//! Why a client certificate is not believed.

use thiserror::Error;

/// Why a client certificate is refused. The message is for the operator's records.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CertificateRefusal {
    /// More than one issuer vouches for it: it is nobody's.
    #[error("more than one issuer vouches for the client certificate")]
    Ambiguous,
    /// It has ended.
    #[error("the client certificate, or one above it, has expired")]
    Expired,
    /// It is no certificate, or not one of X.509 v3 in DER.
    #[error("the client certificate cannot be read")]
    Malformed,
    /// It holds no name of the kind that its issuer gives, or more than one.
    #[error(
        "the client certificate has {found} names of the kind {expected}, and must have exactly one"
    )]
    Names {
        /// The kind of name that is read.
        expected: &'static str,
        /// How many there are.
        found: usize,
    },
    /// It does not hold yet.
    #[error("the client certificate, or one above it, is not yet valid")]
    NotYetValid,
    /// There is no issuer of client certificates.
    #[error("no issuer vouches for client certificates")]
    NoIssuer,
    /// Its name is none that can be believed.
    #[error("the name in the client certificate is not {expected}")]
    NotAName {
        /// What it must be.
        expected: &'static str,
    },
    /// It is of another trust domain.
    #[error("the client certificate is of another trust domain than `{expected}`")]
    TrustDomain {
        /// The issuer's.
        expected: String,
    },
    /// No authority of the issuer vouches for it, or not for this use.
    #[error("no authority of the issuer vouches for the client certificate: {0}")]
    Unvouched(String),
}

impl CertificateRefusal {
    /// Whether the same chain can be believed, or refused for another reason, at another time.
    #[must_use]
    pub const fn may_pass_with_time(&self) -> bool {
        matches!(self, Self::Expired | Self::NotYetValid | Self::Unvouched(_))
    }

    /// What is wrong with the way from the certificate to an authority.
    pub(super) fn of_path(error: &webpki::Error) -> Self {
        match error {
            webpki::Error::BadDer => Self::Malformed,
            webpki::Error::CertExpired { .. } => Self::Expired,
            webpki::Error::CertNotValidYet { .. } => Self::NotYetValid,
            other => Self::Unvouched(other.to_string()),
        }
    }
}
