//! Bodies on their way through: counted, bounded, and cut off when the permit no longer stands.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use ledger::audit::Ended;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};

use super::busyness::{Busy, Unwritten};
use super::endpoint::{EndpointId, UnderWay};
use super::least_rate::{LeastRate, UPLOAD_WINDOW};
use super::pool::Pool;
use super::sender::Sender;
use super::service::Service;
use super::slots::Slot;
use super::streams;
use crate::in_flight::InFlight;

/// How often a body under way asks whether its permit still stands: a revocation strikes within a second.
pub(crate) const CHECK_EVERY: Duration = Duration::from_millis(500);

/// How much of an answer is handed to HTTP/2 at a time: a caller that takes this much within `write_timeout` is seen to.
const SLICE: usize = 16 << 10;

/// Why a body ended before its end. The peer sees the connection break off.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    /// The sender broke off.
    #[error("the body broke off: {0}")]
    BrokeOff(hyper::Error),
    /// Nothing came for too long.
    #[error("the body paused for more than {0:?}")]
    Idle(Duration),
    /// The permit ended or was revoked.
    #[error("the permit no longer stands")]
    PermitOver,
    /// It came too slowly.
    #[error("the body came too slowly")]
    TooSlow,
    /// The body has more bytes than it may.
    #[error("the body has more than {0} bytes")]
    TooLarge(u64),
}

/// Which way a body goes.
#[derive(Debug)]
enum Direction {
    /// From the caller to the service.
    Up { most: Option<u64>, rate: Option<LeastRate> },
    /// From the service to the caller; with the connection that it comes over.
    Down { connection: Option<Box<Lease>> },
}

/// A connection in use, to be put back when its answer was read.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) sender: Sender,
    pub(crate) endpoint: EndpointId,
    pub(crate) pool: Arc<Pool>,
    pub(crate) service: Arc<Service>,
    pub(crate) slot: Slot,
    pub(crate) _under_way: UnderWay,
}

/// What an upload may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UploadLimits {
    /// The most bytes, if there is a most.
    pub(crate) most: Option<u64>,
    /// The least bytes per second; zero for any pace.
    pub(crate) rate: u64,
    /// How long it may pause.
    pub(crate) idle_timeout: Duration,
}

/// A part of an answer that its connection has not written yet.
struct Part {
    bytes: Bytes,
    _unwritten: Unwritten,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body of a forwarded request or of its answer.
#[derive(Debug)]
pub(crate) struct WatchedBody {
    incoming: Incoming,
    /// What came and is not handed on yet.
    rest: Bytes,
    direction: Direction,
    request: Arc<InFlight>,
    idle_timeout: Duration,
    /// Since when a frame is waited for.
    waiting_since: Option<Instant>,
    next_check: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the task that sends this upload knows for which request it does.
    announced: bool,
    /// Either way, the caller's connection is at work.
    busy: Busy,
}

impl WatchedBody {
    /// The caller's body on its way to the service.
    pub(crate) fn up(
        incoming: Incoming,
        request: Arc<InFlight>,
        limits: UploadLimits,
        busy: Busy,
    ) -> Self {
        let UploadLimits { most, rate, idle_timeout } = limits;
        let direction = Direction::Up { most, rate: LeastRate::at_least(rate, UPLOAD_WINDOW) };
        let mut body = Self::new(incoming, direction, request, idle_timeout, busy);
        if body.is_end_stream() {
            body.finish();
        }
        body
    }

    /// The answer on its way to the caller.
    pub(crate) fn down(
        incoming: Incoming,
        request: Arc<InFlight>,
        idle_timeout: Duration,
        lease: Lease,
        busy: Busy,
    ) -> Self {
        let mut body = Self::new(
            incoming,
            Direction::Down { connection: Some(Box::new(lease)) },
            request,
            idle_timeout,
            busy,
        );
        if body.is_end_stream() {
            body.finish();
        }
        body
    }

    fn new(
        incoming: Incoming,
        direction: Direction,
        request: Arc<InFlight>,
        idle_timeout: Duration,
        busy: Busy,
    ) -> Self {
        let next_check = request.facts().began + CHECK_EVERY;
        Self {
            incoming,
            rest: Bytes::new(),
            direction,
            request,
            idle_timeout,
            waiting_since: None,
            next_check,
            timer: None,
            announced: false,
            busy,
        }
    }

    /// The end was reached: the connection is free for the next request.
    fn finish(&mut self) {
        match &mut self.direction {
            Direction::Up { .. } => self.request.upload_done(),
            Direction::Down { connection } => {
                let Some(lease) = connection.take() else { return };
                self.request.end(Ended::Completed);
                let Lease { mut sender, endpoint, pool, service, slot, _under_way } = *lease;
                // An answer can come before its request was read. Then the rest is not sent: the connection is closed.
                if self.request.is_upload_done() {
                    sender.ends_whole();
                    pool.put_back(&service, endpoint, sender, Instant::now());
                }
                drop(slot);
            }
        }
    }

