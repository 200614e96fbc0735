//! One exchange: a request over one connection to one endpoint, and the head of the answer or why there is none.

use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::time::{Instant, sleep_until, timeout};

use super::attempt::Attempt;
use super::body::CHECK_EVERY;
use super::endpoint::Endpoint;
use super::endpoint_stream::Interim;
use super::failure::Failure;
use super::sender::Sender;
use super::upload::Upload;

/// How long a connection that was put back may take to be ready: its last answer was read, so it is a matter of a turn.
const READY_WITHIN: Duration = Duration::from_millis(100);

/// How sending over one connection ended without an answer.
pub(super) enum Unanswered {
    /// Another endpoint would not help.
    Failed(Failure),
    /// It was sent, and no answer came: the connection broke, or it took too long.
    Lost(Failure),
    /// Nothing was sent: the request can go elsewhere, with its body.
    NotSent(Box<Request<Upload>>),
    /// It was sent, and the service says that it did nothing about it.
    Unprocessed,
}

impl Attempt<'_> {
    /// A connection: first one that was used before, then a new one.
    pub(super) async fn connection(
        &self,
        endpoint: &Endpoint,
        reused: &mut bool,
    ) -> Option<Sender> {
        while *reused {
            match self.pool.idle(endpoint) {
                Some(mut sender) => {
                    let ready = sender.is_ready()
                        || timeout(READY_WITHIN, sender.ready()).await.unwrap_or(false);
                    if ready {
                        return Some(sender);
                    }
                }
                None => *reused = false,
            }
        }
        match Box::pin(self.pool.connect(self.service, endpoint)).await {
            Ok(sender) => Some(sender),
            Err(error) => {
                let (service, endpoint_name) = (&*self.service.options.name, &*endpoint.name);
                tracing::warn!(%error, service, endpoint = endpoint_name, "an endpoint was passed over");
                if !error.is_ours() {
                    endpoint.failed(self.doorway.now());
                }
                None
            }
        }
    }

    pub(super) async fn send(
        &self,
        sender: &mut Sender,
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let interim = sender.interim();
        let answer = sender.send(request);
        tokio::pin!(answer);
        let mut progress = self.in_flight.received_so_far();
        let now = Instant::now();
        let (mut late, mut check) = (self.late(now), now + CHECK_EVERY);
        let timer = sleep_until(late.min(check));
        tokio::pin!(timer);
        loop {
            tokio::select! {
                biased;
                answered = &mut answer => {
                    if answered.is_ok() && interim.are_too_many() {
                        return Err(Unanswered::Lost(Failure::TooManyInterim));
                    }
                    return answered.map_err(|error| self.unanswered(error, &interim));
                }
                () = &mut timer => {}
            }
            let now = Instant::now();
            if now >= check {
                if !self.in_flight.stands() {
                    return Err(Unanswered::Failed(self.over()));
                }
                check = now + CHECK_EVERY;
            }
            if now >= late {
                if self.in_flight.is_late() {
                    return Err(Unanswered::Failed(Failure::TimedOut));
                }
                // While an upload is moving, its service cannot answer yet.
                let received = self.in_flight.received_so_far();
                if received == progress && !self.in_flight.is_upload_done() {
                    // It is the caller who is waited for: that says nothing of the endpoint.
                    return Err(Unanswered::Failed(Failure::TooSlow));
                }
                if received == progress {
                    return Err(Unanswered::Lost(Failure::TimedOut));
                }
                progress = received;
                late = self.late(now);
            }
            timer.as_mut().reset(late.min(check));
        }
    }

    /// Until when an answer that is waited for from now on may take.
    fn late(&self, now: Instant) -> Instant {
        let first_byte = now + self.timeouts.first_byte;
        self.in_flight.late_at().map_or(first_byte, |end| end.min(first_byte))
    }

    /// Why the request is over.
    fn over(&self) -> Failure {
        if self.in_flight.is_late() { Failure::TimedOut } else { Failure::PermitOver }
    }

    fn unanswered(
        &self,
        mut error: TrySendError<Request<Upload>>,
        interim: &Interim,
    ) -> Unanswered {
        if let Some(request) = error.take_message() {
            return Unanswered::NotSent(Box::new(request));
        }
        if !self.in_flight.stands() {
            return Unanswered::Failed(self.over());
        }
        if let Some(most) = self.limits.most.filter(|most| self.in_flight.received_so_far() > *most)
        {
            return Unanswered::Failed(Failure::TooLarge(most));
        }
        if self.in_flight.was_upload_slow() {
            return Unanswered::Failed(Failure::TooSlow);
        }
        if self.in_flight.has_upload_broken() {
            return Unanswered::Failed(Failure::BadBody);
        }
        let error = error.into_error();
        tracing::debug!(%error, "an endpoint broke off before it answered");
        if interim.are_too_many() {
            Unanswered::Lost(Failure::TooManyInterim)
        } else if is_unprocessed(&error) {
            Unanswered::Unprocessed
        } else {
            Unanswered::Lost(Failure::BadGateway)
        }
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
