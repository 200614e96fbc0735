use thiserror::Error;
use tokens::{Algorithm, Excerpt};

/// Why a signature, or where it stands, is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignatureRefusal {
    /// It names an algorithm that is not taken.
    #[error("the signature names `{uri}`, which is not taken")]
    Algorithm {
        /// The algorithm.
        uri: Excerpt,
    },
    /// What it covers is not what was signed.
    #[error("what is signed was changed: the digest differs")]
    Digest,
    /// An ID is in a namespace: who looks for IDs otherwise would find another element.
    #[error("an ID is in a namespace")]
    ForeignId,
    /// None of the provider's keys made it.
    #[error("none of the certificates that count made the signature: it may be of a newer one")]
    Forged,
    /// The provider has no key of the kind that the signature names.
    #[error("the provider has no key that signs with {algorithm}")]
    KeyKind {
        /// The algorithm, by its name in JOSE.
        algorithm: Algorithm,
    },
    /// A signature stands where none may.
    #[error("a signature stands where none may")]
    Misplaced,
    /// It does not refer to the element that it stands in.
    #[error("the signature does not refer to the element that it stands in")]
    Reference,
    /// Two elements have the same ID.
    #[error("two elements have the same ID")]
    RepeatedId,
    /// It is not of the form that SAML allows.
    #[error("the signature is not of the form that SAML allows: {what}")]
    Structure {
        /// What is wrong.
        what: &'static str,
    },
}

impl SignatureRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Algorithm { .. } => "signature_algorithm",
            Self::Digest => "signature_digest",
            Self::ForeignId => "signature_foreign_id",
            Self::Forged => "signature_forged",
            Self::KeyKind { .. } => "signature_key_kind",
            Self::Misplaced => "signature_misplaced",
            Self::Reference => "signature_reference",
            Self::RepeatedId => "signature_repeated_id",
            Self::Structure { .. } => "signature_structure",
        }
    }
}