    fn count(&self, bytes: usize) -> Result<(), BodyError> {
        match &self.direction {
            Direction::Up { most, .. } => {
                self.request.received(bytes);
                match most {
                    Some(most) if self.request.received_so_far() > *most => {
                        Err(BodyError::TooLarge(*most))
                    }
                    _ => Ok(()),
                }
            }
            Direction::Down { .. } => {
                self.request.sent(bytes);
                Ok(())
            }
        }
    }

    /// Asks whether the permit still stands, when it is time to.
    fn check(&mut self, now: Instant) -> Result<(), BodyError> {
        if now < self.next_check {
            return Ok(());
        }
        self.next_check = now + CHECK_EVERY;
        if self.request.stands() { Ok(()) } else { Err(BodyError::PermitOver) }
    }

    /// Hands on as much of what came as the caller is seen to take: an answer of HTTP/2 in slices, each of which tells when
    /// it was written.
    fn hand_on(&mut self) -> Frame<Bytes> {
        if !self.busy.has_streams() {
            return Frame::data(std::mem::take(&mut self.rest));
        }
        let bytes = self.rest.split_to(self.rest.len().min(SLICE));
        Frame::data(Bytes::from_owner(Part { bytes, _unwritten: self.busy.unwritten() }))
    }

    /// Whether the caller sends too slowly. Once there is an answer, its service has what it needs to go on.
    fn is_too_slow(&mut self, now: Instant) -> bool {
        match &mut self.direction {
            Direction::Up { rate: Some(rate), .. } if !self.request.has_answer() => {
                rate.is_too_slow(now)
            }
            _ => false,
        }
    }

    /// Waits for time to pass while nothing comes.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<BodyError> {
        loop {
            let now = Instant::now();
            let idle_until = *self.waiting_since.get_or_insert(now) + self.idle_timeout;
            if now >= idle_until {
                match self.direction {
                    Direction::Up { .. } => self.request.upload_slow(),
                    Direction::Down { .. } => self.request.end(Ended::UpstreamTimedOut),
                }
                return Poll::Ready(BodyError::Idle(self.idle_timeout));
            }
            if self.is_too_slow(now) {
                self.request.upload_slow();
                return Poll::Ready(BodyError::TooSlow);
            }
            if let Err(error) = self.check(now) {
                return Poll::Ready(error);
            }
            let wake = self.next_check.min(idle_until);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(wake)));
            if timer.deadline() != wake {
                timer.as_mut().reset(wake);
            }
            ready!(timer.as_mut().poll(context));
        }
    }

    fn failed(&self) {
        match self.direction {
            Direction::Up { .. } => self.request.upload_broke(),
            Direction::Down { .. } => self.request.end(Ended::UpstreamFailed),
        }
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        if matches!(self.direction, Direction::Down { .. }) {
            // Whole or not, nobody waits for the rest of the upload.
            self.request.answer_over();
        }
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let down = matches!(this.direction, Direction::Down { .. });
        if down {
            this.request.taken();
        } else if !std::mem::replace(&mut this.announced, true) {
            // With HTTP/2 the upload may get a task of its own; elsewhere there is none to tell.
            let _ = streams::carries(Arc::downgrade(&this.request));
        }
        let frame = if this.rest.is_empty() {
            let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(context) else {
                return this.wait(context).map(|error| Some(Err(error)));
            };
            frame
        } else {
            Some(Ok(Frame::data(std::mem::take(&mut this.rest))))
        };
        match frame {
            None => {
                this.finish();
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                this.failed();
                Poll::Ready(Some(Err(BodyError::BrokeOff(error))))
            }
            // A caller's trailers would be headers that nobody judged.
            Some(Ok(frame)) if frame.is_trailers() && !down => {
                this.finish();
                Poll::Ready(None)
            }
            Some(Ok(frame)) => {
                let now = Instant::now();
                if let Direction::Up { rate: Some(rate), .. } = &mut this.direction {
                    rate.came(frame.data_ref().map_or(0, Bytes::len), now);
                }
                let frame = match frame.into_data() {
                    Ok(bytes) if down => {
                        this.rest = bytes;
                        this.request.offered(now);
                        this.hand_on()
                    }
                    Ok(bytes) => Frame::data(bytes),
                    Err(frame) => frame,
                };
                this.waiting_since = None;
                let checked = this
                    .check(now)
                    .and_then(|()| this.count(frame.data_ref().map_or(0, Bytes::len)));
                if checked.is_ok() && this.is_end_stream() {
                    this.finish();
                }
                Poll::Ready(Some(checked.map(|()| frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // It is asked for before anything came.
        self.incoming.size_hint()
    }
}
