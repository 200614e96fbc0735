//! One caller's connection, from accept to close.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::handler::Handler;
use super::paced::{Pace, Paced};
use super::worker::ProxyLimits;
use crate::in_flight::InFlight;
use crate::judge::Unread;

/// Whether a connection is answering a request, and which; shared by its stream and its answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busyness(Arc<State>);

#[derive(Debug, Default)]
struct State {
    answering: AtomicUsize,
    head_began: Mutex<Option<Instant>>,
    forwarded: Mutex<Weak<InFlight>>,
}

/// Held while a request is being answered, or its body still read.
#[derive(Debug)]
pub(crate) struct Busy(Busyness);

impl Clone for Busy {
    fn clone(&self) -> Self {
        self.0.0.answering.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl Busy {
    /// The request being answered was permitted: its permit is asked for while the caller takes nothing.
    pub(crate) fn forwards(&self, request: &Arc<InFlight>) {
        if let Ok(mut forwarded) = self.0.0.forwarded.lock() {
            *forwarded = Arc::downgrade(request);
        }
    }
}

impl Busyness {
    pub(crate) fn begin(&self) -> Busy {
        self.0.answering.fetch_add(1, Ordering::Relaxed);
        self.set_head(None);
        Busy(self.clone())
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.0.answering.load(Ordering::Relaxed) != 0
    }

    /// The first byte of a head came; later ones do not count.
    pub(crate) fn head_began(&self, now: Instant) {
        if let Ok(mut began) = self.0.head_began.lock() {
            began.get_or_insert(now);
        }
    }

    pub(crate) fn head_began_at(&self) -> Option<Instant> {
        self.0.head_began.lock().ok().and_then(|began| *began)
    }

    /// Whether the permit of the request being answered still stands.
    pub(crate) fn permit_stands(&self) -> bool {
        let forwarded = self.0.forwarded.lock().ok().and_then(|forwarded| forwarded.upgrade());
        forwarded.is_none_or(|request| request.stands())
    }

    fn set_head(&self, to: Option<Instant>) {
        if let Ok(mut began) = self.0.head_began.lock() {
            *began = to;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a connection until it ends, or until it has answered what it had begun when `draining` turned true.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    handler: Arc<Handler>,
    limits: ProxyLimits,
    mut draining: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let busy = Busyness::default();
    let pace = Pace { head: limits.header_timeout, write: limits.write_timeout };
    let io = TokioIo::new(Paced::new(stream, busy.clone(), pace));
    let served = AtomicUsize::new(0);
    let service = service_fn(|request| {
        let count = served.fetch_add(1, Ordering::Relaxed) + 1;
        let last = count >= limits.requests_per_connection;
        let (handler, busy) = (Arc::clone(&handler), busy.begin());
        async move { handler.handle(request, peer, last, busy).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .max_buf_size(limits.header_bytes.saturating_add(SLACK).max(MIN_BUFFER))
        .max_headers(limits.headers)
        .half_close(false)
        .serve_connection(io, service);
    tokio::pin!(connection);
    let drained = async {
        // The value that is waited for is locked while it is held: it is let go before anything else waits.
        let _ = draining.wait_for(|draining| *draining).await.map(drop);
    };
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = drained => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
        if let Some(unread) = Unread::of(&error) {
            handler.record_unread(peer, unread).await;
        }
    }
}

/// The smallest read buffer that hyper takes.
const MIN_BUFFER: usize = 8192;

/// How much more than the longest head is read, so that it is we who find a head too long, to the byte.
const SLACK: usize = 4096;
