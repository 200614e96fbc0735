//! How ACME's requests go out: through the one outbound client, under its one policy.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use egress::{Destination, Egress};
use http::header::RETRY_AFTER;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use ledger::Clock;
use tokens::Timestamp;

/// Sends what ACME asks, and notes when the server wants to be left alone. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Client {
    egress: Arc<Egress>,
    /// The directory: what it names elsewhere may lie only on the public internet.
    directory: Destination,
    clock: Arc<dyn Clock>,
    retry_after: Arc<Mutex<Option<Duration>>>,
}

impl Client {
    pub(super) fn new(egress: Arc<Egress>, directory: Destination, clock: Arc<dyn Clock>) -> Self {
        Self { egress, directory, clock, retry_after: Arc::default() }
    }

    /// How long the server has asked to be left alone when it last refused, told once.
    pub(super) fn take_retry_after(&self) -> Option<Duration> {
        self.retry_after.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn send(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let other = |error: egress::EgressError| Error::Other(Box::new(error));
        let to = Destination::learned(&request.uri().to_string(), &self.directory)
            .map_err(|error| Error::Other(Box::new(error)))?;
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_or_else(|never| match never {}, |body| body.to_bytes());
        let response =
            self.egress.send(&to, Request::from_parts(head, body)).await.map_err(other)?;
        if response.status().is_client_error() || response.status().is_server_error() {
            let asked = retry_after(&response, self.clock.now());
            *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        }
        Ok(BytesResponse::from(response.map(http_body_util::Full::new)))
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().send(request))
    }
}

/// `Retry-After`, in seconds or as a date (RFC 9110 §10.2.3).
fn retry_after(response: &Response<Bytes>, now: Timestamp) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::default().plus(date).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_asks_for_patience_in_seconds_or_until_a_date() {
        let now = Timestamp::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        for (value, expected) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:59:37 GMT", Some(600)),
            ("Sun, 06 Nov 1994 08:39:37 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
        ] {
            let answer = Response::builder().header(RETRY_AFTER, value).body(Bytes::new()).unwrap();
            let asked = retry_after(&answer, now);
            assert_eq!(asked, expected.map(Duration::from_secs), "{value}");
        }
    }
}
