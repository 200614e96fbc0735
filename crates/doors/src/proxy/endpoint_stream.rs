//! The stream of a connection to an endpoint: it lets the others of its thread have their turn, ends when the endpoint goes
//! on and on before it answers, and is read to its end whatever becomes of what is written.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read until everything else has its turn. An endpoint can send faster than what it sends is understood, and
/// then there is always more.
const TURN: usize = 64 << 10;
/// The most interim answers (1xx, RFC 9110 §15.2) to one request: they are few (100, a 103 or two), and what keeps a caller
/// waiting for long (102) comes every few seconds.
const MAX_INTERIM: usize = 32;

/// How many interim answers came to the request under way on a connection of HTTP/1.1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interim(Arc<AtomicUsize>);

impl Interim {
    /// Counts those to `request`, which is the next on the connection.
    pub(crate) fn count<B>(&self, request: &mut Request<B>) {
        self.0.store(0, Ordering::Relaxed);
        let counted = Arc::clone(&self.0);
        hyper::ext::on_informational(request, move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
    }

    pub(crate) fn are_too_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MAX_INTERIM
    }
}

/// A stream to an endpoint.
#[derive(Debug)]
pub(crate) struct EndpointStream<S> {
    stream: S,
    interim: Interim,
    /// How much was read since there was nothing to read, or since the others had their turn.
    in_a_row: usize,
    /// Whether there is no more to read.
    read_over: bool,
    /// Told when there is no more to read, once writing has failed.
    writer: Option<Waker>,
}

impl<S> EndpointStream<S> {
    /// It ends with an error when `interim` answers become too many.
    pub(crate) const fn new(stream: S, interim: Interim) -> Self {
        Self { stream, interim, in_a_row: 0, read_over: false, writer: None }
    }

    /// What a write came to. An endpoint may answer before it has read all, and close: that what is written fails then is
    /// not told before the answer was read.
    fn written<T>(
        &mut self,
        context: &Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if matches!(written, Poll::Ready(Err(_))) && !self.read_over {
            self.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for EndpointStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.interim.are_too_many() {
            return Poll::Ready(Err(io::Error::other("too many interim answers")));
        }
        if this.in_a_row >= TURN {
            this.in_a_row = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let bytes = buffer.filled().len().saturating_sub(before);
        this.in_a_row = if read.is_ready() { this.in_a_row + bytes } else { 0 };
        if read.is_ready() && bytes == 0 {
            this.read_over = true;
            if let Some(writer) = this.writer.take() {
                writer.wake();
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for EndpointStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, flushed)
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn what_never_ends_is_read_in_turns() {
        let mut stream = EndpointStream::new(tokio::io::repeat(b'x'), Interim::default());
        let mut context = Context::from_waker(Waker::noop());
        let mut read_in_a_turn = || {
            let mut all = 0;
            let mut bytes = [0; 10_000];
            loop {
                let mut buffer = ReadBuf::new(&mut bytes);
                match Pin::new(&mut stream).poll_read(&mut context, &mut buffer) {
                    Poll::Ready(read) => read.unwrap(),
                    Poll::Pending => return all,
                }
                all += buffer.filled().len();
            }
        };
        for _ in 0..3 {
            assert_eq!(read_in_a_turn(), 70_000, "what takes it past {TURN}");
        }
    }
    #[tokio::test]
    async fn what_an_endpoint_said_before_it_closed_is_read_before_a_write_is_told_to_have_failed()
    {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        // With less room than is written, and nobody to read it.
        let (ours, mut theirs) = tokio::io::duplex(8);
        let mut stream = EndpointStream::new(ours, Interim::default());
        theirs.write_all(b"answer").await.unwrap();
        drop(theirs);
        let (mut reader, mut writer) = tokio::io::split(&mut stream);
        let order = std::sync::Mutex::new(Vec::new());
        let writes = async {
            let failed = writer.write_all(&[b'x'; 100]).await.is_err();
            order.lock().unwrap().push(("failed", failed));
        };
        let reads = async {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).await.unwrap();
            order.lock().unwrap().push(("read", all == b"answer"));
        };
        tokio::join!(biased; writes, reads);
        assert_eq!(order.into_inner().unwrap(), [("read", true), ("failed", true)]);
    }
}
