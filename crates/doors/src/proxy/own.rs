//! Our own endpoints on every host, under the reserved prefix.

use bytes::Bytes;
use gate::request::{RawRequest, Reading};
use gate::{Answer, CanonicalRequest};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use tokens::Timestamp;

use crate::answer::{Manner, respond};
use crate::model::Model;
use crate::request_id::RequestId;

/// Where services find the keys that signed identities verify with.
const JWKS: &str = "/.doorward/jwks.json";

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
