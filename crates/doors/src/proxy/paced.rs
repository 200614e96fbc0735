//! A connection whose caller must keep pace: send a request's head within a time once it has begun to, and take what it
//! is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::body::CHECK_EVERY;
use super::busyness::Busyness;
use super::least_rate::{ANSWER_WINDOW, LeastRate};

/// How long a caller may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// From the first byte of a head to its last.
    pub(crate) head: Duration,
    /// Without taking a byte of what it is sent.
    pub(crate) write: Duration,
    /// The least bytes that it takes per second while something waits for it; zero for any pace.
    pub(crate) rate: u64,
}

/// A stream that ends with an error when its caller does not keep pace: when a head has begun and is not complete in
/// time, or when nothing of an answer is taken. Between requests, and while one is being answered, no head counts.
#[derive(Debug)]
pub(crate) struct Paced<S> {
    stream: S,
    busy: Busyness,
    pace: Pace,
    /// Running since the first byte of a head.
    head_timer: Option<Pin<Box<Sleep>>>,
    /// Since when the caller has taken nothing.
    stalled: Option<Instant>,
    stall_timer: Option<Pin<Box<Sleep>>>,
    /// How fast it takes, once it was waited for: what the system takes before says nothing.
    rate: Option<LeastRate>,
    next_check: Option<Instant>,
}

impl<S> Paced<S> {
    pub(crate) const fn new(stream: S, busy: Busyness, pace: Pace) -> Self {
        Self {
            stream,
            busy,
            pace,
            head_timer: None,
            stalled: None,
            stall_timer: None,
            rate: None,
            next_check: None,
        }
    }

    /// What a write came to; one that waits for the caller is given up when it waits too long or too often, or when the permit for
    /// what is being sent no longer stands: nothing else asks while the caller takes nothing.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            if self.stalled.take().is_some() {
                self.busy.stalls(false);
            }
            if let (Some(rate), Poll::Ready(Ok(bytes))) = (&mut self.rate, &written) {
                rate.came(*bytes, Instant::now());
            }
            return written;
        }
        let mut now = Instant::now();
        self.busy.stalls(true);
        if self.rate.is_none() {
            self.rate = LeastRate::at_least(self.pace.rate, ANSWER_WINDOW);
        }
        let given_up = *self.stalled.get_or_insert(now) + self.pace.write;
        let mut check = *self.next_check.get_or_insert(now + CHECK_EVERY);
        loop {
            if now >= given_up || self.rate.as_mut().is_some_and(|rate| rate.is_too_slow(now)) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            if now >= check {
                if !self.busy.permit_stands() {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
                }
                check = now + CHECK_EVERY;
                self.next_check = Some(check);
            }
            ready!(wait(&mut self.stall_timer, given_up.min(check), context));
            now = Instant::now();
        }
    }
}

/// Waits until `moment` with a timer that may be left from an earlier wait.
fn wait(
    timer: &mut Option<Pin<Box<Sleep>>>,
    moment: Instant,
    context: &mut Context<'_>,
) -> Poll<()> {
    let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(moment)));
    if timer.deadline() != moment {
        timer.as_mut().reset(moment);
    }
    timer.as_mut().poll(context)
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if this.busy.is_busy() {
            this.head_timer = None;
            return read;
        }
        match read {
            Poll::Ready(_) => {
                // Most heads come in one piece; the timer is made only for those that do not.
                if buffer.filled().len() > before {
                    this.busy.head_began(Instant::now());
                }
                read
            }
            Poll::Pending => {
                let Some(began) = this.busy.head_began_at() else {
                    return Poll::Pending;
                };
                ready!(wait(&mut this.head_timer, began + this.pace.head, context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
