//! One caller's connection, from accept to close: TLS or not, HTTP/1.1 or HTTP/2.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gate::ClientCertificate;
use gate::request::Scheme;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokens::UnverifiedChain;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, Interest};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::busyness::Busyness;
use super::door_body::DoorBody;
use super::handler::Handler;
use super::paced::{Pace, Paced};
use super::parting::{GOODBYE, LEAVE, drained, farewell, idle, unused};
use super::proxy_protocol::{self, PREFIX_BYTES, Source, rest_length};
use super::refusals::Overheard;
use super::streams::Answers;
use super::tls::HTTP2;
use super::when_woken::WhenWoken;
use super::worker::ProxyLimits;
use crate::recording::Unread;

/// Where a caller is, how it reached us and what it has shown.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) peer: SocketAddr,
    pub(crate) scheme: Scheme,
    /// The client certificate whose key it has proven to hold.
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
}

impl Caller {
    /// A caller that has shown nothing yet.
    pub(crate) const fn new(peer: SocketAddr, scheme: Scheme) -> Self {
        Self { peer, scheme, certificate: None }
    }
}

/// What serves connections.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    pub(crate) handler: Arc<Handler>,
    pub(crate) limits: ProxyLimits,
    pub(crate) draining: watch::Receiver<bool>,
}

impl Serving {
    /// Serves a connection until it ends, or until it has answered what it had begun when `draining` turned true or it was
    /// to give way.
    ///
    /// Most callers keep theirs open without using it: it is as large as what is spoken on it, because each of the ways
    /// below is boxed.
    pub(crate) async fn serve(self, mut stream: TcpStream, mut caller: Caller, busy: Busyness) {
        let _ = stream.set_nodelay(true);
        let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
        let Self { limits, .. } = self;
        if self.handler.is_told_by(caller.peer.ip()) {
            let source = tokio::select! {
                source = timeout(limits.header_timeout, told_source(&mut stream)) => source,
                // Nothing was asked for yet.
                () = drained(self.draining.clone()) => return,
                () = busy.gives_way() => return,
            };
            match source {
                // From here on it is as if the caller had connected by itself: nothing of what it sends counts for more
                // because a trusted peer passes it on.
                Ok(Ok(Source::Of(source))) => caller.peer = source,
                Ok(Ok(Source::Sender)) => {}
                Ok(Err(error)) => {
                    return self.handler.no_proxy_header(caller.peer, &error.to_string());
                }
                Err(_) => return self.handler.no_proxy_header(caller.peer, "it took too long"),
            }
        }
        let pace = Pace {
            head: limits.header_timeout,
            write: limits.write_timeout,
            rate: limits.answer_rate,
        };
        if caller.scheme == Scheme::Http {
            let preface = tokio::select! {
                preface = speaks_http2(&stream, limits) => preface,
                // Nothing was asked for yet.
                () = farewell(&busy, self.draining.clone(), limits.write_timeout) => None,
                () = busy.gives_way() => None,
            };
            let Some(http2) = preface else { return };
            if self.has_lost(&stream).await {
                return;
            }
            let stream = Paced::new(stream, busy.clone(), pace);
            return self.speak(http2, stream, busy, caller).await;
        }
        Box::pin(self.serve_tls(stream, caller, busy, pace)).await;
    }

    async fn serve_tls(self, stream: TcpStream, mut caller: Caller, busy: Busyness, pace: Pace) {
        let Self { limits, .. } = self;
        let Some(tls) = self.handler.server_tls() else { return };
        let accepting = Box::pin(async {
            if self.has_lost(&stream).await {
                return Ok(None);
            }
            // There is no cheaper way to say no before there is a connection to say it on.
            if self.handler.is_late(Instant::now(), true) {
                self.handler.refused();
                return Ok(None);
            }
            tls.accept(Paced::new(stream, busy.clone(), pace)).await
        });
        let accepted = tokio::select! {
            accepted = timeout(limits.header_timeout, accepting) => accepted,
            () = busy.gives_way() => return,
        };
        match accepted {
            Ok(Ok(Some(stream))) => {
                busy.head_over();
                let session = stream.get_ref().1;
                let http2 = session.alpn_protocol() == Some(HTTP2);
                let chain = session.peer_certificates().unwrap_or_default();
                let chain = UnverifiedChain::new(chain.iter().map(AsRef::as_ref));
                caller.certificate = chain.map(|chain| Arc::new(ClientCertificate::new(chain)));
                self.speak(http2, stream, busy, caller).await;
            }
            // It has seen what it came for, or has left, or came when it could not be served.
            Ok(Ok(None)) => {}
            Ok(Err(error)) => self.handler.no_handshake(caller.peer, &error.to_string()),
            Err(_) => self.handler.no_handshake(caller.peer, "it took too long"),
        }
    }

