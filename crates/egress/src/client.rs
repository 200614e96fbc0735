//! One request, one answer.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HOST,
    LOCATION, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::time::timeout;

use crate::connect::{Connection, Connector};
use crate::destination::Destination;
use crate::error::{EgressError, Fault};
use crate::fetched::Fetched;
use crate::freshness::Freshness;
use crate::options::EgressOptions;
use crate::resolve::{Resolve, SystemResolver};
use crate::trust::TrustError;
use crate::url::{Url, UrlError};

/// How many bytes the fields of an answer's header section may have.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How many bytes are buffered for them: room for the status line besides.
const HEAD_BUFFER: usize = MAX_HEAD_BYTES + 1024;
/// How many fields the header section of an answer may have.
const MAX_HEAD_FIELDS: usize = 100;

/// The outbound HTTP client. Cheap to share in an [`Arc`]; it keeps no connections.
#[derive(Debug)]
pub struct Egress {
    connector: Connector,
    options: EgressOptions,
    user_agent: HeaderValue,
}

impl Egress {
    /// A client that resolves names with the operating system.
    ///
    /// # Errors
    /// If the certificate authorities cannot be read, or if there are none; or if our own certificate cannot be shown.
    pub fn new(options: EgressOptions) -> Result<Self, TrustError> {
        Self::with_resolver(options, Arc::new(SystemResolver))
    }

    /// A client that resolves names with `resolver`.
    ///
    /// # Errors
    /// If the certificate authorities cannot be read, or if there are none; or if our own certificate cannot be shown.
    pub fn with_resolver(
        options: EgressOptions,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, TrustError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|cause| TrustError::Tls { cause: cause.to_string() })?
            .with_root_certificates(options.ca.load()?);
        let mut tls = match &options.client {
            None => tls.with_no_client_auth(),
            Some(client) => client.show(tls)?,
        };
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let user_agent =
            HeaderValue::try_from(&options.user_agent).map_err(|_| TrustError::UserAgent)?;
        let connector =
            Connector { resolver, tls: Arc::new(tls), timeout: options.connect_timeout };
        Ok(Self { connector, options, user_agent })
    }

    /// Fetches `from`, asking for the media types `accept`.
    ///
    /// # Errors
    /// If the place may not be reached, cannot be reached, takes too long, or answers anything but a plain 200 within
    /// the limits.
    pub async fn get(
        &self,
        from: &Destination,
        accept: &'static str,
    ) -> Result<Fetched, EgressError> {
        let limit = self.options.total_timeout;
        let outcome = match timeout(limit, self.fetch(from, accept)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::Timeout { limit }),
        };
        outcome.map_err(|fault| EgressError::new(from, fault))
    }

    /// Sends `request` to `to`, whose target it gets, and hands over whatever is answered, but a redirect: for protocols
    /// that say more with a status than that all is well. Of the request's own headers `Accept`, `Authorization` and
    /// `Content-Type` count, each once.
    ///
    /// # Errors
    /// If the place may not be reached, cannot be reached, takes too long, or answers beyond the limits.
    pub async fn send(
        &self,
        to: &Destination,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, EgressError> {
        let limit = self.options.total_timeout;
        let sent = async {
            let (head, body) = request.into_parts();
            let mut request = self.request(head.method, to.url(), "*/*", body)?;
            for name in [ACCEPT, AUTHORIZATION, CONTENT_TYPE] {
                if let Some(value) = head.headers.get(&name) {
                    request.headers_mut().insert(name, value.clone());
                }
            }
            let connection = self.connector.connect(to).await?;
            self.exchange(connection, request, |_| true).await
        };
        let outcome = match timeout(limit, sent).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::Timeout { limit }),
        };
        outcome.map_err(|fault| EgressError::new(to, fault))
    }

    async fn fetch(&self, from: &Destination, accept: &'static str) -> Result<Fetched, Fault> {
        let request = self.request(Method::GET, from.url(), accept, Bytes::new())?;
        let connection = self.connector.connect(from).await?;
        let ok = |status| status == StatusCode::OK;
        let (head, body) = self.exchange(connection, request, ok).await?.into_parts();
        let text = |name| head.headers.get(name)?.to_str().ok().map(str::to_owned);
        Ok(Fetched {
            freshness: Freshness::read(&head.headers),
            etag: text(ETAG),
            content_type: text(CONTENT_TYPE),
            body,
        })
    }

    fn request(
        &self,
        method: Method,
        url: &Url,
        accept: &'static str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        Request::builder()
            .method(method)
            .uri(url.target.as_str())
            .header(HOST, url.origin.authority())
            .header(USER_AGENT, &self.user_agent)
            .header(ACCEPT, accept)
            .header(ACCEPT_ENCODING, "identity")
            .header(CONNECTION, "close")
            .body(Full::new(body))
            .map_err(|cause| Fault::Protocol { cause: cause.to_string() })
    }

    /// Drives the connection and the exchange over it together, so that nothing is left running when this is dropped.
    async fn exchange(
        &self,
        connection: Connection,
        request: Request<Full<Bytes>>,
        expected: impl Fn(StatusCode) -> bool,
    ) -> Result<Response<Bytes>, Fault> {
        let (mut sender, driver) = http1::Builder::new()
            .max_buf_size(HEAD_BUFFER)
            .max_headers(MAX_HEAD_FIELDS)
            .handshake(TokioIo::new(connection))
            .await
            .map_err(|error| fault(&error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| fault(&error))?;
            self.read(response, expected).await
        };
        tokio::pin!(exchange, driver);
        tokio::select! {
            biased;
            outcome = &mut exchange => outcome,
            _ = &mut driver => exchange.await,
        }
    }

    async fn read(
        &self,
        response: Response<Incoming>,
        expected: impl Fn(StatusCode) -> bool,
    ) -> Result<Response<Bytes>, Fault> {
        let (head, mut body) = response.into_parts();
        let length =
            |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
        if head.headers.iter().map(length).sum::<usize>() > MAX_HEAD_BYTES {
            return Err(HEAD_TOO_LARGE);
        }
        let status = head.status.as_u16();
        if head.status.is_redirection() && head.headers.contains_key(LOCATION) {
            return Err(Fault::Redirect { status, to: redirected_to(&head.headers) });
        }
        if !expected(head.status) {
            return Err(Fault::Status { status });
        }
        let mut encodings = head.headers.get_all(CONTENT_ENCODING).into_iter();
        if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(Fault::Encoded);
        }
        let limit = self.options.max_body;
        let mut whole = BytesMut::new();
        if body.size_hint().lower() > limit as u64 {
            return Err(Fault::BodyTooLarge { limit });
        }
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| fault(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.len() + data.len() > limit {
                return Err(Fault::BodyTooLarge { limit });
            }
            whole.extend_from_slice(&data);
        }
        Ok(Response::from_parts(head, whole.freeze()))
    }
}

const HEAD_TOO_LARGE: Fault =
    Fault::HeadTooLarge { limit: MAX_HEAD_BYTES, fields: MAX_HEAD_FIELDS };

fn redirected_to(headers: &HeaderMap) -> String {
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    match location.map(Url::parse) {
        Some(Ok(url)) => format!("`{}`", url.origin.authority()),
        Some(Err(UrlError::Scheme)) => "another path or scheme".to_owned(),
        Some(Err(_)) | None => "an unreadable place".to_owned(),
    }
}

fn fault(error: &hyper::Error) -> Fault {
    if error.is_parse_too_large() {
        HEAD_TOO_LARGE
    } else if error.is_parse() {
        Fault::Protocol { cause: error.to_string() }
    } else {
        Fault::Interrupted
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
