//! Forwarding: what was judged, to the service that the route names, and the answer back.

use std::sync::Arc;
use std::time::Duration;

use gate::route::Route;
use gate::{Answer, CanonicalRequest, Permit};
use http::header::{HOST, TE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body, Incoming};
use ledger::audit::Ended;
use tokens::Timestamp;
use tokio::time::{Instant, sleep_until, timeout};

use super::body::{CHECK_EVERY, Lease, WatchedBody};
use super::busyness::Busy;
use super::endpoint::Endpoint;
use super::pool::{Pool, Slot};
use super::sender::Sender;
use super::service::Service;
use super::service_headers::{remove_hop_by_hop, upstream_headers};
use crate::answer::{Manner, X_REQUEST_ID};
use crate::in_flight::InFlight;
use crate::judge::Admitted;
use crate::metrics::ServiceLabels;
use crate::model::{Doorway, Model};

/// How long a connection that was put back may take to be ready: its last answer was read, so it is a matter of a turn.
const READY_WITHIN: Duration = Duration::from_millis(100);
/// The most endpoints that one request is tried at.
const MAX_TRIES: usize = 3;

/// Uses a permit: sends the request that was judged, and nothing else, and gives back the service's answer.
///
/// # Errors
/// The answer for the caller when the service gives none. Either way the outcome is recorded.
pub(crate) async fn forward(
    admitted: Admitted,
    body: Incoming,
    busy: &Busy,
    doorway: &Arc<Doorway>,
    pool: &Arc<Pool>,
) -> Result<Response<WatchedBody>, Answer> {
    let Admitted { permit, model, facts } = admitted;
    let signed = signed_identity(&model, &permit, doorway.now());
    let (request, watch) = permit.redeem();
    let method = request.method().clone();
    let in_flight =
        InFlight::new(Arc::clone(doorway), watch, facts, request.door(), method.clone());
    busy.forwards(&in_flight);
    let signed = signed.inspect_err(|answer| {
        in_flight.answered(answer.status.as_u16());
        in_flight.end(Ended::UpstreamFailed);
    })?;
    let route = Arc::clone(in_flight.watch().target());
    let service = model
        .services
        .get(route.service().index)
        .ok_or_else(|| bad_gateway(&in_flight, Ended::UpstreamFailed))?;
    let mut headers = upstream_headers(&request, in_flight.watch(), &route, signed, &facts);
    let mut target = target(&request).inspect_err(|answer| {
        in_flight.answered(answer.status.as_u16());
        in_flight.end(Ended::UpstreamFailed);
    })?;
    if let Some(scheme) = service.http2_scheme() {
        target = for_http2(target, &request, scheme, &mut headers)?;
    }
    let head = Head { method, target, headers };
    if let Some(most) = model.max_body
        && body.size_hint().lower() > most
    {
        in_flight.answered(StatusCode::PAYLOAD_TOO_LARGE.as_u16());
        in_flight.end(Ended::Completed);
        return Err(too_large(most));
    }
    let waited = timeout(service.options.first_byte_timeout, pool.slot(service)).await;
    let Ok(Some(slot)) = waited else {
        in_flight.answered(StatusCode::SERVICE_UNAVAILABLE.as_u16());
        in_flight.end(Ended::UpstreamFailed);
        return Err(unavailable("the service has too many requests waiting"));
    };
    let body = Some(body).filter(|body| !body.is_end_stream());
    let attempt =
        Attempt { doorway, pool, service, in_flight: &in_flight, busy, max_body: model.max_body };
    attempt.run(&head, body, slot).await
}

/// The identity to tell the service, where it asks for one.
fn signed_identity(
    model: &Model,
    permit: &Permit<Route>,
    now: Timestamp,
) -> Result<Option<HeaderValue>, Answer> {
    if permit.target().service().identity.token_header.is_none() {
        return Ok(None);
    }
    let cannot = || unavailable("your identity cannot be passed on at the moment");
    // A service that asks for identities is never asked without one.
    let signer = model.signer.as_ref().ok_or_else(cannot)?;
    signer.sign(permit, now).map_err(|error| {
        tracing::error!(%error, "an identity could not be signed");
        cannot()
    })
}

/// The head of the request to send.
struct Head {
    method: Method,
    target: Uri,
    headers: HeaderMap,
}

/// A request on its way to one endpoint after another.
struct Attempt<'a> {
    doorway: &'a Arc<Doorway>,
    pool: &'a Arc<Pool>,
    service: &'a Arc<Service>,
    in_flight: &'a Arc<InFlight>,
    busy: &'a Busy,
    max_body: Option<u64>,
}

/// How sending ended without an answer.
enum Unanswered {
    /// Nothing was sent: the request can go elsewhere, with its body.
    NotSent(Box<Request<WatchedBody>>),
    /// The caller's body was malformed or broke off.
    BadBody,
    /// It was sent, and the connection broke before an answer.
    Broken,
    /// The permit ended or was revoked while the answer was waited for.
    PermitOver,
    /// The body was larger than it may be.
    TooLarge,
    /// No answer came in time.
    TimedOut,
}

