//! What is asked of a provider (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1, RFC 7636, RFC 9126).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use tokens::json::{self, JsonError, Limits, Value};

use super::flow::{Flow, Wish};
use super::options::{Protocol, ProviderOptions};
use crate::form::Form;

/// What an answer to a pushed request may be.
const LIMITS: Limits = Limits { bytes: 16 * 1024, depth: 8, values: 256 };
/// The longest `request_uri`, in bytes.
const MAX_REQUEST_URI_BYTES: usize = 1024;

/// The parameters of an authorization request.
pub(crate) fn request(options: &ProviderOptions, wish: &Wish, flow: &Flow) -> Form {
    let mut form = Form::default();
    form.push("response_type", "code");
    form.push("client_id", &options.client_id);
    form.push("redirect_uri", &options.redirect_uri);
    if !options.scopes.is_empty() {
        form.push("scope", &options.scopes.join(" "));
    }
    form.push("state", &flow.state);
    form.push("code_challenge", &challenge(&flow.verifier));
    form.push("code_challenge_method", "S256");
    if let Protocol::Openid(_) = options.protocol {
        form.push("nonce", &flow.nonce);
        if !wish.acr_values.is_empty() {
            form.push("acr_values", &wish.acr_values.join(" "));
        }
        if let Some(max_age) = wish.max_age {
            form.push("max_age", &max_age.as_secs().to_string());
        }
    }
    let hint = wish.login_hint.as_deref();
    if let Some(hint) = hint {
        form.push("login_hint", hint);
    }
    let hinted = |name: &str| hint.is_some() && name == "login_hint";
    for (name, value) in options.parameters.iter().filter(|(name, _)| !hinted(name)) {
        form.push(name, value);
    }
    form
}

/// What the browser takes along of a request that was left with the provider (RFC 9126 §4).
pub(crate) fn pushed(client_id: &str, request_uri: &str) -> Form {
    let mut form = Form::default();
    form.push("client_id", client_id);
    form.push("request_uri", request_uri);
    form
}

/// The `request_uri` of the answer to a pushed request (RFC 9126 §2.2).
pub(crate) fn request_uri(body: &[u8]) -> Result<String, PushedAnswerError> {
    let document = json::parse(body, &LIMITS)?;
    let found = document.as_object().and_then(|members| members.get("request_uri"));
    let uri = found.and_then(Value::as_str).ok_or(PushedAnswerError::NoRequestUri)?;
    let fit = (1..=MAX_REQUEST_URI_BYTES).contains(&uri.len())
        && uri.bytes().all(|byte| byte.is_ascii_graphic());
    if fit { Ok(uri.to_owned()) } else { Err(PushedAnswerError::NoRequestUri) }
}

/// RFC 7636 §4.2.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// Why a pushed request cannot be referred to.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PushedAnswerError {
    /// It is not strict JSON.
    #[error("the answer to the pushed request is not strict JSON: {0}")]
    Json(#[from] JsonError),
    /// It does not say what the request is called.
    #[error("the answer to the pushed request has no usable `request_uri`")]
    NoRequestUri,
}

#[cfg(test)]
#[path = "authorization_tests.rs"]
mod tests;
