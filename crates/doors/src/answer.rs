//! Answers that do not come from a service, as HTTP.

use bytes::Bytes;
use gate::Answer;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::request_id::RequestId;

/// The header in which callers and services are told the request's id.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How a call of gRPC ended.
pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// In which words a caller is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// A status in the head, which is also the trailers.
    Grpc,
    /// A problem body (RFC 9457).
    Problem,
}

impl Manner {
    /// That of a request with these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
        let rest = kind.strip_prefix(b"application/grpc");
        if rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' '))) {
            Self::Grpc
        } else {
            Self::Problem
        }
    }
}

/// The status of gRPC that a status of HTTP stands for (gRPC's `doc/http-grpc-status-mapping.md`, and
/// `RESOURCE_EXHAUSTED` for what is too much).
const fn grpc_status(status: StatusCode) -> u8 {
    match status {
        StatusCode::BAD_REQUEST => 13,
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN => 7,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => 12,
        StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::URI_TOO_LONG
        | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => 8,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            14
        }
        _ => 2,
    }
}

/// An answer with its headers, in the caller's manner.
pub(crate) fn respond(answer: &Answer, id: &RequestId, manner: Manner) -> Response<Full<Bytes>> {
    let has_body = answer.status != StatusCode::NO_CONTENT;
    let body = match manner {
        Manner::Problem if has_body => Bytes::from(answer.body(id.as_str())),
        Manner::Grpc | Manner::Problem => Bytes::new(),
    };
    let mut response = Response::new(Full::new(body));
    if manner != Manner::Grpc || !has_body {
        *response.status_mut() = answer.status;
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match manner {
        _ if !has_body => {}
        Manner::Problem => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        }
        Manner::Grpc => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            let status = HeaderValue::from(u16::from(grpc_status(answer.status)));
            headers.insert(GRPC_STATUS, status);
            // No detail of ours needs percent-encoding.
            if let Ok(message) = HeaderValue::from_str(&answer.detail.replace('%', "%25")) {
                headers.insert(HeaderName::from_static("grpc-message"), message);
            }
        }
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(X_REQUEST_ID, id);
    }
    if let Some(challenge) =
        answer.challenge.as_deref().and_then(|text| HeaderValue::from_str(text).ok())
    {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if !answer.allow.is_empty() {
        let methods: Vec<_> = answer.allow.iter().map(http::Method::as_str).collect();
        if let Ok(methods) = HeaderValue::from_str(&methods.join(", ")) {
            headers.insert(ALLOW, methods);
        }
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some((policy, state)) = answer.rate_limit.as_deref() {
        let fields = [("ratelimit-policy", policy), ("ratelimit", state)];
        for (name, value) in fields {
            let value = HeaderValue::from_str(value);
            headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
        }
    }
    if let Some(sharing) = &answer.sharing {
        sharing.write(headers);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_grpc_is_answered_as_grpc() {
        for (kind, manner) in [
            ("application/grpc", Manner::Grpc),
            ("application/grpc+proto", Manner::Grpc),
            ("application/grpc;charset=utf-8", Manner::Grpc),
            ("application/grpc-web", Manner::Problem),
            ("application/grpcish", Manner::Problem),
            ("application/json", Manner::Problem),
        ] {
            let value = HeaderValue::from_static(kind);
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value)]);
            assert_eq!(Manner::of(&headers), manner, "{kind}");
        }
        assert_eq!(Manner::of(&HeaderMap::new()), Manner::Problem);
    }
}
