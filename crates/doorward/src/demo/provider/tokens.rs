//! The tokens of the provider: for a password or a secret on a command line, for a code that a browser carried, and bad
//! ones on request (`drill`).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Provider;
use super::people::{GATE, SERVICES, people};

/// How long a token lives, in seconds.
const LIFETIME: u64 = 300;

/// Why there is no token (RFC 6749 §5.2).
type Refused = (StatusCode, &'static str);

const INVALID_GRANT: Refused = (StatusCode::BAD_REQUEST, "invalid_grant");
const INVALID_CLIENT: Refused = (StatusCode::UNAUTHORIZED, "invalid_client");
const FAILED: Refused = (StatusCode::INTERNAL_SERVER_ERROR, "server_error");

/// The fields of a request. One that is missing is empty.
struct Fields(HashMap<String, String>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl Provider {
    /// An access token for what the form asks for.
    fn access_token(&self, issuer: &str, form: &Fields) -> Result<String, Refused> {
        let (subject, client, groups, scope) = match form.get("grant_type") {
            "password" => {
                let mut people = people(issuer);
                let person = people.find(|person| person.name == form.get("username"));
                let person = person.filter(|person| person.name == form.get("password"));
                let person = person.ok_or(INVALID_GRANT)?;
                (person.name, "demo", person.groups, person.scope)
            }
            "client_credentials" => {
                let mut services = SERVICES.iter().filter(|_| issuer == "corp");
                let name = services.find(|name| **name == form.get("client_id"));
                let name = name.filter(|name| **name == form.get("client_secret"));
                let name = name.ok_or(INVALID_CLIENT)?;
                (*name, *name, &[][..], "")
            }
            _ => return Err((StatusCode::BAD_REQUEST, "unsupported_grant_type")),
        };
        let now = self.clock.now().as_secs();
        let drill = form.get("drill");
        let issued = if drill == "expired" { now - 2 * LIFETIME } else { now };
        let audience =
            if form.get("audience").is_empty() { "orders" } else { form.get("audience") };
        let claims = json!({
            "iss": format!("{}/{issuer}", self.base),
            "aud": audience,
            "sub": subject,
            "client_id": client,
            "groups": groups,
            "scope": scope,
            "iat": issued,
            "exp": issued + LIFETIME,
            "jti": self.number(),
        });
        self.sign(issuer, "at+jwt", &claims, drill == "forged")
    }

    /// What the gate gets for a code: who has signed in, and when (OpenID Connect Core §2).
    fn redeemed(&self, issuer: &str, form: &Fields, headers: &HeaderMap) -> Result<Value, Refused> {
        let proof = format!("Basic {}", STANDARD.encode(format!("{GATE}:{GATE}")));
        if headers.get(AUTHORIZATION).is_none_or(|shown| shown.as_bytes() != proof.as_bytes()) {
            return Err(INVALID_CLIENT);
        }
        let now = self.clock.now().as_secs();
        let granted = self.codes.take(form.get("code"), now).filter(|granted| {
            granted.person.issuer == issuer
                && granted.redirect_uri == form.get("redirect_uri")
                && granted.is_of(form.get("code_verifier"))
        });
        let granted = granted.ok_or(INVALID_GRANT)?;
        let claims = json!({
            "iss": format!("{}/{issuer}", self.base),
            "aud": GATE,
            "sub": granted.person.name,
            "groups": granted.person.groups,
            "nonce": granted.nonce,
            "auth_time": granted.at,
            "acr": "urn:doorward:demo:pressed",
            "iat": now,
            "exp": now + LIFETIME,
        });
        let id_token = self.sign(issuer, "JWT", &claims, false)?;
        // The gate asks for nothing with the access token.
        Ok(json!({
            "access_token": self.number(), "token_type": "Bearer", "expires_in": LIFETIME,
            "id_token": id_token,
        }))
    }

    fn sign(
        &self,
        issuer: &str,
        kind: &str,
        claims: &Value,
        forged: bool,
    ) -> Result<String, Refused> {
        let own = self.key_of(issuer).ok_or(INVALID_GRANT)?;
        let key = if forged { &self.stranger } else { own };
        // A forged token names the key that it was not signed with.
        let header = json!({ "alg": "ES256", "typ": kind, "kid": own.thumbprint().to_string() });
        let (header, claims) = (header.to_string(), claims.to_string());
        let signed = key.sign_header(header.as_bytes(), claims.as_bytes(), &*self.entropy.0);
        signed.map_err(|_| FAILED)
    }
}

pub(super) async fn token(
    State(provider): State<Arc<Provider>>,
    Path(issuer): Path<String>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let form = Fields(form);
    if form.get("grant_type") == "authorization_code" {
        return match provider.redeemed(&issuer, &form, &headers) {
            Ok(tokens) => Json(tokens).into_response(),
            Err(refused) => no_token(refused),
        };
    }
    match provider.access_token(&issuer, &form) {
        // For a shell: the token alone.
        Ok(token) if form.get("format") == "text" => token.into_response(),
        Ok(token) => {
            let tokens =
                json!({ "access_token": token, "token_type": "Bearer", "expires_in": LIFETIME });
            Json(tokens).into_response()
        }
        Err(refused) => no_token(refused),
    }
}

fn no_token((status, error): Refused) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}
