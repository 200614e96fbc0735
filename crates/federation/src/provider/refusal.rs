//! Why somebody is not sent to a provider, not signed in, or not kept so. Messages are for the operator; of what a
//! provider or a browser said nothing belongs on a page.

use thiserror::Error;
use tokens::{Excerpt, MappingRefusal};

use super::answer::AuthorizationError;
use super::authorization::PushedAnswerError;
use super::call::CallError;
use super::client_auth::ClientAuthError;
use super::endpoints::EndpointsError;
use super::id_token::IdTokenRefusal;
use super::secret::Secret;
use super::token_answer::{TokenAnswerError, TokenError};
use super::userinfo::UserinfoRefusal;

/// Why nobody can be sent to the provider now.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProviderError {
    /// A provider without OpenID Connect says nothing about when and how somebody signed in.
    #[error("the provider has no OpenID Connect, and cannot be held to `acr` or `max_age`")]
    Assurance,
    /// We cannot prove who we are.
    #[error(transparent)]
    ClientAuth(#[from] ClientAuthError),
    /// Nobody knows where to.
    #[error(transparent)]
    Endpoints(#[from] EndpointsError),
    /// The request cannot be left with it.
    #[error("the authorization request cannot be pushed: {0}")]
    Push(#[from] CallError),
    /// The request was left, and cannot be referred to.
    #[error(transparent)]
    PushedAnswer(#[from] PushedAnswerError),
}

impl ProviderError {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Assurance => "assurance_impossible",
            Self::ClientAuth(error) => error.code(),
            Self::Endpoints(error) => error.code(),
            Self::Push(error) => error.code(),
            Self::PushedAnswer(_) => "pushed_answer",
        }
    }

    /// Whether the same may succeed later, with nothing changed on our side.
    #[must_use]
    pub fn retry_may_help(&self) -> bool {
        match self {
            Self::Endpoints(error) => *error == EndpointsError::Unavailable,
            Self::Push(error) => error.retry_may_help(),
            _ => false,
        }
    }
}

/// Why an answer signs nobody in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignInRefusal {
    /// The provider says no.
    #[error("the provider answered `{error}`{}", quoted(.text.as_ref()))]
    Declined {
        /// Why.
        error: AuthorizationError,
        /// What it says besides, for the operator: anybody can have written it.
        text: Option<Excerpt>,
    },
    /// What the code bought is not enough.
    #[error(transparent)]
    Grant(#[from] GrantRefusal),
    /// The answer does not say who answers, though this provider always does.
    #[error("the answer has no `iss`, which this provider's answers have (RFC 9207)")]
    IssuerMissing,
    /// Another provider answers.
    #[error("`iss` of the answer is not the provider's issuer (RFC 9207)")]
    IssuerOther,
    /// It answers another request.
    #[error("`state` of the answer is not that of the request")]
    StateOther,
}

impl SignInRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Declined { error, .. } => error.code(),
            Self::Grant(refusal) => refusal.code(),
            Self::IssuerMissing => "issuer_missing",
            Self::IssuerOther => "issuer_other",
            Self::StateOther => "state_other",
        }
    }

    /// Whether to sign in anew may succeed, with nothing changed on our side.
    #[must_use]
    pub fn retry_may_help(&self) -> bool {
        match self {
            Self::Declined { error, .. } => matches!(
                error,
                AuthorizationError::ServerError | AuthorizationError::TemporarilyUnavailable
            ),
            Self::Grant(refusal) => refusal.retry_may_help(),
            Self::IssuerMissing | Self::IssuerOther | Self::StateOther => false,
        }
    }
}