    /// Whether a caller whose first bytes are awaited has left while it waited for a thread that was late. It is not done
    /// for nobody what others wait for.
    async fn has_lost(&self, stream: &TcpStream) -> bool {
        self.handler.was_late()
            && stream.ready(Interest::READABLE).await.is_ok_and(|ready| ready.is_read_closed())
    }

    async fn speak<S>(self, http2: bool, stream: S, busy: Busyness, caller: Caller)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if http2 {
            busy.has_streams();
            Box::pin(self.speak_http2(stream, busy, caller)).await;
        } else {
            Box::pin(self.speak_http1(stream, busy, caller)).await;
        }
    }

    async fn speak_http1<S>(self, stream: S, busy: Busyness, caller: Caller)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { handler, limits, draining } = self;
        let served = AtomicUsize::new(0);
        let (begin, stopping) = (|| busy.begin(), &draining);
        let service = service_fn(|request: Request<Incoming>| {
            let enough =
                served.fetch_add(1, Ordering::Relaxed) + 1 >= limits.requests_per_connection;
            let (handler, caller, busy) = (Arc::clone(&handler), caller.clone(), begin());
            // Asked when the answer goes out, so that a caller is told that its connection ends before it does.
            let last = move || enough || *stopping.borrow();
            Box::pin(async move { answer(handler.handle(request, &caller, last, busy).await) })
        });
        let ended = async {
            let connection = http1::Builder::new()
                .header_read_timeout(None)
                .max_buf_size(limits.header_bytes.saturating_add(SLACK).max(MIN_BUFFER))
                .max_headers(limits.headers)
                .half_close(false)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            let goes = async {
                tokio::select! {
                    () = farewell(&busy, draining.clone(), limits.write_timeout) => false,
                    () = busy.gives_way() => true,
                    () = unused(&busy, limits) => true,
                }
            };
            tokio::pin!(connection, goes);
            let gives_way = tokio::select! {
                biased;
                ended = &mut connection => return ended,
                gives_way = WhenWoken::new(goes) => gives_way,
            };
            connection.as_mut().graceful_shutdown();
            let gone = async {
                match gives_way {
                    // A head that has begun is not waited for.
                    true => idle(&busy, Instant::now(), LEAVE, limits.write_timeout).await,
                    false => unused(&busy, limits).await,
                }
            };
            tokio::select! {
                ended = &mut connection => ended,
                () = gone => Ok(()),
            }
        };
        let ended = ended.await;
        // What the connection was handed over to is still the caller's.
        busy.given_back().await;
        if let Err(error) = ended {
            tracing::debug!(peer = %caller.peer, %error, "a connection ended early");
            if let Some(unread) = Unread::of(&error) {
                handler.record_unread(&caller, unread).await;
            }
        }
    }

    async fn speak_http2<S>(self, stream: S, busy: Busyness, caller: Caller)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { handler, limits, draining } = self;
        let (stream, mut refused) = Overheard::new(stream);
        let recording = async {
            while let Some(refused) = refused.recv().await {
                handler.record_refused(&caller, refused).await;
            }
        };
        let (served, enough) = (AtomicUsize::new(0), Notify::new());
        let service = service_fn(|request: Request<Incoming>| {
            if served.fetch_add(1, Ordering::Relaxed) + 1 >= limits.requests_per_connection {
                enough.notify_one();
            }
            let (handler, caller, busy) = (Arc::clone(&handler), caller.clone(), busy.begin());
            async move { answer(handler.handle(request, &caller, || false, busy).await) }
        });
        // RFC 9113 §6.5.2 counts 32 bytes more for each field; the exact limit is the gate's to find.
        let list = limits.header_bytes + limits.headers * 32 + SLACK;
        let idle = |from, limit| idle(&busy, from, limit, limits.write_timeout);
        let connection = http2::Builder::new(Answers { limits, busy: busy.clone() })
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .enable_connect_protocol()
            .max_header_list_size(u32::try_from(list).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(MAX_RESETS)
            .max_local_error_reset_streams(MAX_RESETS)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        let ended = async {
            let began = Instant::now();
            let goes = async {
                tokio::select! {
                    () = drained(draining) => GOODBYE,
                    () = enough.notified() => GOODBYE,
                    () = idle(began, limits.idle_timeout) => GOODBYE,
                    () = busy.gives_way() => LEAVE,
                }
            };
            tokio::pin!(connection, goes);
            let goodbye = tokio::select! {
                // What a caller that never pauses sends comes after it.
                biased;
                goodbye = WhenWoken::new(goes) => goodbye,
                ended = &mut connection => return ended,
            };
            connection.as_mut().graceful_shutdown();
            // Who has nothing under way is not waited for.
            tokio::select! {
                ended = &mut connection => ended,
                () = idle(Instant::now(), goodbye) => Ok(()),
            }
        };
        // What is to be recorded ends with the connection.
        let (ended, ()) = tokio::join!(ended, recording);
        if let Err(error) = ended {
            tracing::debug!(peer = %caller.peer, %error, "a connection ended early");
        }
    }
}

