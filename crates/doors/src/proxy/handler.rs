//! One request: from hyper's hands to the gate's, and on.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use federation::Reception;
use gate::Answer;
use gate::request::{RawRequest, Scheme};
use gate::route::Sharing;
use http::header::{CONNECTION, COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use super::busyness::Busy;
use super::connection::Caller;
use super::door_body::DoorBody;
use super::lag::Lag;
use super::pool::Pool;
use super::refusals::Refused;
use super::server_tls::ServerTls;
use super::tunnel::WebSocket;
use super::{forward, own};
use crate::answer::{Manner, X_REQUEST_ID, respond, unavailable};
use crate::authzen::{self, DecisionPoint};
use crate::judge::{RequestFacts, judge};
use crate::metrics::{Metrics, RefusedLabels};
use crate::model::Doorway;
use crate::recording::{Unread, record_unread};
use crate::request_id::RequestIds;
use crate::trace::TraceContext;

/// The door's name in records.
const DOOR: &str = "proxy";

/// Answers the requests of one data thread.
#[derive(Debug)]
pub(crate) struct Handler {
    doorway: Arc<Doorway>,
    ids: RequestIds,
    pool: Arc<Pool>,
    lag: Lag,
}

impl Handler {
    pub(crate) fn new(doorway: Arc<Doorway>, ids: RequestIds) -> Self {
        Self { doorway, ids, pool: Arc::default(), lag: Lag::new(Instant::now()) }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.doorway.metrics
    }

    /// Closes the connections to endpoints that nothing needs any more.
    pub(crate) fn tidy(&self) {
        self.pool.tidy(&self.doorway.model.load(), Instant::now());
    }

    /// Watches how late its thread is, for as long as it is polled.
    pub(crate) async fn keep_time(&self) {
        self.lag.keep(worked).await;
    }

    /// Whether its thread has too much to do.
    pub(crate) fn was_late(&self) -> bool {
        self.lag.was_late()
    }

    /// Whether its thread has so much to do that it takes on no more for now; `newcomer` says that nothing was served on
    /// the connection before.
    pub(crate) fn is_late(&self, now: Instant, newcomer: bool) -> bool {
        self.lag.sheds(now, newcomer, worked)
    }

    /// What is still under way is cut off because the process ends.
    pub(crate) fn cuts_off(&self) {
        self.doorway.cutting_off.store(true, Ordering::Relaxed);
    }

    /// How TLS is spoken with callers, if it is.
    pub(crate) fn server_tls(&self) -> Option<ServerTls> {
        self.doorway.model.load().server_tls.clone()
    }

    /// Whether connections of `peer` begin with the PROXY protocol.
    pub(crate) fn is_told_by(&self, peer: IpAddr) -> bool {
        let model = self.doorway.model.load();
        model.proxy_protocol
            && model.reading.trusted_peers.iter().any(|network| network.contains(peer))
    }

    /// A peer that is to say whose its connection is did not.
    pub(crate) fn no_proxy_header(&self, peer: SocketAddr, why: &str) {
        self.doorway.metrics.proxy_headers_refused.inc();
        tracing::debug!(%peer, why, "a PROXY protocol header was refused");
    }

    /// A caller was turned away before it had said what it wants.
    pub(crate) fn refused(&self) {
        self.doorway.metrics.connections_refused.inc();
    }

    /// A caller and we could not agree on TLS.
    pub(crate) fn no_handshake(&self, peer: SocketAddr, why: &str) {
        self.doorway.metrics.tls_handshakes_failed.inc();
        tracing::debug!(%peer, why, "a TLS handshake failed");
    }

    /// Puts on record that something came which is no request.
    pub(crate) async fn record_unread(&self, caller: &Caller, unread: Unread) {
        let facts = RequestFacts {
            id: self.ids.next(self.doorway.now()),
            trace: TraceContext::of(&HeaderMap::new(), &self.ids, |_| false),
            peer: caller.peer,
            scheme: caller.scheme,
            version: Version::HTTP_11,
            began: Instant::now(),
        };
        record_unread(&self.doorway, &facts, DOOR, unread).await;
    }

    /// Puts on record what HTTP/2 refused by itself.
    pub(crate) async fn record_refused(&self, caller: &Caller, refused: Refused) {
        let what = match refused {
            Refused::Connection(_) => "connection",
            Refused::Head => "head",
            Refused::Request(_) => "request",
        };
        self.doorway.metrics.http2_refused.get_or_create(&RefusedLabels { what }).inc();
        self.record_unread(caller, Unread::refused(refused)).await;
    }

    /// Turns a request away because too many are under way, or too many have come. Nothing was decided about it: it is counted, not recorded.
    fn shed(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        self.doorway.metrics.requests_shed.inc();
        let answer = unavailable("too many requests are under way");
        respond(
            &answer,
            &self.ids.next(self.doorway.now()),
            Manner::of(request.version(), request.headers()),
        )
    }

    /// Answers a request; `last` says that it is to be the connection's last one.
    ///
    /// Every request begins with a future of its own, as large as the largest of its ways: those that few take are boxed,
    /// here and below.
    pub(crate) async fn handle(
        &self,
        mut request: Request<Incoming>,
        caller: &Caller,
        last: impl FnOnce() -> bool,
        busy: Busy,
    ) -> Response<DoorBody> {
        let ours = |response: Response<Full<Bytes>>, busy: Busy| {
            response.map(|body| DoorBody::Ours { body, _busy: busy.answered_by_us() })
        };
        let began = Instant::now();
        let place = self.doorway.crowd.enter().filter(|_| !self.is_late(began, !busy.was_served()));
        let Some(place) = place else {
            return ours(self.shed(&request), busy);
        };
        let busy = busy.holding(place);
        let model = self.doorway.model.load_full();
        let websocket = WebSocket::asked_for(&mut request, &self.ids);
        let (mut parts, body) = request.into_parts();
        let in_http2 = websocket.as_ref().is_some_and(WebSocket::is_in_http2);
        if in_http2 {
            // One rule is for both: what HTTP/1.1 asks for with GET.
            parts.method = Method::GET;
        }
        let http2 = parts.version == Version::HTTP_2;
        if http2 {
            join_cookies(&mut parts.headers);
        }
        let now = self.doorway.now();
        let facts = RequestFacts {
            id: self.ids.next(now),
            trace: TraceContext::of(&parts.headers, &self.ids, |id| {
                self.doorway.traces.samples(id)
            }),
            peer: caller.peer,
            scheme: caller.scheme,
            version: parts.version,
            began,
        };
        let uri = &parts.uri;
        let meant = |point: &DecisionPoint| point.is_meant(uri, &parts.headers);
        let for_decisions = model.decision_point.as_ref().is_some_and(meant);
        let echoed = for_decisions.then(|| authzen::echoed(&parts.headers).cloned()).flatten();
        let manner = || match for_decisions {
            true => Manner::Message,
            false => Manner::of(parts.version, &parts.headers),
        };
        if let Some(port) = model.https_port.filter(|_| caller.scheme == Scheme::Http) {
            let raw = raw_request(&parts, caller, http2);
            return ours(own::redirect(&raw, &model.reading, port, &facts.id), busy);
        }
        // None of ours is a WebSocket.
        let own =
            (!in_http2).then(|| own::answer(&model, &parts.method, uri.path(), now)).flatten();
        let page = model.reception.clone().filter(|_| !in_http2 && Reception::has(uri.path()));
        let mut response = if let Some(response) = own {
            ours(response, busy)
        } else if let Some(reception) = page {
            let raw = raw_request(&parts, caller, http2);
            let answering = own::receive((&self.doorway, &model), &reception, &raw, body, &facts);
            let answered = Box::pin(answering).await;
            busy.served();
            ours(answered, busy)
        } else {
            let raw = raw_request(&parts, caller, http2);
            match judge(&self.doorway, model, &raw, facts).await {
                Ok(admitted) if admitted.permit.target().service().inside => {
                    let answering = authzen::answer(admitted, body, in_http2, &self.doorway);
                    let answered = Box::pin(answering).await;
                    busy.served();
                    ours(answered, busy)
                }
                Ok(admitted) => {
                    let (doorway, pool) = (&self.doorway, &self.pool);
                    let sharing = admitted.sharing();
                    let forwarded =
                        forward::forward(admitted, body, websocket, &busy, doorway, pool).await;
                    if forwarded.is_ok() {
                        busy.served();
                    }
                    match shared(forwarded, sharing) {
                        Ok(response) => response,
                        Err(answer) => ours(respond(&answer, &facts.id, manner()), busy),
                    }
                }
                Err(answer) => ours(respond(&answer, &facts.id, manner()), busy),
            }
        };
        if let Some(id) = echoed {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        if response.status() != StatusCode::SWITCHING_PROTOCOLS && last() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// How long this thread has had its processor.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// An answer with what a browser is told about which pages may read it, in place of what the service says.
fn shared(
    answer: Result<Response<DoorBody>, Answer>,
    sharing: Option<Sharing>,
) -> Result<Response<DoorBody>, Answer> {
    let Some(sharing) = sharing else { return answer };
    match answer {
        Ok(mut response) => {
            sharing.write(response.headers_mut());
            Ok(response)
        }
        Err(answer) => Err(answer.shared(Some(sharing))),
    }
}

/// The request as the gate takes it.
fn raw_request<'a>(parts: &'a Parts, caller: &'a Caller, http2: bool) -> RawRequest<'a> {
    let uri = &parts.uri;
    RawRequest {
        method: &parts.method,
        // With HTTP/1.1 an absolute target does not stand in for `Host` (RFC 9112 §3.2.2); with HTTP/2 it does
        // (RFC 9113 §8.3.1).
        target_authority: uri.authority().filter(|_| http2 || parts.headers.contains_key(HOST)),
        target_scheme: uri.scheme_str(),
        path: uri.path(),
        query: uri.query(),
        headers: &parts.headers,
        peer: caller.peer.ip(),
        scheme: caller.scheme,
        certificate: caller.certificate.as_ref(),
        door: DOOR,
        relay: None,
    }
}

/// Cookies may come in several fields with HTTP/2; whoever reads HTTP/1.1 expects one (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut all = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    if let (Some(first), Some(second)) = (all.next(), all.next()) {
        let rest = all.collect::<Vec<_>>();
        let joined = [&[first, second], rest.as_slice()].concat().join(b"; ".as_slice());
        if let Ok(joined) = HeaderValue::from_bytes(&joined) {
            headers.insert(COOKIE, joined);
        }
    }
}
