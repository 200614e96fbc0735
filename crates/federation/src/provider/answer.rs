//! What the browser brings back from the provider (RFC 6749 §4.1.2).

use std::fmt;

use thiserror::Error;
use tokens::Excerpt;

use crate::form::{FormError, Parameters};

/// The longest answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// The longest code, in bytes.
pub const MAX_CODE_BYTES: usize = 4 * 1024;

/// An authorization response, read strictly. It is worth nothing before [`super::Provider::finish`] has looked at it.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub(crate) state: String,
    pub(crate) issuer: Option<String>,
    pub(crate) outcome: Result<String, (AuthorizationError, Option<Excerpt>)>,
}

impl Answer {
    /// Reads the query of the callback, without its `?`. Parameters that are not known are ignored; none may be there
    /// twice.
    ///
    /// # Errors
    /// If it is too long, has no one reading, has no `state`, or not exactly one of `code` and `error`.
    pub fn parse(query: &str) -> Result<Self, AnswerError> {
        if query.len() > MAX_ANSWER_BYTES {
            return Err(AnswerError::TooLong);
        }
        let mut parameters = Parameters::parse(query).map_err(|error| match error {
            FormError::Escape => AnswerError::Escape,
            FormError::Repeated => AnswerError::Repeated,
            FormError::TooMany => AnswerError::TooMany,
        })?;
        let mut take = |name| parameters.take(name);
        let state = take("state").filter(|state| !state.is_empty()).ok_or(AnswerError::NoState)?;
        let outcome = match (take("code"), take("error")) {
            (Some(_), Some(_)) => return Err(AnswerError::CodeAndError),
            (None, None) => return Err(AnswerError::NoCode),
            (Some(code), None) => Ok(checked(code)?),
            (None, Some(error)) => {
                let text = take("error_description").map(|text| Excerpt::of(&text));
                Err((AuthorizationError::of(&error), text))
            }
        };
        Ok(Self { state, issuer: take("iss"), outcome })
    }

    /// `state`: what the request was sent with, if the answer is one to a request of ours.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.outcome.is_ok() { "Answer(code)" } else { "Answer(error)" })
    }
}

fn checked(code: String) -> Result<String, AnswerError> {
    match code.len() {
        0 => Err(AnswerError::NoCode),
        bytes if bytes > MAX_CODE_BYTES => Err(AnswerError::LongCode),
        _ if code.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => Ok(code),
        _ => Err(AnswerError::CodeCharacter),
    }
}

/// Why a provider signs somebody not in (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationError {
    /// The person, or the provider, said no.
    AccessDenied,
    /// The person must choose an account, and must not be asked.
    AccountSelectionRequired,
    /// The person must agree, and must not be asked.
    ConsentRequired,
    /// The person must be asked something, and must not be.
    InteractionRequired,
    /// The request is wrong.
    InvalidRequest,
    /// A scope is not known.
    InvalidScope,
    /// The person must sign in, and must not be asked.
    LoginRequired,
    /// Something that no standard names.
    Other(Excerpt),
    /// The provider failed.
    ServerError,
    /// The provider has too much to do.
    TemporarilyUnavailable,
    /// We may not ask in this way.
    UnauthorizedClient,
    /// The person cannot sign in as surely as was demanded (OpenID Connect Core Unmet Authentication Requirements 1.0).
    UnmetAuthenticationRequirements,
    /// The provider has no code flow.
    UnsupportedResponseType,
}

impl AuthorizationError {
    fn of(name: &str) -> Self {
        match name {
            "access_denied" => Self::AccessDenied,
            "account_selection_required" => Self::AccountSelectionRequired,
            "consent_required" => Self::ConsentRequired,
            "interaction_required" => Self::InteractionRequired,
            "invalid_request" => Self::InvalidRequest,
            "invalid_scope" => Self::InvalidScope,
            "login_required" => Self::LoginRequired,
            "server_error" => Self::ServerError,
            "temporarily_unavailable" => Self::TemporarilyUnavailable,
            "unauthorized_client" => Self::UnauthorizedClient,
            "unmet_authentication_requirements" => Self::UnmetAuthenticationRequirements,
            "unsupported_response_type" => Self::UnsupportedResponseType,
            other => Self::Other(Excerpt::of(other)),
        }
    }

    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::LoginRequired => "login_required",
            Self::Other(_) => "other_error",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }
}

impl fmt::Display for AuthorizationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(name) => name.fmt(f),
            known => f.write_str(known.code()),
        }
    }
}

/// Why a query is not an answer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AnswerError {
    /// It says yes and no.
    #[error("the answer has a `code` and an `error`")]
    CodeAndError,
    /// The code has a character that no code has (RFC 6749 appendix A.11).
    #[error("the answer's `code` is not printable ASCII")]
    CodeCharacter,
    /// An escape is not one.
    #[error("the answer has an escape that is not `%` with two hexadecimal digits, or not UTF-8")]
    Escape,
    /// The code is too long.
    #[error("the answer's `code` has more than {MAX_CODE_BYTES} bytes")]
    LongCode,
    /// It says neither yes nor no.
    #[error("the answer has no `code` and no `error`")]
    NoCode,
    /// Nothing ties it to a request.
    #[error("the answer has no `state`")]
    NoState,
    /// A parameter is there twice, and who reads which is anybody's guess.
    #[error("the answer has a parameter twice")]
    Repeated,
    /// It is too long.
    #[error("the answer has more than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    /// It has too many parameters.
    #[error("the answer has more parameters than are read")]
    TooMany,
}

impl AnswerError {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::CodeAndError => "answer_code_and_error",
            Self::CodeCharacter => "answer_code_character",
            Self::Escape => "answer_escape",
            Self::LongCode => "answer_long_code",
            Self::NoCode => "answer_no_code",
            Self::NoState => "answer_no_state",
            Self::Repeated => "answer_repeated_parameter",
            Self::TooLong => "answer_too_long",
            Self::TooMany => "answer_too_many_parameters",
        }
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