fn answer(response: Response<DoorBody>) -> Result<Response<DoorBody>, Infallible> {
    Ok(response)
}

/// Reads the PROXY protocol's header, and nothing after it.
async fn told_source(stream: &mut TcpStream) -> io::Result<Source> {
    let mut prefix = [0; PREFIX_BYTES];
    stream.read_exact(&mut prefix).await?;
    let mut rest = vec![0; rest_length(&prefix).map_err(io::Error::other)?];
    stream.read_exact(&mut rest).await?;
    proxy_protocol::read(&prefix, &rest).map_err(io::Error::other)
}

/// Whether what comes begins as HTTP/2 does with prior knowledge (RFC 9113 §3.3); nothing when nothing comes, or too
/// slowly.
async fn speaks_http2(stream: &TcpStream, limits: ProxyLimits) -> Option<bool> {
    let mut bytes = [0; PREFACE.len()];
    let first = timeout(limits.idle_timeout, stream.peek(&mut bytes)).await;
    let mut read = first.ok()?.ok().filter(|read| *read > 0)?;
    let late = Instant::now() + limits.header_timeout;
    loop {
        let (begun, preface) = (bytes.get(..read)?, PREFACE.get(..read)?);
        if begun != preface {
            return Some(false);
        }
        if read == PREFACE.len() {
            return Some(true);
        }
        if Instant::now() >= late {
            return None;
        }
        // What was seen stays readable: there is nothing to wait for but time.
        sleep(LOOK_EVERY).await;
        read = stream.peek(&mut bytes).await.ok().filter(|read| *read > 0)?;
    }
}

/// How HTTP/2 begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How often a preface that comes piece by piece is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The smallest read buffer that hyper takes.
const MIN_BUFFER: usize = 8192;

/// How much more than the longest head is read, so that it is we who find a head too long, to the byte.
const SLACK: usize = 4096;

/// How much the system takes of what is sent to a caller before it can send it: it asks for more when half of it went out,
/// and so tells how fast the caller takes it.
const UNSENT: u32 = 32 << 10;

/// How much of one body is taken before its service takes it.
const STREAM_WINDOW: u32 = 256 << 10;
/// How much of all bodies of a connection is taken before their services take it. It is one caller's own, and bounds
/// what one caller can make us hold.
const CONNECTION_WINDOW: u32 = 1 << 20;
/// How much of one answer is kept for a caller that is slow to take it.
const SEND_BUFFER: usize = 64 << 10;
/// How many streams may be reset before they are answered, until the connection is closed (CVE-2023-44487).
const MAX_RESETS: usize = 20;
/// How often a caller is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
