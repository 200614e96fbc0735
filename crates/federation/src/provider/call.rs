//! What goes over the network: a form is posted, a document is fetched for an access token.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use egress::{Destination, Egress, EgressError};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use thiserror::Error;
use tokens::Excerpt;
use tokens::json::{self, Limits, Object};

use super::secret::Secret;
use super::token_answer::TokenError;
use crate::form::Form;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
/// What an error's JSON may be.
const ERROR: Limits = Limits { bytes: 16 * 1024, depth: 8, values: 256 };

/// Speaks to the places of a provider.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) egress: Arc<Egress>,
}

impl Caller {
    /// Posts a form, and gives back the body of a good answer. Of an error's text nothing is kept that quotes one of
    /// `secrets`.
    pub(crate) async fn post(
        &self,
        to: &Destination,
        form: Form,
        authorization: Option<HeaderValue>,
        secrets: &[&str],
    ) -> Result<Bytes, CallError> {
        let mut request = Request::new(Bytes::from(form.into_body()));
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(ACCEPT, JSON);
        request.headers_mut().insert(CONTENT_TYPE, FORM);
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization);
        }
        let answer = self.egress.send(to, request).await?;
        let status = answer.status();
        let body = answer.into_body();
        // Some providers answer errors with 200.
        if let Some(refused) = CallError::refusal(status, &body, secrets) {
            return Err(refused);
        }
        match status {
            StatusCode::OK | StatusCode::CREATED => Ok(body),
            status => Err(CallError::Status { status: status.as_u16() }),
        }
    }

    /// Fetches a document for an access token; whatever the status is.
    pub(crate) async fn get(
        &self,
        from: &Destination,
        access_token: &Secret,
    ) -> Result<Response<Bytes>, CallError> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", access_token.expose()))
            .map_err(|_| CallError::Token)?;
        bearer.set_sensitive(true);
        let mut request = Request::new(Bytes::new());
        request.headers_mut().insert(ACCEPT, JSON);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        Ok(self.egress.send(from, request).await?)
    }
}

/// Why a call brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The place cannot be reached, or does not answer as it may.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The provider says no (RFC 6749 §5.2).
    #[error("the provider answered {status} `{error}`{}", quoted(.text.as_ref()))]
    Refused {
        /// The status.
        status: u16,
        /// What it says is wrong.
        error: TokenError,
        /// What it says besides, for the operator.
        text: Option<Excerpt>,
    },
    /// The provider answers neither yes nor why not.
    #[error("the provider answered {status}; expected 200")]
    Status {
        /// The status.
        status: u16,
    },
    /// The access token cannot be shown to anybody.
    #[error("the access token cannot stand in a header")]
    Token,
}

impl CallError {
    /// Whether the same call may succeed later, with nothing changed on our side.
    #[must_use]
    pub fn retry_may_help(&self) -> bool {
        match self {
            Self::Egress(error) => error.retry_may_help(),
            Self::Refused { status, error, .. } => {
                is_passing(*status) || *error == TokenError::TemporarilyUnavailable
            }
            Self::Status { status } => is_passing(*status),
            Self::Token => false,
        }
    }

    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Egress(_) => "unreachable",
            Self::Refused { error, .. } => error.code(),
            Self::Status { .. } => "unexpected_status",
            Self::Token => "access_token_unfit",
        }
    }

    fn refusal(status: StatusCode, body: &[u8], secrets: &[&str]) -> Option<Self> {
        let document = json::parse(body, &ERROR).ok()?;
        let members: &Object = document.as_object()?;
        let error = members.get("error")?.as_str()?;
        let quotes = |text: &&str| secrets.iter().any(|secret| text.contains(secret));
        let text = members.get("error_description").and_then(|text| text.as_str());
        let text = text.filter(|text| !quotes(text)).map(Excerpt::of);
        let error = if quotes(&error) { "" } else { error };
        Some(Self::Refused { status: status.as_u16(), error: TokenError::of(error), text })
    }
}

/// Request Timeout, Too Early, Too Many Requests, and what is the server's own fault (RFC 9110 §15.6).
pub(crate) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

fn quoted(text: Option<&impl fmt::Display>) -> String {
    text.map(|text| format!(": {text}")).unwrap_or_default()
}
