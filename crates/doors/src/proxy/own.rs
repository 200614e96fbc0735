//! Our own endpoints on every host, under the reserved prefix.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use federation::{Reception, Visit};
use gate::request::{RawRequest, Reading};
use gate::{Answer, CanonicalRequest, Denial};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokens::Timestamp;

use crate::answer::{Manner, X_REQUEST_ID, respond};
use crate::judge::RequestFacts;
use crate::model::{Doorway, Model};
use crate::request_id::RequestId;

/// Where services find the keys that signed identities verify with.
const JWKS: &str = "/.doorward/jwks.json";
/// How long a form may take to come.
const FORM_WITHIN: Duration = Duration::from_secs(10);

/// The answer of one of our own endpoints, if the request is for one.
pub(super) fn answer(
    model: &Model,
    method: &Method,
    path: &str,
    now: Timestamp,
) -> Option<Response<Full<Bytes>>> {
    if path != JWKS || !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let keys = model.signer.as_ref()?.jwks(now);
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(keys.as_bytes())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    // New keys are published five minutes before they sign.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Some(response)
}

/// What is answered to a visit of the pages where people sign in and out.
pub(super) async fn receive(
    (doorway, model): (&Doorway, &Arc<Model>),
    reception: &Arc<Reception>,
    raw: &RawRequest<'_>,
    body: Incoming,
    facts: &RequestFacts,
) -> Response<Full<Bytes>> {
    let refused = |answer: &Answer| respond(answer, &facts.id, Manner::Problem);
    let request = match CanonicalRequest::read(raw, &model.reading) {
        Ok(request) => request,
        Err(refusal) => {
            let detail = refusal.to_string();
            return refused(&Answer::new(StatusCode::BAD_REQUEST, "Bad Request", detail));
        }
    };
    if let Some(counted) = model.gate.counted(&request)
        && let Err(exceeded) = doorway.rates.arrive(counted.rates(), &request, None, facts.began)
    {
        return refused(&Denial::too_early(exceeded, request, None).answer());
    }
    let limit = reception.form_limit(&request);
    let body = Limited::new(body, limit).collect();
    let body = match tokio::time::timeout(FORM_WITHIN, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            let (status, title) = (StatusCode::PAYLOAD_TOO_LARGE, "Content Too Large");
            let detail = format!("a form has at most {} KiB here", limit / 1024);
            return refused(&Answer::new(status, title, detail));
        }
        Err(_) => {
            let (status, title) = (StatusCode::REQUEST_TIMEOUT, "Request Timeout");
            return refused(&Answer::new(status, title, "the form did not come in time"));
        }
    };
    let client = request.client();
    let visit = Visit {
        request,
        body,
        id: facts.id.as_str().to_owned(),
        peer: SocketAddr::new(client, facts.peer.port()),
        gate: Arc::clone(&model.gate),
    };
    let mut response = reception.attend(visit).await;
    if *raw.method == Method::HEAD {
        *response.body_mut() = Bytes::new();
    }
    if let Ok(id) = HeaderValue::from_str(facts.id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response.map(Full::new)
}

/// The same place over HTTPS, for a request that came without (RFC 9110 §15.4.9: method and body stay). What has no one
/// reading is refused: it is not for us to guess where it was meant to go.
pub(super) fn redirect(
    raw: &RawRequest<'_>,
    reading: &Reading,
    port: u16,
    id: &RequestId,
) -> Response<Full<Bytes>> {
    let request = match CanonicalRequest::read(raw, reading) {
        Ok(request) => request,
        Err(refusal) => {
            let answer = Answer::new(StatusCode::BAD_REQUEST, "Bad Request", refusal.to_string());
            return respond(&answer, id, Manner::Problem);
        }
    };
    let (host, target) = (request.host().name(), request.target());
    let url = match port {
        443 => format!("https://{host}{target}"),
        _ => format!("https://{host}:{port}{target}"),
    };
    let answer = Answer::new(StatusCode::PERMANENT_REDIRECT, "Permanent Redirect", "use HTTPS");
    let mut response = respond(&answer, id, Manner::Problem);
    if let Ok(url) = HeaderValue::from_str(&url) {
        response.headers_mut().insert(LOCATION, url);
    }
    response
}
