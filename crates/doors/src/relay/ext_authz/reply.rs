//! What Envoy is answered: to forward, and what to tell the service, or what to answer itself.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, VARY};
use http::{Response, StatusCode};

use super::wire::{
    APPEND, CheckResponse, DeniedHttpResponse, HeaderValue, HeaderValueOption, HttpResponse,
    HttpStatus, OVERWRITE, OkHttpResponse, Status, Struct, Value,
};
use crate::relay::ask::Granted;

/// `google.rpc.Code.PERMISSION_DENIED`.
const PERMISSION_DENIED: i32 = 7;
/// `google.rpc.Code.UNAUTHENTICATED`.
const UNAUTHENTICATED: i32 = 16;

/// Envoy forwards.
pub(super) fn granted(granted: Granted) -> CheckResponse {
    let Granted { set, remove, answer, told } = granted;
    let told =
        told.into_iter().map(|(name, text)| (name.to_owned(), Value { string_value: Some(text) }));
    CheckResponse {
        status: Some(Status { code: 0 }),
        dynamic_metadata: Some(Struct { fields: told.collect::<BTreeMap<_, _>>() }),
        http_response: Some(HttpResponse::Ok(OkHttpResponse {
            headers: set.iter().map(line).collect(),
            headers_to_remove: remove.iter().map(ToString::to_string).collect(),
            response_headers_to_add: answer.iter().map(line).collect(),
        })),
    }
}

/// Envoy answers with this.
pub(super) fn denied(answer: &Response<Bytes>) -> CheckResponse {
    let code = if answer.status() == StatusCode::UNAUTHORIZED {
        UNAUTHENTICATED
    } else {
        PERMISSION_DENIED
    };
    let headers = answer.headers().iter().filter(|(name, _)| *name != CONTENT_LENGTH);
    CheckResponse {
        status: Some(Status { code }),
        dynamic_metadata: None,
        http_response: Some(HttpResponse::Denied(DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::from(answer.status().as_u16()) }),
            headers: headers.map(|(name, value)| line(&(name.clone(), value.clone()))).collect(),
            body: String::from_utf8_lossy(answer.body()).into_owned(),
        })),
    }
}

fn line((name, value): &(HeaderName, http::HeaderValue)) -> HeaderValueOption {
    // All that is written here is text.
    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let header = HeaderValue { key: name.to_string(), value, raw_value: Vec::new() };
    // What an answer varies by is added to what its service says.
    let append_action = if *name == VARY { APPEND } else { OVERWRITE };
    HeaderValueOption { header: Some(header), append_action }
}
