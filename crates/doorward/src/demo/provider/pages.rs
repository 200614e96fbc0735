//! The pages of the provider: people sign in by pressing their name, and sign out.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::Provider;
use super::codes::Granted;
use super::people::{GATE, callback, people, signed_out};
use crate::demo::page::page;

/// An authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3). All of this has to be there.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// Who presses their name.
#[derive(Debug, Deserialize)]
pub(super) struct Pressed {
    person: String,
}

/// What a sign-out says (OpenID Connect RP-Initiated Logout 1.0).
#[derive(Debug, Deserialize)]
pub(super) struct SignOut {
    post_logout_redirect_uri: Option<String>,
}

impl Provider {
    /// Whether the gate has sent this, for `issuer`, as it shall.
    fn takes(&self, issuer: &str, request: &Request) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        self.key_of(issuer).is_some()
            && request.response_type == "code"
            && request.client_id == GATE
            && request.redirect_uri == callback(issuer, self.ports)
            && request.code_challenge_method == "S256"
            && request.state.bytes().all(plain)
    }
}

/// Who is it? One button for each person.
pub(super) async fn ask(
    State(provider): State<Arc<Provider>>,
    Path(issuer): Path<String>,
    Query(request): Query<Request>,
) -> Response {
    if !provider.takes(&issuer, &request) {
        return (StatusCode::BAD_REQUEST, "this is not from the gate\n").into_response();
    }
    let buttons: String = people(&issuer)
        .map(|person| format!("<button name=\"person\" value=\"{0}\">{0}</button>\n", person.name))
        .collect();
    // Without an action, a form goes to the address of its page.
    let content = format!(
        "<p>Who are you? No password is asked.</p>\n<form method=\"post\">{buttons}</form>"
    );
    Html(page(&format!("The provider of {issuer}"), &content)).into_response()
}

/// Somebody has pressed their name, and goes back to the gate with a code.
pub(super) async fn answer(
    State(provider): State<Arc<Provider>>,
    Path(issuer): Path<String>,
    Query(request): Query<Request>,
    Form(pressed): Form<Pressed>,
) -> Response {
    let person = people(&issuer).find(|person| person.name == pressed.person);
    let Some(person) = person.filter(|_| provider.takes(&issuer, &request)) else {
        return (StatusCode::BAD_REQUEST, "this is not from the gate\n").into_response();
    };
    let code = provider.number();
    let (base, Request { redirect_uri, state, .. }) = (&provider.base, &request);
    // RFC 9207: the answer says whose it is.
    let to = format!("{redirect_uri}?code={code}&state={state}&iss={base}/{issuer}");
    let granted = Granted {
        person,
        redirect_uri: request.redirect_uri,
        nonce: request.nonce,
        challenge: request.code_challenge,
        at: provider.clock.now().as_secs(),
    };
    provider.codes.put(code, granted);
    Redirect::to(&to).into_response()
}

/// Signs somebody out. Nobody stays signed in here, so that all there is to do is to send them back.
pub(super) async fn end_session(
    State(provider): State<Arc<Provider>>,
    Query(asked): Query<SignOut>,
) -> Response {
    let back = signed_out(provider.ports);
    match asked.post_logout_redirect_uri {
        Some(uri) if uri == back => Redirect::to(&back).into_response(),
        _ => Html(page("Signed out", "<p>You are signed out.</p>")).into_response(),
    }
}
