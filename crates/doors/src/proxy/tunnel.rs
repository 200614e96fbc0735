//! WebSockets (RFC 6455): what follows the permit is bytes both ways, until an end closes or the permit ends.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Version};
use hyper::body::{Body, Incoming};
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use ledger::audit::Ended;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep, timeout};

use super::body::CHECK_EVERY;
use super::busyness::Busy;
use super::endpoint::UnderWay;
use super::sender::Sender;
use super::slots::Slot;
use crate::in_flight::InFlight;
use crate::request_id::RequestIds;

/// How much is read at a time.
const BUFFER: usize = 16 << 10;

/// How long what is on its way has once the other way is broken.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a key is joined with before it is digested (RFC 6455 §1.3).
const ACCEPT_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A caller's wish to go on as a WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket {
    pub(super) upgrade: OnUpgrade,
    /// What the service is to accept: the caller's, or, over HTTP/2, our own.
    key: HeaderValue,
    in_http2: bool,
}

impl WebSocket {
    /// The wish, if the request has it: an upgrade of HTTP/1.1 (RFC 6455 §4.1), or CONNECT with a protocol over HTTP/2
    /// (RFC 8441 §5).
    pub(crate) fn asked_for(request: &mut Request<Incoming>, ids: &RequestIds) -> Option<Self> {
        let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
        let in_http2 = request.version() == Version::HTTP_2
            && *request.method() == Method::CONNECT
            && protocol == Some("websocket");
        let key = if in_http2 {
            let nonce = [ids.next_u64().to_be_bytes(), ids.next_u64().to_be_bytes()].concat();
            HeaderValue::from_str(&STANDARD.encode(nonce)).ok()?
        } else {
            let asked = request.version() == Version::HTTP_11
                && *request.method() == Method::GET
                && request.body().is_end_stream()
                && Self::is_named(request.headers());
            let mut keys = request.headers().get_all(SEC_WEBSOCKET_KEY).iter();
            keys.next().filter(|_| asked && keys.next().is_none())?.clone()
        };
        Some(Self { upgrade: hyper::upgrade::on(request), key, in_http2 })
    }

    /// Whether it came over HTTP/2, where a success says that the WebSocket is there.
    pub(crate) const fn is_in_http2(&self) -> bool {
        self.in_http2
    }

    /// Asks the service for it.
    pub(super) fn ask(&self, headers: &mut HeaderMap) {
        Self::name(headers);
        headers.insert(SEC_WEBSOCKET_KEY, self.key.clone());
    }

