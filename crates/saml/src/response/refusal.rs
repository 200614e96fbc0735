use thiserror::Error;
use tokens::Excerpt;

use crate::signature::SignatureRefusal;
use crate::xml::XmlRefusal;

/// Why an answer signs nobody in. The message is for the operator's records.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ResponseRefusal {
    /// It is for somebody else.
    #[error("the assertion is not for us: its audience is none, or another than our entity ID")]
    Audience,
    /// It is encrypted in a way that shows no change.
    #[error(
        "the assertion is encrypted with AES-CBC: let the provider use AES-GCM or not encrypt, or see `danger_cbc`, which takes a signature over the response too"
    )]
    Cbc,
    /// A condition is one that we do not know, and so cannot meet.
    #[error("the assertion has a condition that is not known")]
    Condition,
    /// Nothing confirms that who brings it is its subject.
    #[error(
        "no subject confirmation is one of the bearer, for this place (Recipient), for this request (InResponseTo) and in time (NotOnOrAfter)"
    )]
    Confirmation,
    /// The provider says no.
    #[error("the provider answers `{code}`")]
    Declined {
        /// The inner status code, or the outer where there is none.
        code: Excerpt,
    },
    /// It was sent to somebody else.
    #[error("the response is not addressed to this place")]
    Destination,
    /// Something in it is encrypted that must not be.
    #[error("{what} is encrypted, in a way that is not taken")]
    Encrypted {
        /// What.
        what: &'static str,
    },
    /// It is of another provider.
    #[error("the {of} is of another issuer")]
    Issuer {
        /// The response, or the assertion.
        of: &'static str,
    },
    /// It holds no assertion, or more than one.
    #[error("the response holds {found} assertions, and must hold one")]
    Number {
        /// How many.
        found: usize,
    },
    /// A moment is not written as one.
    #[error("`{name}` is not a moment in UTC")]
    Moment {
        /// The attribute.
        name: &'static str,
    },
    /// The name of the subject is not one that can be believed of this provider.
    #[error(
        "the name of the subject is empty, too long, or qualified by another than the provider and us"
    )]
    NameId,
    /// It answers another request than the one that was made, or one where none was.
    #[error("the response does not answer this request")]
    Request,
    /// The provider does not allow that its word is passed on, which services behind us rely on.
    #[error("the assertion must not be passed on (ProxyRestriction)")]
    Restricted,
    /// A signature is refused, or where it stands.
    #[error(transparent)]
    Signature(#[from] SignatureRefusal),
    /// It is not of the form that the standard gives it.
    #[error("{of} is not of the form that SAML gives it")]
    Structure {
        /// The element.
        of: &'static str,
    },
    /// It is too old, not yet good, or good no more.
    #[error("`{name}` is past, or not yet reached: compare the clocks of both, and see `skew`")]
    Time {
        /// The attribute.
        name: &'static str,
    },
    /// It cannot be decrypted, or what is decrypted is no assertion.
    #[error(
        "the assertion cannot be decrypted: see the provider's settings, and docs/sign-in.md for what is taken"
    )]
    Undecipherable,
    /// Nothing in it is signed.
    #[error("neither the response nor the assertion is signed")]
    Unsigned,
    /// It is not SAML 2.0.
    #[error("the {of} is not of SAML 2.0")]
    Version {
        /// The response, or the assertion.
        of: &'static str,
    },
    /// It is not a document that is read.
    #[error(transparent)]
    Xml(#[from] XmlRefusal),
}

impl ResponseRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Audience => "saml_audience",
            Self::Cbc => "saml_cbc",
            Self::Condition => "saml_condition",
            Self::Confirmation => "saml_confirmation",
            Self::Declined { .. } => "saml_declined",
            Self::Destination => "saml_destination",
            Self::Encrypted { .. } => "saml_encrypted",
            Self::Issuer { .. } => "saml_issuer",
            Self::Moment { .. } => "saml_moment",
            Self::NameId => "saml_name_id",
            Self::Number { .. } => "saml_number",
            Self::Request => "saml_request",
            Self::Restricted => "saml_restricted",
            Self::Signature(refusal) => refusal.code(),
            Self::Structure { .. } => "saml_structure",
            Self::Time { .. } => "saml_time",
            Self::Undecipherable => "saml_undecipherable",
            Self::Unsigned => "saml_unsigned",
            Self::Version { .. } => "saml_version",
            Self::Xml(refusal) => refusal.code(),
        }
    }
}
