//! Calls of gRPC with one message each way (gRPC's `doc/PROTOCOL-HTTP2.md`).

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Incoming};

use crate::answer::{GRPC_STATUS, is_grpc};

/// The most bytes of a question: a head of the greatest size, and what Envoy may send of a body.
const MOST: usize = 2 << 20;

/// How a call ends (gRPC's `doc/statuscodes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
}

/// The message of a call.
///
/// # Errors
/// How the call ends that has none.
pub(super) async fn question(request: Request<Incoming>) -> Result<Bytes, Code> {
    if !is_grpc(request.headers()) {
        return Err(Code::InvalidArgument);
    }
    let body = Limited::new(request.into_body(), MOST).collect().await;
    let mut body = body.map_err(|_| Code::ResourceExhausted)?.to_bytes();
    if body.len() < PREFIX {
        return Err(Code::InvalidArgument);
    }
    let (compressed, length) = (body.get_u8(), body.get_u32());
    match (compressed, usize::try_from(length)) {
        (0, Ok(length)) if length == body.len() => Ok(body),
        (1, _) => Err(Code::Unimplemented),
        _ => Err(Code::InvalidArgument),
    }
}

/// How long the caller waits, as far as it says.
pub(super) fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// The answer of a call: its message, or how it ends without one.
pub(super) fn answer(
    message: Result<Vec<u8>, Code>,
) -> Response<impl Body<Data = Bytes, Error = std::convert::Infallible>> {
    let (body, code) = match message {
        Ok(message) => {
            let mut framed = BytesMut::with_capacity(PREFIX + message.len());
            framed.put_u8(0);
            framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
            framed.put_slice(&message);
            (framed.freeze(), Code::Ok)
        }
        Err(code) => (Bytes::new(), code),
    };
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from(code as u16));
    let body = Full::new(body).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(body);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, grpc);
    response
}

/// The header in which a caller says how long it waits.
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The bytes before a message: whether it is compressed, and how long it is.
const PREFIX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_read_in_its_unit_and_what_is_none_is_none() {
        for (text, expected) in [
            ("200m", Some(Duration::from_millis(200))),
            ("1S", Some(Duration::from_secs(1))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("3u", Some(Duration::from_micros(3))),
            ("100000000m", None),
            ("m", None),
            ("", None),
            ("1", None),
            ("1s", None),
            ("-1S", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT, HeaderValue::from_static(text));
            assert_eq!(deadline(&headers), expected, "{text}");
        }
    }
}