impl Attempt<'_> {
    async fn run(
        &self,
        head: &Head,
        body: Option<Incoming>,
        slot: Slot,
    ) -> Result<Response<WatchedBody>, Answer> {
        let replayable = body.is_none();
        let mut next = Some(self.request(head, body));
        let endpoints: Vec<_> =
            self.service.in_turn(self.doorway.now()).take(MAX_TRIES).cloned().collect();
        let mut timed_out = false;
        let mut replayed = false;
        for (tried, endpoint) in endpoints.iter().enumerate() {
            let Some(mut request) = next.take() else { break };
            if tried > 0 {
                let labels = ServiceLabels { service: self.service.options.name.clone() };
                self.doorway.metrics.upstream_retries.get_or_create(&labels).inc();
            }
            // A connection that was used before may have been closed by the endpoint just now; what was not sent on
            // it is sent on a new one, to the same endpoint.
            let mut reused = true;
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
                    Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                        // Nobody asked for another protocol: `Upgrade` is not passed on.
                        return Err(bad_gateway(self.in_flight, Ended::UpstreamFailed));
                    }
                    Ok(response) => {
                        endpoint.answered();
                        self.in_flight.went_to(&endpoint.name);
                        return Ok(self.answer(response, sender, endpoint, slot));
                    }
                    Err(Unanswered::NotSent(unsent)) if reused => request = *unsent,
                    Err(Unanswered::NotSent(unsent)) => {
                        endpoint.failed(self.doorway.now());
                        next = Some(*unsent);
                        break;
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
        let mut deadline = Instant::now() + within;
        let late = sleep_until(deadline);
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
                        tracing::debug!(error = %error.into_error(), "an endpoint broke off before it answered");
                        Unanswered::Broken
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
                    deadline = Instant::now() + within;
                    late.as_mut().reset(deadline);
                }
            }
        }
    }

    fn is_too_large(&self) -> bool {
        self.max_body.is_some_and(|most| self.in_flight.received_so_far() > most)
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        sender: Sender,
        endpoint: &Endpoint,
        slot: Slot,
    ) -> Response<WatchedBody> {
        let (mut parts, body) = response.into_parts();
        self.in_flight.answered(parts.status.as_u16());
        // Ours is the connection to the caller, and so is its version.
        parts.version = Version::HTTP_11;
        remove_hop_by_hop(&mut parts.headers);
        if let Ok(id) = HeaderValue::from_str(self.in_flight.facts().id.as_str()) {
            parts.headers.insert(X_REQUEST_ID, id);
        }
        let lease = Lease {
            sender,
            endpoint: Arc::clone(&endpoint.name),
            pool: Arc::clone(self.pool),
            service: Arc::clone(self.service),
            slot,
        };
        let idle = self.service.options.idle_timeout;
        Response::from_parts(
            parts,
            WatchedBody::down(body, Arc::clone(self.in_flight), idle, lease, self.busy.clone()),
        )
    }
}

fn target(request: &CanonicalRequest) -> Result<Uri, Answer> {
    // INVARIANT: a canonical target parses; were it not to, nothing is forwarded.
    request.target().parse().map_err(|_| unavailable("the request cannot be forwarded"))
}

/// The target and the headers as HTTP/2 has them: the host is part of the target (RFC 9113 §8.3.1).
fn for_http2(
    target: Uri,
    request: &CanonicalRequest,
    scheme: http::uri::Scheme,
    headers: &mut HeaderMap,
) -> Result<Uri, Answer> {
    headers.remove(HOST);
    if Manner::of(headers) == Manner::Grpc {
        // Without it, servers of gRPC take us for a proxy that loses trailers.
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    let mut parts = target.into_parts();
    parts.scheme = Some(scheme);
    parts.authority = request.host().to_string().parse().ok();
    // INVARIANT: a canonical host is an authority; were it not to be, nothing is forwarded.
    Uri::from_parts(parts).map_err(|_| unavailable("the request cannot be forwarded"))
}

fn bad_gateway(in_flight: &InFlight, ended: Ended) -> Answer {
    let answer = if ended == Ended::UpstreamTimedOut {
        Answer::new(
            StatusCode::GATEWAY_TIMEOUT,
            "Gateway Timeout",
            "the service did not answer in time",
        )
    } else {
        Answer::new(StatusCode::BAD_GATEWAY, "Bad Gateway", "the service could not be reached")
    };
    in_flight.answered(answer.status.as_u16());
    in_flight.end(ended);
    answer
}

/// The permit ended or was revoked before there was anything to pass on; how, the in-flight request knows.
fn permit_over(in_flight: &InFlight) -> Answer {
    let detail = "what permitted the request ended before it was served";
    in_flight.answered(StatusCode::UNAUTHORIZED.as_u16());
    Answer::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail)
}

fn unavailable(detail: &str) -> Answer {
    Answer {
        retry_after: Some(1),
        ..Answer::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", detail)
    }
}

fn too_large(most: u64) -> Answer {
    let detail = format!("the request's body has more than {most} bytes");
    Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "Content Too Large", detail)
}
