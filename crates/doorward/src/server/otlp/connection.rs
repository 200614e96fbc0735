//! One request to the collector, over a connection of its own.

use bytes::Bytes;
use doors::proxy::{ServiceTls, TlsError, client_tls};
use http::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where the collector takes traces (OTLP/HTTP).
const TRACES: &str = "/v1/traces";

/// Why no collector can be spoken to.
#[derive(Debug, Error)]
pub(in crate::server) enum CollectorError {
    /// Plain HTTP to another machine.
    #[error(
        "`{0}` is plain http to another machine: write `https://`, or run a collector on this one"
    )]
    PlainHttp(String),
    /// TLS cannot be set up.
    #[error("{0}: {remedy}", remedy = .0.remedy())]
    Tls(#[from] TlsError),
    /// Not a URL.
    #[error("`{0}` is not a URL that can be posted to")]
    Url(String),
}

/// Why a batch was not taken.
#[derive(Debug, Error)]
pub(super) enum ExportError {
    /// The exchange broke off.
    #[error("the exchange failed: {0}")]
    Http(#[from] hyper::Error),
    /// No connection.
    #[error("it cannot be connected to: {0}")]
    Io(#[from] std::io::Error),
    /// The request cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] http::Error),
    /// Another status than a good one.
    #[error("it answered {0}")]
    Status(StatusCode),
    /// Too slow.
    #[error("it did not answer in time")]
    Timeout,
}

/// A collector, known by its URL.
pub(super) struct Collector {
    host: String,
    port: u16,
    authority: String,
    target: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Collector {
    pub(super) fn new(endpoint: &str) -> Result<Self, CollectorError> {
        let refused = || CollectorError::Url(endpoint.to_owned());
        let uri: Uri = endpoint.parse().map_err(|_| refused())?;
        let authority = uri.authority().ok_or_else(refused)?;
        let secure = uri.scheme_str() == Some("https");
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = if secure {
            let name = ServerName::try_from(host.clone()).map_err(|_| refused())?;
            Some((TlsConnector::from(client_tls(&ServiceTls::default())?), name))
        } else if is_loopback(&host) {
            None
        } else {
            return Err(CollectorError::PlainHttp(endpoint.to_owned()));
        };
        let path = uri.path().trim_end_matches('/');
        let target =
            if path.ends_with(TRACES) { path.to_owned() } else { format!("{path}{TRACES}") };
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { host, port, authority: authority.to_string(), target, tls })
    }

    /// Posts one document.
    pub(super) async fn post(&self, body: String) -> Result<(), ExportError> {
        let request = Request::post(self.target.as_str())
            .header(HOST, &self.authority)
            .header(USER_AGENT, concat!("doorward/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header(CONNECTION, "close")
            .body(Full::new(Bytes::from(body)))?;
        let (mut sender, driver) = http1::handshake(TokioIo::new(self.connect().await?)).await?;
        let exchange = sender.send_request(request);
        tokio::pin!(exchange, driver);
        let response = tokio::select! {
            biased;
            response = &mut exchange => response?,
            _ = &mut driver => exchange.await?,
        };
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(ExportError::Status(status)),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, ExportError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((tls, name)) => Box::new(tls.connect(name.clone(), stream).await?),
        })
    }
}

/// What HTTP can be spoken over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Whether a host is this machine by its very spelling.
fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}
