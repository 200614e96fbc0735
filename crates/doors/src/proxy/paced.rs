//! A connection whose caller must send a request's head within a time, once it has begun to.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::Busyness;

/// A stream that ends with an error when a head has begun and is not complete in time. Between requests, and while one
/// is being answered, it does not count.
#[derive(Debug)]
pub(crate) struct Paced<S> {
    stream: S,
    busy: Busyness,
    head_timeout: Duration,
    /// Running since the first byte of a head.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(crate) const fn new(stream: S, busy: Busyness, head_timeout: Duration) -> Self {
        Self { stream, busy, head_timeout, timer: None }
    }
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
            this.timer = None;
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
                let late = began + this.head_timeout;
                let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(late)));
                // It may be left from an earlier head.
                if timer.deadline() != late {
                    timer.as_mut().reset(late);
                }
                match timer.as_mut().poll(context) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                }
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
        Pin::new(&mut self.stream).poll_write(context, bytes)
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
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
