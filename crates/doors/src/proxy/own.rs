//! Our own endpoints on every host, under the reserved prefix.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};
use http_body_util::Full;
use tokens::Timestamp;

use crate::model::Model;

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
