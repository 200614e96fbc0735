//! A connection to an endpoint, ready for requests: HTTP/1.1, one after another, or HTTP/2, beside each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;

use super::endpoint_stream::{EndpointStream, Interim};
use super::streams::Uploads;
use super::upload::Upload;

/// How much is read of an answer of HTTP/1.1 at a time, before its caller takes it; its head fits in it.
const READ_BUFFER: usize = 64 << 10;
/// How much of one answer of HTTP/2 is taken before its caller takes it.
const STREAM_WINDOW: u32 = 128 << 10;
/// The most that can be taken of all answers of a connection (RFC 9113 §6.9.1).
const MAX_WINDOW: u32 = (1 << 31) - 1;
/// After so many requests that were given up, a connection of HTTP/2 is given no more, and ends with those that it has: servers
/// close one that is reset too often (CVE-2023-44487), and with it the requests of others.
const MAX_CUT_OFF: usize = 30;
/// How often an endpoint is asked whether it is still there, while it has requests.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// What requests are sent with.
#[derive(Debug)]
pub(crate) enum Sender {
    /// HTTP/1.1: ours alone until its answer was read.
    Http1(Alone),
    /// HTTP/2: shared.
    Http2(Stream),
}

/// A connection of HTTP/1.1. It is closed when it is dropped, even while a body is being sent over it.
#[derive(Debug)]
pub(crate) struct Alone {
    connection: http1::SendRequest<Upload>,
    driver: AbortHandle,
    interim: Interim,
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A place for one request on a connection of HTTP/2.
#[derive(Debug)]
pub(crate) struct Stream {
    connection: http2::SendRequest<Upload>,
    under_way: Arc<AtomicUsize>,
    cut_off: Arc<AtomicUsize>,
    /// Whether its answer was read to its end.
    whole: bool,
}

/// A connection of HTTP/2, as the pool keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    connection: http2::SendRequest<Upload>,
    under_way: Arc<AtomicUsize>,
    /// Requests that were given up before their end, and so were reset.
    cut_off: Arc<AtomicUsize>,
    /// The most requests at a time.
    streams: usize,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        if !self.whole {
            self.cut_off.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Shared {
    /// A place on it, if it has one more.
    pub(crate) fn stream(&self) -> Option<Stream> {
        if self.is_over() || !self.connection.is_ready() {
            return None;
        }
        if self.under_way.fetch_add(1, Ordering::Relaxed) >= self.streams {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let under_way = Arc::clone(&self.under_way);
        let (connection, cut_off) = (self.connection.clone(), Arc::clone(&self.cut_off));
        Some(Stream { connection, under_way, cut_off, whole: false })
    }

    /// Whether it is given no more requests, whatever those that it has come to.
    pub(crate) fn is_over(&self) -> bool {
        self.cut_off.load(Ordering::Relaxed) >= MAX_CUT_OFF || self.connection.is_closed()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0
    }
}

impl Sender {
    /// The answer was read to its end.
    pub(crate) const fn ends_whole(&mut self) {
        if let Self::Http2(stream) = self {
            stream.whole = true;
        }
    }

    /// Whether a request can be sent soon.
    pub(crate) async fn ready(&mut self) -> bool {
        match self {
            Self::Http1(alone) => alone.connection.ready().await.is_ok(),
            Self::Http2(stream) => stream.connection.ready().await.is_ok(),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Http1(alone) => alone.connection.is_ready(),
            Self::Http2(stream) => stream.connection.is_ready(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Http1(alone) => alone.connection.is_closed(),
            Self::Http2(stream) => stream.connection.is_closed(),
        }
    }

    /// The interim answers to what is sent next.
    pub(crate) fn interim(&self) -> Interim {
        match self {
            Self::Http1(alone) => alone.interim.clone(),
            // Its connection reads on for the others; an answer that does not come is given up for its time.
            Self::Http2(_) => Interim::default(),
        }
    }

    pub(crate) async fn send(
        &mut self,
        mut request: Request<Upload>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Upload>>> {
        match self {
            Self::Http1(alone) => {
                alone.interim.count(&mut request);
                alone.connection.try_send_request(request).await
            }
            Self::Http2(stream) => stream.connection.try_send_request(request).await,
        }
    }
}

/// Speaks HTTP/1.1 over `stream` from now on.
pub(crate) async fn speak_http1<S>(stream: S) -> hyper::Result<Sender>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let interim = Interim::default();
    let stream = TokioIo::new(EndpointStream::new(stream, interim.clone()));
    let (connection, driver) =
        http1::Builder::new().max_buf_size(READ_BUFFER).handshake(stream).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = driver.with_upgrades().await {
            tracing::debug!(%error, "a connection to an endpoint ended");
        }
    });
    Ok(Sender::Http1(Alone { connection, driver: driver.abort_handle(), interim }))
}

/// Speaks HTTP/2 over `stream` from now on, with at most as many requests at a time as `streams`.
pub(crate) async fn speak_http2<S>(stream: S, streams: usize) -> hyper::Result<Shared>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // As much as of all its streams, so that callers who take nothing leave the others their part.
    let window = u32::try_from(streams).unwrap_or(u32::MAX).saturating_mul(STREAM_WINDOW);
    let uploads = Uploads::default();
    let (connection, driver) = http2::Builder::new(uploads.clone())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(window.min(MAX_WINDOW))
        .max_send_buf_size(STREAM_WINDOW as usize)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .handshake(TokioIo::new(EndpointStream::new(stream, Interim::default())))
        .await?;
    uploads.begin(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%error, "a connection to an endpoint ended");
        }
    });
    Ok(Shared { connection, under_way: Arc::default(), cut_off: Arc::default(), streams })
}
