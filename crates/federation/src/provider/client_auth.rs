//! How we prove to a provider who we are (RFC 6749 §2.3, RFC 7523, RFC 8705).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SecureRandom;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use thiserror::Error;
use tokens::{SigningError, SigningKey, Timestamp};

use super::flow::{RandomFailed, unguessable};
use super::secret::Secret;
use crate::form::{Form, escaped};

/// How long an assertion holds: long enough for a slow exchange and clocks that differ a little.
pub const ASSERTION_LIFETIME: Duration = Duration::from_secs(60);

/// What an assertion says it is (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How we authenticate.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// By the certificate that the egress shows (RFC 8705 §2).
    MutualTls,
    /// Not at all: a public client, held by PKCE alone.
    None,
    /// By an assertion that this key signs; the provider knows the key by its thumbprint.
    PrivateKeyJwt(Arc<SigningKey>),
    /// By a secret in the `Authorization` header.
    SecretBasic(Secret),
    /// By a secret in the body, for providers that take no header.
    SecretPost(Secret),
}

impl ClientAuth {
    /// The secret that we share with the provider, if we do.
    pub(crate) fn secret(&self) -> Option<&str> {
        match self {
            Self::SecretBasic(secret) | Self::SecretPost(secret) => Some(secret.expose()),
            Self::MutualTls | Self::None | Self::PrivateKeyJwt(_) => None,
        }
    }
}

/// What is said about us in one request.
pub(crate) struct Client<'a> {
    pub(crate) id: &'a str,
    pub(crate) auth: &'a ClientAuth,
    /// The provider's identifier.
    pub(crate) issuer: Option<&'a str>,
    pub(crate) random: &'a dyn SecureRandom,
}

impl Client<'_> {
    /// Adds to `form` what proves who we are; gives back the `Authorization` header, if that is where it stands.
    /// `form` may name the client already.
    pub(crate) fn prove(
        &self,
        form: &mut Form,
        names_client: bool,
        now: Timestamp,
    ) -> Result<Option<HeaderValue>, ClientAuthError> {
        if !names_client && !matches!(self.auth, ClientAuth::SecretBasic(_)) {
            form.push("client_id", self.id);
        }
        match self.auth {
            ClientAuth::MutualTls | ClientAuth::None => Ok(None),
            ClientAuth::PrivateKeyJwt(key) => {
                form.push("client_assertion_type", ASSERTION_TYPE);
                form.push("client_assertion", &self.assertion(key, now)?);
                Ok(None)
            }
            ClientAuth::SecretBasic(secret) => basic(self.id, secret).map(Some),
            ClientAuth::SecretPost(secret) => {
                form.push("client_secret", secret.expose());
                Ok(None)
            }
        }
    }

    /// RFC 7523 §3, for the provider's identifier alone, as one string: an assertion for a place that metadata name
    /// could be carried to another provider (rfc7523bis; CVE-2025-27370).
    fn assertion(&self, key: &SigningKey, now: Timestamp) -> Result<String, ClientAuthError> {
        let claims = serde_json::json!({
            "iss": self.id,
            "sub": self.id,
            "aud": self.issuer.ok_or(ClientAuthError::NoAudience)?,
            "jti": unguessable(self.random)?,
            "iat": now.as_secs(),
            "exp": now.plus(ASSERTION_LIFETIME).as_secs(),
        });
        // What rfc7523bis calls it, `client-authentication+jwt`, is refused by providers that look for `JWT`.
        Ok(key.sign("JWT", &claims, self.random)?)
    }
}

/// RFC 6749 §2.3.1: both parts are escaped as in a form, then joined.
fn basic(id: &str, secret: &Secret) -> Result<HeaderValue, ClientAuthError> {
    let pair = format!("{}:{}", escaped(id), escaped(secret.expose()));
    let mut header = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .map_err(|_| ClientAuthError::Header)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Why we cannot prove who we are.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ClientAuthError {
    /// The credentials do not fit a header.
    #[error("the client's credentials cannot stand in a header")]
    Header,
    /// An assertion would be for nobody.
    #[error("the provider has no identifier for whom an assertion could be")]
    NoAudience,
    /// There is no chance to be had.
    #[error(transparent)]
    Random(#[from] RandomFailed),
    /// The assertion was not signed.
    #[error("the client's assertion cannot be signed: {0}")]
    Signing(#[from] SigningError),
}

impl ClientAuthError {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "client_authentication"
    }
}

#[cfg(test)]
#[path = "client_auth_tests.rs"]
mod tests;
