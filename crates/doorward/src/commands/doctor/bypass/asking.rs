//! One request to one endpoint, over a connection of its own.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use doors::proxy::At;
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::questions::Question;
use super::stranger::{self, CertificateAsked};
use crate::config::{Endpoint, Upstream};

/// How long a connection is waited for, at most.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// How long TLS and the head of the answer are waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The most that is read of the body of an answer.
const MAX_BODY_BYTES: usize = 4096;

/// What nginx says with a 400 when it wants a client certificate (`ssl_verify_client on`) and was shown none.
const NGINX_WANTS_CERTIFICATE: &str = "No required SSL certificate was sent";

/// What the machine lacks to connect with: it says nothing of the endpoint.
const NOTHING_TO_CONNECT_WITH: [i32; 3] = [23, 24, 99]; // ENFILE, EMFILE, EADDRNOTAVAIL

/// What an endpoint did when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It wants a client certificate, and goes no further without.
    CertificateWanted,
    /// It took the connection, and closed it without an answer.
    Closed,
    /// It answered.
    Status(StatusCode),
    /// None of these: whether it would have answered is not known.
    Unclear(String),
    /// It cannot be connected to.
    Unreachable(String),
}

/// One address of a service.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// What it is called where it is told about.
    pub(super) name: String,
    pub(super) at: At,
    /// The host and port, for a question that names no host.
    authority: String,
    /// The name to ask TLS for, if it speaks it.
    tls: Option<String>,
    http2: bool,
    connect_within: Duration,
}

impl Target {
    pub(super) fn new(upstream: &Upstream, endpoint: &Endpoint) -> Self {
        let (host, authority) = match &endpoint.at {
            At::Address(address) => (address.ip().to_string(), address.to_string()),
            At::Name(host, port) => (host.clone(), format!("{host}:{port}")),
            At::Socket(_) => ("localhost".to_owned(), "localhost".to_owned()),
        };
        let named = upstream.tls.as_ref().and_then(|tls| tls.server_name.clone());
        Self {
            name: endpoint.to_string(),
            at: endpoint.at.clone(),
            authority,
            tls: endpoint.tls.then(|| named.unwrap_or(host)),
            http2: upstream.http2,
            connect_within: CONNECT_WITHIN,
        }
    }

    /// The same at one of the addresses that its name stands for.
    pub(super) fn at_address(&self, address: SocketAddr) -> Self {
        let name = format!("{} ({})", self.name, address.ip());
        Self { name, at: At::Address(address), ..self.clone() }
    }

    /// Asks once.
    pub(super) async fn ask(&self, question: &Question, headers: HeaderMap) -> Answer {
        let stream = match timeout(self.connect_within, connect(&self.at)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let ours = error.raw_os_error();
                let ours = ours.is_some_and(|code| NOTHING_TO_CONNECT_WITH.contains(&code));
                let why = error.to_string();
                return if ours { Answer::Unclear(why) } else { Answer::Unreachable(why) };
            }
            Err(_) => {
                let within = self.connect_within;
                return Answer::Unreachable(format!("no connection within {within:?}"));
            }
        };
        let asked = CertificateAsked::default();
        match timeout(ANSWER_WITHIN, self.exchange(stream, &asked, question, headers)).await {
            Ok(Ok(answer)) => answer,
            // TLS 1.3 tells only with the first answer that the handshake came to nothing.
            Ok(Err(_)) if asked.is_so() => Answer::CertificateWanted,
            Ok(Err(failure)) => failure.into(),
            Err(_) => Answer::Unclear(format!(
                "it takes the connection, and has not answered within {ANSWER_WITHIN:?}"
            )),
        }
    }

    async fn exchange(
        &self,
        stream: Box<dyn Stream>,
        asked: &CertificateAsked,
        question: &Question,
        headers: HeaderMap,
    ) -> Result<Answer, Failure> {
        let Some(name) = &self.tls else {
            let request = self.request(question, headers, self.http2)?;
            return Ok(Answer::Status(answer(stream, self.http2, request).await?.0));
        };
        let name = ServerName::try_from(name.clone())
            .map_err(|_| Failure::Setup(format!("`{name}` is no name to ask TLS for")))?;
        let config = stranger::client(asked).map_err(|error| Failure::Setup(error.to_string()))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let stream = stream.map_err(Failure::Tls)?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let request = self.request(question, headers, http2)?;
        let (status, body) = answer(stream, http2, request).await?;
        let wanted = asked.is_so()
            && status == StatusCode::BAD_REQUEST
            && String::from_utf8_lossy(&body).contains(NGINX_WANTS_CERTIFICATE);
        Ok(if wanted { Answer::CertificateWanted } else { Answer::Status(status) })
    }

    fn request(
        &self,
        question: &Question,
        headers: HeaderMap,
        http2: bool,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let host = question.host.as_ref().unwrap_or(&self.authority);
        let mut request = Request::builder().method(&question.method);
        if let Some(all) = request.headers_mut() {
            *all = headers;
            let agent =
                HeaderValue::from_static(concat!("doorward-doctor/", env!("CARGO_PKG_VERSION")));
            all.insert(USER_AGENT, agent);
        }
        let request = if http2 {
            // With HTTP/2 the host is part of the target (RFC 9113 §8.3.1).
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            request.uri(format!("{scheme}://{host}{}", question.path))
        } else {
            request.uri(question.path.as_str()).header(HOST, host)
        };
        request.body(Full::default()).map_err(|error| Failure::Setup(error.to_string()))
    }
}

