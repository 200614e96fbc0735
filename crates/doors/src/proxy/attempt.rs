//! Sending a request to one endpoint after another, until one answers or nothing more may be tried.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gate::Answer;
use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use ledger::audit::Ended;
use tokio::time::{Instant, sleep_until, timeout};

use super::body::{CHECK_EVERY, DoorBody, Lease, WatchedBody};
use super::busyness::Busy;
use super::endpoint::{Endpoint, UnderWay};
use super::forward::{bad_gateway, permit_over, too_large};
use super::pool::{Pool, Slot};
use super::sender::Sender;
use super::service::Service;
use super::service_headers::remove_hop_by_hop;
use super::tunnel::{Tunnel, WebSocket};
use crate::answer::X_REQUEST_ID;
use crate::in_flight::InFlight;
use crate::metrics::ServiceLabels;
use crate::model::Doorway;

/// How long a connection that was put back may take to be ready: its last answer was read, so it is a matter of a turn.
const READY_WITHIN: Duration = Duration::from_millis(100);
/// The most endpoints that one request is tried at.
const MAX_TRIES: usize = 3;

/// The head of the request to send.
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) headers: HeaderMap,
}

/// A request on its way to one endpoint after another.
pub(super) struct Attempt<'a> {
    pub(super) doorway: &'a Arc<Doorway>,
    pub(super) pool: &'a Arc<Pool>,
    pub(super) service: &'a Arc<Service>,
    pub(super) in_flight: &'a Arc<InFlight>,
    pub(super) busy: &'a Busy,
    pub(super) max_body: Option<u64>,
    /// Taken when the service agrees to go on as a WebSocket.
    pub(super) websocket: Mutex<Option<WebSocket>>,
}

/// How sending ended without an answer.
enum Unanswered {
    /// Nothing was sent: the request can go elsewhere, with its body.
    NotSent(Box<Request<WatchedBody>>),
    /// The caller's body was malformed or broke off.
    BadBody,
    /// It was sent, and the connection broke before an answer.
    Broken,
    /// It was sent, and the service says that it did nothing about it.
    Unprocessed,
    /// The permit ended or was revoked while the answer was waited for.
    PermitOver,
    /// The body was larger than it may be.
    TooLarge,
    /// No answer came in time.
    TimedOut,
}

