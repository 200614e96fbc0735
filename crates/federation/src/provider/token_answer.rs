//! What a code or a refresh token buys (RFC 6749 §5).

use std::fmt;

use thiserror::Error;
use tokens::Excerpt;
use tokens::json::{self, JsonError, Limits, Object, Value};

use super::secret::Secret;

/// The longest answer, in bytes: three tokens of the longest kind.
pub const MAX_TOKEN_ANSWER_BYTES: usize = 64 * 1024;
/// The longest token in it, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const LIMITS: Limits = Limits { bytes: MAX_TOKEN_ANSWER_BYTES, depth: 8, values: 256 };

/// The tokens.
#[derive(Debug)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: Secret,
    pub(crate) id_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
}

impl TokenAnswer {
    /// Reads the body of a good answer.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, TokenAnswerError> {
        let document = json::parse(body, &LIMITS)?;
        let members = document.as_object().ok_or(TokenAnswerError::NotAnObject)?;
        let kind = members.get("token_type").and_then(Value::as_str);
        let kind = kind.ok_or(TokenAnswerError::NoType)?;
        if !kind.eq_ignore_ascii_case("bearer") {
            return Err(TokenAnswerError::OtherType { kind: Excerpt::of(kind) });
        }
        check_lifetime(members)?;
        let access_token = token(members, "access_token")?;
        Ok(Self {
            access_token: access_token.ok_or(TokenAnswerError::NoAccessToken)?,
            id_token: token(members, "id_token")?,
            refresh_token: token(members, "refresh_token")?,
        })
    }
}

/// Visible ASCII (RFC 6749 appendix A.12, A.17), so that it can be shown again.
fn token(members: &Object, name: &'static str) -> Result<Option<Secret>, TokenAnswerError> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let text = value.as_str().ok_or(TokenAnswerError::Mistyped { name })?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenAnswerError::Mistyped { name });
    }
    if text.len() > MAX_TOKEN_BYTES {
        return Err(TokenAnswerError::LongToken { name });
    }
    Ok(Some(Secret::new(text)))
}

/// The access token is used at once, so that its lifetime does not matter here; an answer that misstates it is none.
fn check_lifetime(members: &Object) -> Result<(), TokenAnswerError> {
    let name = "expires_in";
    let is_seconds = |value: &Value| value.as_i64().is_some_and(|seconds| seconds >= 0);
    if members.get(name).is_none_or(is_seconds) {
        Ok(())
    } else {
        Err(TokenAnswerError::Mistyped { name })
    }
}

/// Why an answer is not tokens.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TokenAnswerError {
    /// It is not strict JSON.
    #[error("the token answer is not strict JSON: {0}")]
    Json(#[from] JsonError),
    /// A token is too long.
    #[error("`{name}` of the token answer has more than {MAX_TOKEN_BYTES} bytes")]
    LongToken {
        /// The member.
        name: &'static str,
    },
    /// A member is not what it must be.
    #[error("`{name}` of the token answer is not of the right type")]
    Mistyped {
        /// The member.
        name: &'static str,
    },
    /// There is no access token.
    #[error("the token answer has no `access_token`")]
    NoAccessToken,
    /// There is no ID token, and OpenID Connect was asked for.
    #[error("the token answer has no `id_token`; is `openid` a scope that the provider knows?")]
    NoIdToken,
    /// It does not say what kind of token it has.
    #[error("the token answer has no `token_type`")]
    NoType,
    /// It is not an object.
    #[error("the token answer is not a JSON object")]
    NotAnObject,
    /// The token is of a kind that we do not use.
    #[error("the token answer's `token_type` is `{kind}`; expected `Bearer`")]
    OtherType {
        /// The kind.
        kind: Excerpt,
    },
}

impl TokenAnswerError {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "token_answer_json",
            Self::LongToken { .. } => "token_answer_long_token",
            Self::Mistyped { .. } => "token_answer_mistyped",
            Self::NoAccessToken => "token_answer_no_access_token",
            Self::NoIdToken => "token_answer_no_id_token",
            Self::NoType => "token_answer_no_type",
            Self::NotAnObject => "token_answer_not_an_object",
            Self::OtherType { .. } => "token_answer_other_type",
        }
    }
}

/// What a provider says is wrong with a request for tokens (RFC 6749 §5.2), or with one that is pushed (RFC 9126 §2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It does not believe that we are who we say.
    InvalidClient,
    /// The code or the refresh token is worth nothing, or nothing any more.
    InvalidGrant,
    /// The request is wrong.
    InvalidRequest,
    /// A scope is not known.
    InvalidScope,
    /// Something that no standard names.
    Other(Excerpt),
    /// It has too much to do.
    TemporarilyUnavailable,
    /// We may not ask in this way.
    UnauthorizedClient,
    /// It does not do this.
    UnsupportedGrantType,
}

impl TokenError {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "invalid_client" | "incorrect_client_credentials" => Self::InvalidClient,
            // The second and third are GitHub's (Troubleshooting OAuth app access token request errors).
            "invalid_grant" | "bad_refresh_token" | "bad_verification_code" => Self::InvalidGrant,
            "invalid_request" => Self::InvalidRequest,
            "invalid_scope" => Self::InvalidScope,
            "server_error" | "temporarily_unavailable" => Self::TemporarilyUnavailable,
            "unauthorized_client" => Self::UnauthorizedClient,
            "unsupported_grant_type" => Self::UnsupportedGrantType,
            other => Self::Other(Excerpt::of(other)),
        }
    }

    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::Other(_) => "other_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(name) => name.fmt(f),
            known => f.write_str(known.code()),
        }
    }
}

#[cfg(test)]
#[path = "token_answer_tests.rs"]
mod tests;
