//! A small OpenID provider: discovery, keys, three people, client credentials, and pages where people sign in. Two
//! issuers, so that one can be mistaken for the other.
//!
//! It hands out tokens for names and passwords on the command line and to whoever presses a name, and bad ones on
//! request (`drill`); it is for the demo and nothing else.

mod codes;
mod pages;
mod people;
mod tokens;

use std::net::TcpListener;
use std::sync::Arc;

use ::tokens::{Algorithm, SigningError, SigningKey};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ledger::Clock;
use serde_json::json;

use super::Ports;
use crate::entropy::{self, Entropy};

use codes::Codes;

/// The secret that the gate and the provider share.
pub(super) const GATE_SECRET: &str = people::GATE;

/// The provider.
#[derive(Debug)]
pub(super) struct Provider {
    ports: Ports,
    base: String,
    corp: SigningKey,
    partner: SigningKey,
    /// A key that nobody publishes.
    stranger: SigningKey,
    codes: Codes,
    clock: Arc<dyn Clock>,
    entropy: EntropyBox,
}

struct EntropyBox(Entropy);

impl std::fmt::Debug for EntropyBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}

impl Provider {
    pub(super) fn new(
        ports: Ports,
        clock: Arc<dyn Clock>,
        entropy: Entropy,
    ) -> Result<Self, SigningError> {
        let key = || SigningKey::generate(Algorithm::Es256, &*entropy);
        Ok(Self {
            ports,
            base: format!("http://127.0.0.1:{}", ports.provider),
            corp: key()?,
            partner: key()?,
            stranger: key()?,
            codes: Codes::default(),
            clock,
            entropy: EntropyBox(entropy),
        })
    }

    pub(super) async fn serve(self, listener: TcpListener) {
        let router = Router::new()
            .route("/{issuer}/.well-known/openid-configuration", get(metadata))
            .route("/{issuer}/jwks", get(keys))
            .route("/{issuer}/token", post(tokens::token))
            .route("/{issuer}/authorize", get(pages::ask).post(pages::answer))
            .route("/{issuer}/end-session", get(pages::end_session))
            .with_state(Arc::new(self));
        if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
            let _ = axum::serve(listener, router).await;
        }
    }

    fn key_of(&self, issuer: &str) -> Option<&SigningKey> {
        match issuer {
            "corp" => Some(&self.corp),
            "partner" => Some(&self.partner),
            _ => None,
        }
    }

    /// A number that nobody can guess.
    fn number(&self) -> String {
        let half = || entropy::number(&self.entropy.0);
        format!("{:016x}{:016x}", half(), half())
    }
}

async fn metadata(State(provider): State<Arc<Provider>>, Path(issuer): Path<String>) -> Response {
    if provider.key_of(&issuer).is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let base = format!("{}/{issuer}", provider.base);
    Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "authorization_response_iss_parameter_supported": true,
        "code_challenge_methods_supported": ["S256"],
        "end_session_endpoint": format!("{base}/end-session"),
        "jwks_uri": format!("{base}/jwks"),
        "token_endpoint": format!("{base}/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["authorization_code", "client_credentials", "password"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
    .into_response()
}

async fn keys(State(provider): State<Arc<Provider>>, Path(issuer): Path<String>) -> Response {
    match provider.key_of(&issuer) {
        Some(key) => Json(json!({ "keys": [key.public_jwk()] })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