impl Attempt<'_> {
    pub(super) async fn run(
        &self,
        head: &Head,
        body: Option<Incoming>,
        slot: Slot,
    ) -> Result<Response<DoorBody>, Answer> {
        let replayable = body.is_none();
        let mut next = Some(self.request(head, body));
        let chance = u64::from_be_bytes(self.in_flight.facts().trace.span_id);
        let order = self.service.in_order(self.doorway.now(), chance);
        let mut timed_out = false;
        let mut replayed = false;
        for (tried, endpoint) in order.into_iter().take(MAX_TRIES).enumerate() {
            let Some(mut request) = next.take() else { break };
            if tried > 0 {
                let labels = ServiceLabels { service: self.service.options.name.clone() };
                self.doorway.metrics.upstream_retries.get_or_create(&labels).inc();
            }
            // A connection that was used before may have been closed by the endpoint just now; what was not sent on
            // it is sent on a new one, to the same endpoint.
            let mut reused = true;
            let under_way = endpoint.begin();
            loop {
                let mut sender = match self.connection(endpoint, &mut reused).await {
                    Ok(sender) => sender,
                    Err(()) => {
                        next = Some(request);
                        break;
                    }
                };
                if !self.in_flight.still_stands(CHECK_EVERY) {
                    return Err(permit_over(self.in_flight));
                }
                match self.send(&mut sender, request).await {
                    Ok(_) if !self.in_flight.still_stands(CHECK_EVERY) => {
                        return Err(permit_over(self.in_flight));
                    }
                    Ok(response) => {
                        endpoint.answered();
                        self.in_flight.went_to(&endpoint.name);
                        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                            return self.switched(response, sender, slot, under_way);
                        }
                        let answer = self.answer(response, sender, endpoint, slot, under_way);
                        return Ok(answer.map(DoorBody::Services));
                    }
                    Err(Unanswered::NotSent(unsent)) if reused => request = *unsent,
                    Err(Unanswered::NotSent(unsent)) => {
                        endpoint.failed(self.doorway.now());
                        next = Some(*unsent);
                        break;
                    }
                    // RFC 9113 §8.7: what was not processed may be sent again, whatever it is.
                    Err(Unanswered::Unprocessed) if replayable && !replayed => {
                        replayed = true;
                        reused = false;
                        request = self.request(head, None);
                    }
                    Err(Unanswered::Unprocessed) => {
                        return Err(bad_gateway(self.in_flight, Ended::UpstreamFailed));
                    }
                    Err(Unanswered::Broken)
                        if replayable && head.method.is_idempotent() && !replayed =>
                    {
                        // RFC 9110 §9.2.2: doing it twice is doing it once. More than once more it is not tried, and
                        // then on a connection of its own.
                        replayed = true;
                        request = self.request(head, None);
                        if !reused {
                            endpoint.failed(self.doorway.now());
                            next = Some(request);
                            break;
                        }
                        reused = false;
                    }
                    Err(Unanswered::Broken) => {
                        endpoint.failed(self.doorway.now());
                        return Err(bad_gateway(self.in_flight, Ended::UpstreamFailed));
                    }
                    Err(Unanswered::PermitOver) => return Err(permit_over(self.in_flight)),
                    Err(Unanswered::BadBody) => {
                        self.in_flight.answered(StatusCode::BAD_REQUEST.as_u16());
                        self.in_flight.end(Ended::ClientGone);
                        let detail = "the request's body is malformed or broke off";
                        return Err(Answer::new(StatusCode::BAD_REQUEST, "Bad Request", detail));
                    }
                    Err(Unanswered::TooLarge) => {
                        self.in_flight.answered(StatusCode::PAYLOAD_TOO_LARGE.as_u16());
                        self.in_flight.end(Ended::Completed);
                        return Err(too_large(self.max_body.unwrap_or_default()));
                    }
                    Err(Unanswered::TimedOut) => {
                        timed_out = true;
                        break;
                    }
                }
            }
        }
        let ended = if timed_out { Ended::UpstreamTimedOut } else { Ended::UpstreamFailed };
        Err(bad_gateway(self.in_flight, ended))
    }

    fn request(&self, head: &Head, body: Option<Incoming>) -> Request<WatchedBody> {
        let idle = self.service.options.idle_timeout;
        let unframed = body.as_ref().is_some_and(|body| body.size_hint().exact().is_none());
        let in_flight = Arc::clone(self.in_flight);
        let body = WatchedBody::up(body, in_flight, idle, self.max_body, self.busy.clone());
        let mut request = Request::new(body);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = head.target.clone();
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = head.headers.clone();
        if unframed && !self.service.speaks_http2() {
            // hyper sends no body with GET and HEAD unless it is told how to.
            let chunked = HeaderValue::from_static("chunked");
            request.headers_mut().insert(TRANSFER_ENCODING, chunked);
        }
        request
    }

    /// A connection: first one that was used before, then a new one.
    async fn connection(&self, endpoint: &Endpoint, reused: &mut bool) -> Result<Sender, ()> {
        while *reused {
            match self.pool.idle(endpoint) {
                Some(mut sender) => {
                    let ready = sender.is_ready()
                        || timeout(READY_WITHIN, sender.ready()).await.unwrap_or(false);
                    if ready {
                        return Ok(sender);
                    }
                }
                None => *reused = false,
            }
        }
        match self.pool.connect(self.service, endpoint).await {
            Ok(sender) => Ok(sender),
            Err(error) => {
                let (service, endpoint_name) = (&*self.service.options.name, &*endpoint.name);
                tracing::warn!(%error, service, endpoint = endpoint_name, "an endpoint was passed over");
                if !error.is_ours() {
                    endpoint.failed(self.doorway.now());
                }
                Err(())
            }
        }
    }

    async fn send(
        &self,
        sender: &mut Sender,
        request: Request<WatchedBody>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let within = self.service.options.first_byte_timeout;
        let answer = sender.send(request);
        tokio::pin!(answer);
        let mut progress = self.in_flight.received_so_far();
        let late = sleep_until(Instant::now() + within);
        tokio::pin!(late);
        let check = sleep_until(Instant::now() + CHECK_EVERY);
        tokio::pin!(check);
        loop {
            tokio::select! {
                biased;
                answered = &mut answer => return answered.map_err(|mut error| match error.take_message() {
                    Some(request) => Unanswered::NotSent(Box::new(request)),
                    None if !self.in_flight.stands() => Unanswered::PermitOver,
                    None if self.is_too_large() => Unanswered::TooLarge,
                    None if self.in_flight.has_upload_broken() => Unanswered::BadBody,
                    None => {
                        let error = error.into_error();
                        tracing::debug!(%error, "an endpoint broke off before it answered");
                        if is_unprocessed(&error) { Unanswered::Unprocessed } else { Unanswered::Broken }
                    }
                }),
                () = &mut check => {
                    if !self.in_flight.stands() {
                        return Err(Unanswered::PermitOver);
                    }
                    check.as_mut().reset(Instant::now() + CHECK_EVERY);
                }
                () = &mut late => {
                    // While an upload is moving, its service cannot answer yet.
                    let received = self.in_flight.received_so_far();
                    if received == progress {
                        return Err(Unanswered::TimedOut);
                    }
                    progress = received;
                    late.as_mut().reset(Instant::now() + within);
                }
            }
        }
    }

    fn is_too_large(&self) -> bool {
        self.max_body.is_some_and(|most| self.in_flight.received_so_far() > most)
    }

    /// The service goes on in another protocol: good if it is the one that was asked for.
    fn switched(
        &self,
        mut response: Response<Incoming>,
        sender: Sender,
        slot: Slot,
        under_way: UnderWay,
    ) -> Result<Response<DoorBody>, Answer> {
        let asked = self.websocket.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(asked) = asked.filter(|_| WebSocket::is_named(response.headers())) else {
            return Err(bad_gateway(self.in_flight, Ended::UpstreamFailed));
        };
        self.in_flight.answered(StatusCode::SWITCHING_PROTOCOLS.as_u16());
        let tunnel = Tunnel {
            caller: asked.0,
            service: hyper::upgrade::on(&mut response),
            in_flight: Arc::clone(self.in_flight),
            idle_timeout: self.service.options.idle_timeout,
            sender,
            slot,
            under_way,
            busy: self.busy.hand_over(),
        };
        tokio::spawn(tunnel.run());
        let (mut parts, _) = response.into_parts();
        remove_hop_by_hop(&mut parts.headers);
        WebSocket::name(&mut parts.headers);
        self.identify(&mut parts.headers);
        let body = DoorBody::Ours { body: Full::new(Bytes::new()), _busy: self.busy.clone() };
        Ok(Response::from_parts(parts, body))
    }

    fn identify(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::from_str(self.in_flight.facts().id.as_str()) {
            headers.insert(X_REQUEST_ID, id);
        }
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        sender: Sender,
        endpoint: &Endpoint,
        slot: Slot,
        under_way: UnderWay,
    ) -> Response<WatchedBody> {
        let (mut parts, body) = response.into_parts();
        self.in_flight.answered(parts.status.as_u16());
        // Ours is the connection to the caller, and so is its version.
        parts.version = Version::HTTP_11;
        remove_hop_by_hop(&mut parts.headers);
        self.identify(&mut parts.headers);
        let lease = Lease {
            sender,
            endpoint: endpoint.id,
            pool: Arc::clone(self.pool),
            service: Arc::clone(self.service),
            slot,
            _under_way: under_way,
        };
        let idle = self.service.options.idle_timeout;
        Response::from_parts(
            parts,
            WatchedBody::down(body, Arc::clone(self.in_flight), idle, lease, self.busy.clone()),
        )
    }
}

/// Whether a service of HTTP/2 says that it did not begin with the request (RFC 9113 §8.7).
fn is_unprocessed(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|one| one.downcast_ref::<h2::Error>());
    source.is_some_and(|error| {
        error.reason() == Some(h2::Reason::REFUSED_STREAM)
            || (error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR))
    })
}
