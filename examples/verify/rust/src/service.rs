//! A service whose every handler has a caller.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::routing::any;
use http::StatusCode;
use http::request::Parts;

use crate::verifier::{Caller, Verifier};

/// Greets the caller, whatever is asked for.
pub fn service(verifier: Arc<Verifier>) -> Router {
    Router::new().fallback(any(greeting)).with_state(verifier)
}

/// What asks for a [`Caller`] is not reached without one.
async fn greeting(caller: Caller) -> String {
    format!("hello {}\n", caller.subject)
}

impl FromRequestParts<Arc<Verifier>> for Caller {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(
        request: &mut Parts,
        verifier: &Arc<Verifier>,
    ) -> Result<Self, Self::Rejection> {
        verifier.verify(&request.headers).await.map_err(|refusal| {
            eprintln!("refused: {refusal}");
            (StatusCode::UNAUTHORIZED, "unauthorized\n")
        })
    }
}
