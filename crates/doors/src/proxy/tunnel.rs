//! WebSockets (RFC 6455): what follows the permit is bytes both ways, until an end closes or the permit ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Version};
use hyper::body::{Body, Incoming};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use ledger::audit::Ended;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep};

use super::body::CHECK_EVERY;
use super::busyness::Busy;
use super::endpoint::UnderWay;
use super::pool::Slot;
use super::sender::Sender;
use crate::in_flight::InFlight;

/// How much is read at a time.
const BUFFER: usize = 16 << 10;

/// A caller's wish to go on as a WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket(pub(super) OnUpgrade);

impl WebSocket {
    /// The wish, if the request has it (RFC 6455 §4.1).
    pub(crate) fn asked_for(request: &mut Request<Incoming>) -> Option<Self> {
        let asked = request.version() == Version::HTTP_11
            && *request.method() == Method::GET
            && request.body().is_end_stream()
            && Self::is_named(request.headers());
        asked.then(|| Self(hyper::upgrade::on(request)))
    }

    /// Whether `Upgrade` names it alone, and `Connection` names `Upgrade`.
    pub(super) fn is_named(headers: &HeaderMap) -> bool {
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
        let Self { caller, service, in_flight, idle_timeout, sender, slot, under_way, busy } = self;
        let (Ok(service), Ok(caller)) = (service.await, caller.await) else {
            in_flight.end(Ended::UpstreamFailed);
            return;
        };
        drop(sender);
        let (from_caller, to_caller) = tokio::io::split(TokioIo::new(caller));
        let (from_service, to_service) = tokio::io::split(TokioIo::new(service));
        let both = async {
            tokio::join!(
                pump(from_caller, to_service, |bytes| in_flight.received(bytes)),
                pump(from_service, to_caller, |bytes| in_flight.sent(bytes)),
            )
        };
        tokio::select! {
            biased;
            ended = both => match ended {
                (Ok(()), Ok(())) => in_flight.end(Ended::Completed),
                (_, Err(_)) => in_flight.end(Ended::ClientGone),
                (Err(_), Ok(())) => in_flight.end(Ended::UpstreamFailed),
            },
            () = over(&in_flight, idle_timeout) => {}
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

/// Passes on what comes from one side to the other, and its end.
async fn pump(
    mut from: ReadHalf<Connection>,
    mut to: WriteHalf<Connection>,
    count: impl Fn(usize),
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown().await;
        };
        to.write_all(bytes).await?;
        // TLS may keep what the other side could not take at once.
        to.flush().await?;
        count(read);
    }
}
