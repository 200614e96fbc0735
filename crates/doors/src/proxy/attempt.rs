//! Sending a request to one endpoint after another, until one answers or nothing more may be tried.

use std::sync::Arc;

use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body, Incoming};

use super::answered::Answered;
use super::body::{CHECK_EVERY, UploadLimits};
use super::busyness::Busy;
use super::door_body::DoorBody;
use super::endpoint::Endpoint;
use super::exchange::Unanswered;
use super::failure::Failure;
use super::pool::Pool;
use super::service::{Retrying, Service};
use super::slots::Slot;
use super::tunnel::WebSocket;
use super::upload::Upload;
use crate::Timeouts;
use crate::answer::GRPC_STATUS;
use crate::in_flight::InFlight;
use crate::model::Doorway;

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
    pub(super) head: Head,
    pub(super) timeouts: Timeouts,
    pub(super) limits: UploadLimits,
    /// Taken when the service agrees to go on as a WebSocket.
    pub(super) websocket: Option<WebSocket>,
}

/// Whether the request may be sent once more although it may have been done, and whether it was.
struct Repeats {
    /// It has no body, and doing it twice is doing it once (RFC 9110 §9.2.2).
    harmless: bool,
    under_way: Option<Retrying>,
}

impl Repeats {
    /// More than once more it is not sent, and not when the service's budget is spent.
    fn once_more(&mut self, service: &Arc<Service>) -> bool {
        if self.harmless && self.under_way.is_none() {
            self.under_way = service.retries();
            return self.under_way.is_some();
        }
        false
    }

    const fn begun(&self) -> bool {
        self.under_way.is_some()
    }
}

impl Attempt<'_> {
    pub(super) async fn run(
        mut self,
        body: Option<Incoming>,
        slot: Slot,
    ) -> Result<Response<DoorBody>, Failure> {
        let bodyless = body.is_none();
        let harmless = bodyless && self.head.method.is_idempotent();
        let mut repeats = Repeats { harmless, under_way: None };
        let mut request = Box::new(self.request(body));
        let mut failure = Failure::BadGateway;
        let chance = u64::from_be_bytes(self.in_flight.facts().trace.span_id);
        let order = self.service.in_order(self.doorway.now(), chance);
        let mut next = order.into_iter().take(MAX_TRIES).enumerate().peekable();
        while let Some((tried, endpoint)) = next.next() {
            if tried > 0 {
                self.service.counts(|metrics| &metrics.upstream_retries);
            }
            let last = next.peek().is_none();
            match self.try_at(&endpoint, request, (bodyless, last), &mut repeats).await {
                Ok(answered) => {
                    let status = answered.response.status();
                    let better_elsewhere = self.service.options.retry.statuses.contains(&status)
                        && next.peek().is_some_and(|(_, other)| other.is_up(self.doorway.now()));
                    if !(better_elsewhere && repeats.once_more(self.service)) {
                        return self.answered(answered, &endpoint, slot);
                    }
                    request = Box::new(self.request(None));
                }
                Err(Unanswered::NotSent(unsent)) => request = unsent,
                Err(Unanswered::Lost(lost)) if !last && repeats.once_more(self.service) => {
                    failure = lost;
                    request = Box::new(self.request(None));
                }
                Err(Unanswered::Lost(failure) | Unanswered::Failed(failure)) => {
                    return Err(failure);
                }
                Err(Unanswered::Unprocessed) => return Err(Failure::BadGateway),
            }
        }
        Err(failure)
    }

    /// Tries one endpoint. A connection that was used before may have been closed by it just now; what was not sent on it
    /// is sent on a new one, to the same endpoint. So is what may be done twice, when this is the `last` endpoint.
    async fn try_at(
        &self,
        endpoint: &Arc<Endpoint>,
        mut request: Box<Request<Upload>>,
        (bodyless, last): (bool, bool),
        repeats: &mut Repeats,
    ) -> Result<Answered, Unanswered> {
        // What is sent once more goes over a connection that has not waited.
        let mut reused = !repeats.begun();
        let mut refused_before = false;
        let under_way = endpoint.begin();
        loop {
            let Some(mut sender) = self.connection(endpoint, &mut reused).await else {
                return Err(Unanswered::NotSent(request));
            };
            let over = || Err(Unanswered::Failed(Failure::PermitOver));
            if !self.in_flight.still_stands(CHECK_EVERY) {
                return over();
            }
            match self.send(&mut sender, *request).await {
                Ok(_) if !self.in_flight.still_stands(CHECK_EVERY) => return over(),
                Ok(response) => {
                    self.weighs(endpoint, &response);
                    return Ok(Answered { response, sender, under_way });
                }
                Err(Unanswered::NotSent(unsent)) if reused => request = unsent,
                // RFC 9113 §8.7: what was not processed may be sent again, whatever it is.
                Err(Unanswered::Unprocessed) if bodyless && !refused_before => {
                    (refused_before, reused) = (true, false);
                    request = Box::new(self.request(None));
                }
                Err(Unanswered::Lost(Failure::BadGateway))
                    if reused && last && repeats.once_more(self.service) =>
                {
                    reused = false;
                    request = Box::new(self.request(None));
                }
                Err(unanswered) => {
                    self.blames(endpoint, &unanswered, reused);
                    return Err(unanswered);
                }
            }
        }
    }

    /// An answer says how its endpoint is.
    fn weighs(&self, endpoint: &Endpoint, response: &Response<Incoming>) {
        if is_unable(response) {
            self.service.answered_badly(endpoint, self.doorway.now());
        } else {
            endpoint.answered();
        }
    }

    /// So does that there is none. That a connection which had waited is closed says nothing.
    fn blames(&self, endpoint: &Endpoint, unanswered: &Unanswered, reused: bool) {
        match unanswered {
            Unanswered::Lost(Failure::TimedOut | Failure::TooManyInterim) => {
                self.service.answered_badly(endpoint, self.doorway.now());
            }
            Unanswered::Lost(_) | Unanswered::NotSent(_) if reused => {}
            // Servers close on an upload that they do not want: any caller has them do it, so it is no more than a bad answer.
            Unanswered::Lost(_) if !self.in_flight.is_upload_done() => {
                self.service.answered_badly(endpoint, self.doorway.now());
            }
            Unanswered::Lost(_) | Unanswered::NotSent(_) => endpoint.failed(self.doorway.now()),
            Unanswered::Failed(_) | Unanswered::Unprocessed => {}
        }
    }

    fn request(&self, body: Option<Incoming>) -> Request<Upload> {
        let unframed = body.as_ref().is_some_and(|body| body.size_hint().exact().is_none());
        let mut request = Request::new(Upload::new(body, self.in_flight, self.limits, self.busy));
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = self.head.target.clone();
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = self.head.headers.clone();
        if unframed && !self.service.speaks_http2() {
            // hyper sends no body with GET and HEAD unless it is told how to.
            let chunked = HeaderValue::from_static("chunked");
            request.headers_mut().insert(TRANSFER_ENCODING, chunked);
        }
        request
    }
}

/// Whether an answer says that its endpoint cannot serve, rather than that the request cannot be served.
fn is_unable(response: &Response<Incoming>) -> bool {
    const UNABLE: [StatusCode; 4] = [
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    let unavailable = HeaderValue::from_static("14");
    UNABLE.contains(&response.status()) || response.headers().get(GRPC_STATUS) == Some(&unavailable)
}
