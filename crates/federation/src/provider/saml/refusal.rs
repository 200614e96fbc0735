//! Why a provider with SAML signs nobody in or out. Messages are for the operator.

use ::saml::{BindingRefusal, LogoutRefusal, ResponseRefusal, SignError};
use thiserror::Error;
use tokens::MappingRefusal;

/// Nothing is known about a provider that counts now.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MetadataLacking {
    /// It could not be had yet, or the provider is in it no more.
    #[error("the provider's metadata is not to be had: {why}")]
    Missing {
        /// Why.
        why: String,
    },
    /// It is no longer valid.
    #[error("the provider's metadata is no longer valid (`validUntil`)")]
    Over,
}

impl MetadataLacking {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "saml_metadata_missing",
            Self::Over => "saml_metadata_over",
        }
    }
}

/// Why nobody can be sent to a provider with SAML now.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SamlError {
    /// Nothing is known about it.
    #[error(transparent)]
    Metadata(#[from] MetadataLacking),
    /// It has no place that people are sent to.
    #[error("the provider's metadata has no SingleSignOnService by HTTP-Redirect or HTTP-POST")]
    NoPlace,
    /// The request cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl SamlError {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Metadata(lacking) => lacking.code(),
            Self::NoPlace => "saml_no_place",
            Self::Sign(_) => "saml_unsigned_request",
        }
    }
}

/// Why an answer of a provider with SAML signs nobody in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SamlRefusal {
    /// It is not carried as SAML says.
    #[error(transparent)]
    Binding(#[from] BindingRefusal),
    /// The subject signed in in another way than was asked for.
    #[error("the subject signed in in another way than was asked for (AuthnContextClassRef)")]
    Context,
    /// The provider has left the groups out, which are too many for it.
    #[error(
        "the subject is in more groups than the provider tells: assign fewer to the application, or application roles"
    )]
    GroupsElsewhere,
    /// There are no facts in it.
    #[error("what the provider says is not mapped: {0}")]
    Mapping(#[from] MappingRefusal),
    /// Nothing is known about the provider.
    #[error(transparent)]
    Metadata(#[from] MetadataLacking),
    /// The subject signed in too long ago.
    #[error("the subject signed in longer ago than was asked for (AuthnInstant)")]
    Old,
    /// It is not believed.
    #[error(transparent)]
    Response(#[from] ResponseRefusal),
    /// The provider's session is over already.
    #[error("the provider's session is over (SessionNotOnOrAfter)")]
    SessionOver,
    /// The name is another one in every session, and names nobody.
    #[error(
        "the subject is named for this session alone (transient): ask for another format, or let `subject` point at an attribute"
    )]
    Transient,
}

impl SamlRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Binding(refusal) => refusal.code(),
            Self::Context => "saml_context",
            Self::GroupsElsewhere => "saml_groups_elsewhere",
            Self::Mapping(refusal) => refusal.code(),
            Self::Metadata(lacking) => lacking.code(),
            Self::Old => "saml_old",
            Self::Response(refusal) => refusal.code(),
            Self::SessionOver => "saml_session_over",
            Self::Transient => "saml_transient",
        }
    }

    /// Whether the provider says no. Nobody has signed that.
    #[must_use]
    pub const fn is_declined(&self) -> bool {
        matches!(self, Self::Response(ResponseRefusal::Declined { .. }))
    }
}

/// Why a message about signing out ends nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignOutRefusal {
    /// It is not carried as SAML says.
    #[error(transparent)]
    Binding(#[from] BindingRefusal),
    /// It is not believed.
    #[error(transparent)]
    Message(#[from] LogoutRefusal),
    /// Nothing is known about the provider.
    #[error(transparent)]
    Metadata(#[from] MetadataLacking),
    /// It asks where an answer was expected, or the other way round.
    #[error("it is not one message about signing out, by HTTP-Redirect or HTTP-POST")]
    Role,
}

impl SignOutRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Binding(refusal) => refusal.code(),
            Self::Message(refusal) => refusal.code(),
            Self::Metadata(lacking) => lacking.code(),
            Self::Role => "saml_unreadable",
        }
    }
}