/// What HTTP can be spoken over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(at: &At) -> io::Result<Box<dyn Stream>> {
    Ok(match at {
        At::Address(address) => Box::new(TcpStream::connect(address).await?),
        At::Name(host, port) => Box::new(TcpStream::connect((host.as_str(), *port)).await?),
        At::Socket(path) => Box::new(UnixStream::connect(path).await?),
    })
}

/// The status that is answered, and the begin of the body.
async fn answer<S>(
    stream: S,
    http2: bool,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stream = TokioIo::new(stream);
    if http2 {
        let (mut sender, driver) = http2::handshake(TokioExecutor::new(), stream).await?;
        return driven(async { read(sender.send_request(request).await?).await }, driver).await;
    }
    let (mut sender, driver) = http1::handshake(stream).await?;
    driven(async { read(sender.send_request(request).await?).await }, driver).await
}

/// What comes of `exchange` while `driver` moves its bytes.
async fn driven<T>(
    exchange: impl Future<Output = Result<T, Failure>>,
    driver: impl Future<Output = hyper::Result<()>>,
) -> Result<T, Failure> {
    tokio::pin!(exchange, driver);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        ended = &mut driver => match (exchange.await, ended) {
            // The driver knows better what went wrong.
            (Err(_), Err(error)) => Err(error.into()),
            (answer, _) => answer,
        },
    }
}

async fn read(answer: Response<Incoming>) -> Result<(StatusCode, Bytes), Failure> {
    let (head, body) = answer.into_parts();
    let body = match head.status {
        StatusCode::BAD_REQUEST => Limited::new(body, MAX_BODY_BYTES).collect().await.ok(),
        _ => None,
    };
    Ok((head.status, body.map_or_else(Bytes::new, |body| body.to_bytes())))
}

/// Why there is no answer.
enum Failure {
    Http(hyper::Error),
    /// It could not even be asked.
    Setup(String),
    Tls(io::Error),
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        Self::Http(error)
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Http(error) => {
                let broken = error.source().is_some_and(|source| source.is::<io::Error>());
                if broken
                    || error.is_incomplete_message()
                    || error.is_closed()
                    || error.is_canceled()
                {
                    Self::Closed
                } else {
                    Self::Unclear(format!("it does not answer in HTTP: {error}"))
                }
            }
            Failure::Setup(why) => Self::Unclear(why),
            Failure::Tls(error) if is_end(&error) => Self::Closed,
            Failure::Tls(error) => Self::Unclear(format!("TLS cannot be spoken with it: {error}")),
        }
    }
}

/// Whether the other side just closed the connection.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