/// Why a code or a refresh token brings no facts.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GrantRefusal {
    /// We cannot prove who we are.
    #[error(transparent)]
    ClientAuth(#[from] ClientAuthError),
    /// Nobody knows where to.
    #[error(transparent)]
    Endpoints(#[from] EndpointsError),
    /// The ID token signs nobody in.
    #[error("the ID token is refused: {0}")]
    IdToken(#[from] IdTokenRefusal),
    /// There are no facts in it.
    #[error("what the provider says is not mapped: {0}")]
    Mapping(#[from] MappingRefusal),
    /// No tokens are had.
    #[error("the token endpoint: {0}")]
    Token(#[from] CallError),
    /// What is had is no tokens.
    #[error(transparent)]
    TokenAnswer(#[from] TokenAnswerError),
    /// Nothing is known about the person.
    #[error(transparent)]
    Userinfo(#[from] UserinfoRefusal),
}

impl GrantRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ClientAuth(error) => error.code(),
            Self::Endpoints(error) => error.code(),
            Self::IdToken(refusal) => refusal.code(),
            Self::Mapping(refusal) => refusal.code(),
            Self::Token(error) => error.code(),
            Self::TokenAnswer(error) => error.code(),
            Self::Userinfo(refusal) => refusal.code(),
        }
    }

    /// Whether the same may succeed later, with nothing changed on our side.
    #[must_use]
    pub fn retry_may_help(&self) -> bool {
        match self {
            Self::Endpoints(error) => *error == EndpointsError::Unavailable,
            Self::IdToken(refusal) => refusal.retry_may_help(),
            Self::Token(error) => error.retry_may_help(),
            Self::Userinfo(refusal) => refusal.retry_may_help(),
            Self::ClientAuth(_) | Self::Mapping(_) | Self::TokenAnswer(_) => false,
        }
    }
}

/// Why a sign-in is not renewed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RefreshRefusal {
    /// What the refresh token bought is not enough.
    #[error(transparent)]
    Grant(#[from] GrantRefusal),
    /// It is about somebody else.
    #[error("the provider answered for another subject")]
    OtherSubject,
}

/// A sign-in was not renewed, and perhaps its refresh token was nevertheless: a provider that takes one away gives
/// another, and what is wrong may show only later, such as in an answer about the person.
#[derive(Debug, Error)]
#[error("{reason}")]
pub struct RefreshFailure {
    reason: RefreshRefusal,
    rotated: Option<Secret>,
}

impl RefreshFailure {
    pub(crate) fn after(reason: RefreshRefusal, rotated: Option<Secret>) -> Self {
        Self { reason, rotated }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &RefreshRefusal {
        &self.reason
    }

    /// The refresh token for the next attempt, if it is no longer the one of this. To show the old one again would end
    /// the sign-in (RFC 9700 §4.14.2).
    #[must_use]
    pub fn rotated(&self) -> Option<&Secret> {
        self.rotated.as_ref()
    }

    /// What becomes of the sign-in.
    #[must_use]
    pub fn end(&self) -> RefreshEnd {
        self.reason.end()
    }

    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }
}

impl From<GrantRefusal> for RefreshFailure {
    fn from(refusal: GrantRefusal) -> Self {
        Self::after(refusal.into(), None)
    }
}

/// What becomes of a sign-in that was not renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshEnd {
    /// It is over: the provider takes the refresh token no more (`invalid_grant`), or answers for somebody else.
    Ended,
    /// The provider answers, and the answer is not good; it stays so until somebody does something about it.
    Refused,
    /// The provider cannot be asked now: try again later.
    Unavailable,
}

impl RefreshRefusal {
    /// What becomes of the sign-in.
    #[must_use]
    pub fn end(&self) -> RefreshEnd {
        match self {
            Self::OtherSubject => RefreshEnd::Ended,
            Self::Grant(refusal) if refusal.retry_may_help() => RefreshEnd::Unavailable,
            Self::Grant(GrantRefusal::Token(CallError::Refused { error, .. }))
                if *error == TokenError::InvalidGrant =>
            {
                RefreshEnd::Ended
            }
            Self::Grant(_) => RefreshEnd::Refused,
        }
    }

    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Grant(refusal) => refusal.code(),
            Self::OtherSubject => "other_subject",
        }
    }
}

fn quoted(text: Option<&Excerpt>) -> String {
    text.map(|text| format!(": {text}")).unwrap_or_default()
}
