//! A small OpenID provider: discovery, keys, three people, client credentials. Two issuers, so that one can be mistaken
//! for the other.
//!
//! It hands out tokens for names and passwords on the command line, and bad ones on request (`drill`); it is for the
//! demo and nothing else.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use ledger::Clock;
use serde_json::{Value, json};
use tokens::{Algorithm, SigningError, SigningKey};

use super::Ports;
use crate::entropy::{self, Entropy};

/// How long a token lives, in seconds.
const LIFETIME: u64 = 300;

/// The people: name, issuer, groups, scopes. Their passwords are their names.
const PEOPLE: [(&str, &str, &[&str], &str); 3] = [
    ("alice", "corp", &["support"], "orders:read"),
    ("bob", "corp", &["support"], "profile"),
    ("carol", "partner", &["support"], "orders:read"),
];

/// The clients, all of `corp`. Their secrets are their names.
const CLIENTS: [&str; 1] = ["orders"];

/// The provider.
#[derive(Debug)]
pub(super) struct Provider {
    base: String,
    corp: SigningKey,
    partner: SigningKey,
    /// A key that nobody publishes.
    stranger: SigningKey,
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
            base: format!("http://127.0.0.1:{}", ports.provider),
            corp: key()?,
            partner: key()?,
            stranger: key()?,
            clock,
            entropy: EntropyBox(entropy),
        })
    }

    pub(super) async fn serve(self, listener: TcpListener) {
        let router = Router::new()
            .route("/{issuer}/.well-known/openid-configuration", get(metadata))
            .route("/{issuer}/jwks", get(keys))
            .route("/{issuer}/token", post(token))
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

    /// A token for what the form asks for.
    fn mint(
        &self,
        issuer: &str,
        form: &HashMap<String, String>,
    ) -> Result<String, (StatusCode, &'static str)> {
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let refused = Err((StatusCode::BAD_REQUEST, "invalid_grant"));
        let (subject, client, groups, scope) = match field("grant_type") {
            "password" => {
                let person = PEOPLE
                    .iter()
                    .find(|(name, at, ..)| *name == field("username") && *at == issuer);
                let Some((name, _, groups, scope)) =
                    person.filter(|(name, ..)| *name == field("password"))
                else {
                    return refused;
                };
                (*name, "demo", *groups, *scope)
            }
            "client_credentials" => {
                let client =
                    CLIENTS.iter().find(|name| **name == field("client_id") && issuer == "corp");
                let Some(name) = client.filter(|name| **name == field("client_secret")) else {
                    return Err((StatusCode::UNAUTHORIZED, "invalid_client"));
                };
                (*name, *name, &[][..], "")
            }
            _ => return Err((StatusCode::BAD_REQUEST, "unsupported_grant_type")),
        };
        let now = self.clock.now().as_secs();
        let drill = field("drill");
        let issued = if drill == "expired" { now - 2 * LIFETIME } else { now };
        let Some(own) = self.key_of(issuer) else { return refused };
        let key = if drill == "forged" { &self.stranger } else { own };
        let audience = if field("audience").is_empty() { "orders" } else { field("audience") };
        let claims = json!({
            "iss": format!("{}/{issuer}", self.base),
            "aud": audience,
            "sub": subject,
            "client_id": client,
            "groups": groups,
            "scope": scope,
            "iat": issued,
            "exp": issued + LIFETIME,
            "jti": format!("{:016x}", entropy::number(&self.entropy.0)),
        });
        // A forged token names the key that it was not signed with.
        let header =
            json!({ "alg": "ES256", "typ": "at+jwt", "kid": own.thumbprint().to_string() });
        key.sign_header(
            header.to_string().as_bytes(),
            claims.to_string().as_bytes(),
            &*self.entropy.0,
        )
        .map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "server_error"))
    }
}

async fn metadata(State(provider): State<Arc<Provider>>, Path(issuer): Path<String>) -> Response {
    if provider.key_of(&issuer).is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let base = format!("{}/{issuer}", provider.base);
    Json(json!({
        "issuer": base,
        "jwks_uri": format!("{base}/jwks"),
        "token_endpoint": format!("{base}/token"),
        "grant_types_supported": ["client_credentials", "password"],
        "response_types_supported": [],
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

async fn token(
    State(provider): State<Arc<Provider>>,
    Path(issuer): Path<String>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let answer = match provider.mint(&issuer, &form) {
        // For a shell: the token alone.
        Ok(token) if form.get("format").is_some_and(|format| format == "text") => {
            return token.into_response();
        }
        Ok(token) => (
            StatusCode::OK,
            json!({ "access_token": token, "token_type": "Bearer", "expires_in": LIFETIME }),
        ),
        Err((status, error)) => (status, json!({ "error": error })),
    };
    let (status, body): (StatusCode, Value) = answer;
    (status, Json(body)).into_response()
}