    /// Whether a service that goes on in another protocol goes on in this, and has read what it was asked.
    pub(super) fn is_agreed(&self, headers: &HeaderMap) -> bool {
        let joined = [self.key.as_bytes(), ACCEPT_SUFFIX].concat();
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, &joined);
        let mut accepts = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter();
        let accept = accepts.next().filter(|_| accepts.next().is_none());
        Self::is_named(headers)
            && accept.is_some_and(|one| one.as_bytes() == STANDARD.encode(digest).as_bytes())
    }

    /// Whether `Upgrade` names it alone, and `Connection` names `Upgrade`.
    fn is_named(headers: &HeaderMap) -> bool {
        let mut upgrades = headers.get_all(UPGRADE).iter();
        let only = upgrades.next().filter(|_| upgrades.next().is_none());
        let connection = headers.get_all(CONNECTION).iter().filter_map(|one| one.to_str().ok());
        only.is_some_and(|only| only.as_bytes().eq_ignore_ascii_case(b"websocket"))
            && connection
                .flat_map(|value| value.split(','))
                .any(|name| name.trim().eq_ignore_ascii_case("upgrade"))
    }

    /// Names it.
    pub(super) fn name(headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// Two connections that have become one.
pub(super) struct Tunnel {
    pub(super) caller: OnUpgrade,
    /// Whether the caller's side is a stream of HTTP/2.
    pub(super) in_http2: bool,
    pub(super) service: OnUpgrade,
    pub(super) in_flight: Arc<InFlight>,
    /// How long both may be silent.
    pub(super) idle_timeout: Duration,
    /// Held so that the connection stays open until it was handed over.
    pub(super) sender: Sender,
    pub(super) slot: Slot,
    pub(super) under_way: UnderWay,
    pub(super) busy: Busy,
}

type Connection = TokioIo<Upgraded>;

impl Tunnel {
    /// Passes bytes on until it ends, and says how it did.
    pub(super) async fn run(self) {
        let Self {
            caller, service, in_flight, idle_timeout, sender, slot, under_way, busy, ..
        } = self;
        let (Ok(service), Ok(caller)) = (service.await, caller.await) else {
            in_flight.end(Ended::UpstreamFailed);
            return;
        };
        drop(sender);
        let (from_caller, to_caller) = tokio::io::split(TokioIo::new(caller));
        let (from_service, to_service) = tokio::io::split(TokioIo::new(service));
        let (gone, failed) = (Ended::ClientGone, Ended::UpstreamFailed);
        let received = |bytes| in_flight.received(bytes);
        let up = pump((from_caller, gone), (to_service, failed), || {}, received);
        let offered = || in_flight.offered(Instant::now());
        let sent = |bytes| {
            in_flight.taken();
            in_flight.sent(bytes);
        };
        let down = pump((from_service, failed), (to_caller, gone), offered, sent);
        tokio::select! {
            biased;
            ended = both(up, down) => in_flight.end(ended),
            () = over(&in_flight, idle_timeout) => {}
        }
        if self.in_http2 && !in_flight.stands() {
            // What the caller has not taken keeps its stream open, until whoever runs it has seen the permit end.
            sleep(CHECK_EVERY * 2).await;
        }
        drop((slot, under_way, busy));
    }
}

/// Ends when the permit no longer stands, or when nothing came from either side for `idle_timeout`.
async fn over(in_flight: &InFlight, idle_timeout: Duration) {
    let mut carried = in_flight.carried();
    let mut since = Instant::now();
    loop {
        sleep(CHECK_EVERY.min(idle_timeout)).await;
        if !in_flight.stands() {
            return;
        }
        let now = in_flight.carried();
        if now != carried {
            (carried, since) = (now, Instant::now());
        } else if since.elapsed() >= idle_timeout {
            return in_flight.end(Ended::UpstreamTimedOut);
        }
    }
}

/// One way of a tunnel, until it is closed, or until a side breaks: then how that ends the tunnel.
trait OneWay: Future<Output = Result<(), Ended>> + Send {}

impl<F: Future<Output = Result<(), Ended>> + Send> OneWay for F {}

/// Goes both ways until both are closed, and says how they ended. When one breaks, so does the other: its end may never
/// come.
async fn both(up: impl OneWay, down: impl OneWay) -> Ended {
    let (mut up, mut down) = (pin!(up), pin!(down));
    let (first, other): (_, Pin<&mut dyn OneWay>) = tokio::select! {
        biased;
        first = &mut up => (first, down),
        first = &mut down => (first, up),
    };
    match first {
        Ok(()) => other.await.err().unwrap_or(Ended::Completed),
        Err(ended) => {
            let _ = timeout(LAST_WORDS, other).await;
            ended
        }
    }
}

/// Passes on what comes from one side to the other, and its end. Each side is told with how the tunnel ends when it
/// breaks.
async fn pump(
    (mut from, from_broke): (ReadHalf<Connection>, Ended),
    (mut to, to_broke): (WriteHalf<Connection>, Ended),
    begin: impl Fn(),
    count: impl Fn(usize),
) -> Result<(), Ended> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await.map_err(|_| from_broke)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown().await.map_err(|_| to_broke);
        };
        begin();
        to.write_all(bytes).await.map_err(|_| to_broke)?;
        // TLS may keep what the other side could not take at once.
        to.flush().await.map_err(|_| to_broke)?;
        count(read);
    }
}
