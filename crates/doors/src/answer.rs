//! Answers that do not come from a service, as HTTP.

use bytes::Bytes;
use gate::Answer;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use http_body_util::Full;

use crate::page::page;
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
    /// The sentence alone, as JSON: to who asks for decisions (AuthZEN, §10.1.2).
    Message,
    /// A page for people, to a browser that goes to it.
    Page,
    /// A problem body (RFC 9457).
    Problem,
}

impl Manner {
    /// That of a request with this version and these headers. gRPC is spoken over HTTP/2 alone: whoever asks with HTTP/1.1
    /// would take the status of its answers, 200, for a yes.
    pub(crate) fn of(version: Version, headers: &HeaderMap) -> Self {
        if version == Version::HTTP_2 && is_grpc(headers) {
            Self::Grpc
        } else if is_navigation(headers) && prefers_page(headers) {
            Self::Page
        } else {
            Self::Problem
        }
    }
}

/// Whether a request with these headers is a call of gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
    let rest = kind.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

/// Whether a browser goes to the answer, as far as it says (Fetch Metadata, §2.2): what a script or an image fetches is
/// not for people to read.
fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-mode").iter().all(|mode| mode == "navigate")
}

/// Whether a page is liked better than JSON (RFC 9110 §12.5.1).
fn prefers_page(headers: &HeaderMap) -> bool {
    let json = ["application/json", "application/problem+json"].map(|kind| quality(headers, kind));
    quality(headers, "text/html") > json.into_iter().max().unwrap_or_default()
}

/// How much a kind of answer is liked, in thousandths: as the range that fits it best says.
fn quality(headers: &HeaderMap, kind: &str) -> u16 {
    let (group, _) = kind.split_once('/').unwrap_or((kind, ""));
    let mut best = (0, 0);
    for range in headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
        for range in range.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().unwrap_or_default().to_ascii_lowercase();
            let fits = match named.split_once('/') {
                Some(("*", "*")) => 1,
                Some((one, "*")) if one == group => 2,
                _ if named == kind => 3,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix(['q', 'Q'])?.strip_prefix('='));
            // What cannot be read as a weight is liked the least.
            let weight = weight.map_or(1000, |weight| thousandths(weight).unwrap_or_default());
            best = best.max((fits, weight));
        }
    }
    best.1
}

/// A weight from `0` to `1` with at most three digits after the point (RFC 9110 §12.4.2).
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let part: u16 = format!("{part:0<3}").parse().ok().filter(|_| digits)?;
    match (whole, part) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1000),
        _ => None,
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

/// What is not to be had at the moment, and may be in a second.
pub(crate) fn unavailable(detail: &str) -> Answer {
    Answer {
        retry_after: Some(1),
        ..Answer::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", detail)
    }
}

/// An answer with its headers, in the caller's manner.
pub(crate) fn respond(answer: &Answer, id: &RequestId, manner: Manner) -> Response<Full<Bytes>> {
    response(answer, id, manner).map(Full::new)
}

/// The same, whole.
pub(crate) fn response(answer: &Answer, id: &RequestId, manner: Manner) -> Response<Bytes> {
    let has_body = answer.status != StatusCode::NO_CONTENT;
    let mut policy = None;
    let body = match manner {
        Manner::Page if has_body => {
            let (page, its) = page(answer, id.as_str());
            policy = its;
            Bytes::from(page)
        }
        Manner::Problem if has_body => Bytes::from(answer.body(id.as_str())),
        Manner::Message if has_body => Bytes::from(serde_json::json!(answer.detail).to_string()),
        Manner::Grpc | Manner::Message | Manner::Page | Manner::Problem => Bytes::new(),
    };
    let mut response = Response::new(body);
    if manner != Manner::Grpc || !has_body {
        *response.status_mut() = answer.status;
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match manner {
        _ if !has_body => {}
        Manner::Page => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
            headers.extend(policy.map(|policy| (CONTENT_SECURITY_POLICY, policy)));
        }
        Manner::Message => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
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
    let link = answer.sign_in.as_ref().filter(|link| manner == Manner::Page && link.redirect);
    let location = link.and_then(|link| HeaderValue::from_str(&link.to).ok());
    let redirects = location.is_some();
    headers.extend(location.map(|to| (LOCATION, to)));
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
    if redirects {
        *response.status_mut() = StatusCode::FOUND;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_early_is_resource_exhausted_and_too_busy_is_unavailable() {
        assert_eq!(grpc_status(StatusCode::TOO_MANY_REQUESTS), 8);
        assert_eq!(grpc_status(StatusCode::SERVICE_UNAVAILABLE), 14);
    }

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
            assert_eq!(Manner::of(Version::HTTP_2, &headers), manner, "{kind}");
            assert_eq!(Manner::of(Version::HTTP_11, &headers), Manner::Problem, "{kind}");
        }
        assert_eq!(Manner::of(Version::HTTP_2, &HeaderMap::new()), Manner::Problem);
    }

    #[test]
    fn only_a_browser_that_goes_there_gets_a_page() {
        let browser =
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
        let (page, problem) = (Manner::Page, Manner::Problem);
        for (accept, mode, manner) in [
            (browser, None, page),
            (browser, Some("navigate"), page),
            (browser, Some("cors"), problem),
            (browser, Some("no-cors"), problem),
            ("*/*", Some("navigate"), problem),
            ("*/*", None, problem),
            ("text/*;q=0.9, */*;q=0.8", None, page),
            ("TEXT/HTML", None, page),
            ("text/html, application/json", None, problem),
            ("text/html;q=0.9, application/json", None, problem),
            ("text/html;level=1;q=0.5, application/json;q=0.4", None, page),
            ("text/html;q=0, */*;q=0.1", None, problem),
            ("text/html;q=nan, application/json;q=0", None, problem),
            ("text/html;q=2", None, problem),
            ("application/problem+json, text/html", None, problem),
            ("text/htmlx", None, problem),
            ("", None, problem),
        ] {
            let accept_value = (ACCEPT, HeaderValue::from_static(accept));
            let mode_name = HeaderName::from_static("sec-fetch-mode");
            let mode_value = mode.map(|mode| (mode_name, HeaderValue::from_static(mode)));
            let headers = [Some(accept_value), mode_value].into_iter().flatten();
            assert_eq!(
                Manner::of(Version::HTTP_11, &headers.collect()),
                manner,
                "{accept} {mode:?}"
            );
        }
        let grpc = (CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        let accept = (ACCEPT, HeaderValue::from_static(browser));
        assert_eq!(
            Manner::of(Version::HTTP_2, &HeaderMap::from_iter([grpc, accept])),
            Manner::Grpc
        );
    }
}
