//! The connections of proxies that ask.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Desk;
use super::ext_authz::ExtAuthz;
use super::forward_auth::{Asking, ForwardAuth};
use super::handshakes::Handshakes;
use super::link::{Line, Link};
use super::listener::Listener;
use super::proxy_tls::ProxyTls;
use crate::model::Doorway;
use crate::proxy::drained;
use crate::request_id::RequestIds;

/// How long accepting pauses when the process has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The most connections of one listener: proxies keep few, and ask about many requests on each.
pub const CONNECTIONS: usize = 1024;
/// The most questions at a time on one connection of HTTP/2.
const STREAMS: u32 = 1024;
/// The most bytes of a question's head: what the largest request has, and what the proxy says of it.
const HEAD: usize = 256 << 10;
/// The most header lines of it.
const HEADERS: usize = 512;
/// From the first byte of a head to its last.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a proxy is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How questions are asked on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// By Envoy, over gRPC.
    ExtAuthz,
    /// By HTTP, in this way.
    ForwardAuth(Asking),
}

#[derive(Clone, Debug)]
enum Door {
    ExtAuthz(Arc<ExtAuthz>),
    ForwardAuth(Arc<ForwardAuth>),
}

impl Door {
    /// How TLS is spoken here, as the configuration says now.
    fn tls(&self) -> Option<Arc<ProxyTls>> {
        match self {
            Self::ExtAuthz(door) => door.tls(),
            Self::ForwardAuth(door) => door.tls(),
        }
    }
}

/// Answers the questions on a listener until `draining` turns true, and then those that are under way, for `drain` at most.
///
/// # Errors
/// When the listener cannot be waited for.
pub async fn serve(
    listener: Listener,
    asked: Asked,
    doorway: Arc<Doorway>,
    seed: u64,
    (draining, drain): (watch::Receiver<bool>, Duration),
) -> io::Result<()> {
    let listener = listener.wait()?;
    let desk = Arc::new(Desk { doorway: Arc::clone(&doorway), ids: RequestIds::new(seed) });
    let door = match asked {
        Asked::ExtAuthz => Door::ExtAuthz(Arc::new(ExtAuthz::new(desk))),
        Asked::ForwardAuth(asking) => Door::ForwardAuth(Arc::new(ForwardAuth::new(desk, asking))),
    };
    let mut connections = JoinSet::new();
    let mut handshakes = Handshakes::default();
    let mut stopping = pin!(drained(draining.clone()));
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok(stream) => handshakes.begin(stream, door.tls(), doorway.now()),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(begun) = handshakes.next() => match begun {
                Ok((stream, link)) => {
                    connections.spawn(answer(stream, link, door.clone(), draining.clone()));
                }
                Err(error) => {
                    doorway.metrics.tls_handshakes_failed.inc();
                    tracing::debug!(%error, "a proxy that would ask was refused");
                }
            },
            Some(_) = connections.join_next() => {}
            () = &mut stopping => break,
        }
    }
    drop(listener);
    let ended = timeout(drain, async { while connections.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(open = connections.len(), "closing what did not end within the drain time");
    }
    Ok(())
}

/// Answers the questions on one connection.
async fn answer(stream: Box<dyn Line>, link: Link, door: Door, draining: watch::Receiver<bool>) {
    let link = Arc::new(link);
    let stream = TokioIo::new(stream);
    let drained = drained(draining);
    let ended = match door {
        Door::ExtAuthz(door) => {
            let service = service_fn(|request| {
                let (door, link) = (Arc::clone(&door), Arc::clone(&link));
                async move { Ok::<_, Infallible>(door.call(request, &link).await) }
            });
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(STREAMS)
                .keep_alive_interval(PING_EVERY)
                .keep_alive_timeout(PING_TIMEOUT)
                .serve_connection(stream, service);
            answered(connection, drained, |connection| connection.graceful_shutdown()).await
        }
        Door::ForwardAuth(door) => {
            let service = service_fn(|request| {
                let (door, link) = (Arc::clone(&door), Arc::clone(&link));
                async move { Ok::<_, Infallible>(door.call(request, &link).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(HEAD)
                .max_headers(HEADERS)
                .serve_connection(stream, service);
            let ended =
                answered(connection, drained, |connection| connection.graceful_shutdown()).await;
            if let Err(error) = &ended {
                door.ended(error).await;
            }
            ended
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of a proxy that asks ended early");
    }
}

/// Runs a connection to its end, and has it end once what it has begun is answered when `drained` does.
async fn answered<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    drained: impl Future<Output = ()>,
    end: impl FnOnce(Pin<&mut C>),
) -> hyper::Result<()> {
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended,
        () = drained => end(connection.as_mut()),
    }
    connection.await
}
