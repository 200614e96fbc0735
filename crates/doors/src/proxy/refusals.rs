//! What HTTP/2 refuses before anybody here sees it. h2 resets streams and ends connections by itself, and tells nobody;
//! but it writes that it does, and what it writes passes here.

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How many refusals of one connection may wait to be recorded. h2 ends it after fewer.
const WAITING: usize = 64;
/// A frame's head (RFC 9113 §4.1).
const HEAD_BYTES: usize = 9;
/// How many streams are remembered whose answer has begun. One that its caller resets is not heard to end.
const REMEMBERED: usize = 256;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;

/// Reasons that blame the caller for a stream (RFC 9113 §7): PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR. Frames
/// on a stream that was closed a moment ago (STREAM_CLOSED) are nobody's fault.
const STREAM_FAULTS: [u32; 3] = [1, 3, 6];
/// Reasons that blame the caller for a connection: those, SETTINGS_TIMEOUT, STREAM_CLOSED, COMPRESSION_ERROR,
/// ENHANCE_YOUR_CALM, INADEQUATE_SECURITY.
const CONNECTION_FAULTS: [u32; 8] = [1, 3, 4, 5, 6, 9, 11, 12];

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The whole connection, for this reason.
    Connection(u32),
    /// A head that is too large.
    Head,
    /// A request, for this reason.
    Request(u32),
}

/// A stream that listens to the frames which are written to it.
#[derive(Debug)]
pub(crate) struct Overheard<S> {
    stream: S,
    frames: Frames,
    told: Sender<Refused>,
}

impl<S> Overheard<S> {
    /// The stream, and what will be refused on it; that ends with the stream.
    pub(crate) fn new(stream: S) -> (Self, Receiver<Refused>) {
        let (told, refused) = channel(WAITING);
        (Self { stream, frames: Frames::default(), told }, refused)
    }

    fn hear(&mut self, bytes: &[u8]) {
        let told = &self.told;
        self.frames.read(bytes, |refused| {
            // One that finds no place is one of very many.
            let _ = told.try_send(refused);
        });
    }
}

/// Where in the frames we are.
#[derive(Debug, Default)]
struct Frames {
    /// The beginning of a frame, as far as it came.
    begun: Vec<u8>,
    /// How much of the frame is left that nobody needs.
    skip: usize,
    /// The stream whose head was last found too large.
    too_large: u32,
    answering: Answering,
}

/// The streams whose answer has begun and has not ended: what follows on one is its trailers.
#[derive(Debug, Default)]
struct Answering {
    streams: BTreeSet<u32>,
    /// Up to this one, all count as such: there were too many to remember. No stream that is refused is as old.
    up_to: u32,
}

impl Answering {
    fn begins(&mut self, stream: u32) {
        self.streams.insert(stream);
        if self.streams.len() > REMEMBERED
            && let Some(oldest) = self.streams.pop_first()
        {
            self.up_to = self.up_to.max(oldest);
        }
    }

    fn ends(&mut self, stream: u32) {
        self.streams.remove(&stream);
    }

    fn has(&self, stream: u32) -> bool {
        stream <= self.up_to || self.streams.contains(&stream)
    }
}

impl Frames {
    /// Reads what follows; frames may begin and end anywhere in it.
    fn read(&mut self, mut bytes: &[u8], mut tell: impl FnMut(Refused)) {
        while !bytes.is_empty() {
            let (skipped, rest) = bytes.split_at(self.skip.min(bytes.len()));
            self.skip -= skipped.len();
            let missing = self.wanted().saturating_sub(self.begun.len()).min(rest.len());
            let (more, rest) = rest.split_at(missing);
            self.begun.extend_from_slice(more);
            bytes = rest;
            if self.begun.len() >= HEAD_BYTES && self.begun.len() == self.wanted() {
                self.end(&mut tell);
            }
        }
    }

    /// How many bytes of the frame are of use.
    fn wanted(&self) -> usize {
        HEAD_BYTES
            + match self.begun.get(3) {
                // Its first field.
                Some(&HEADERS) => 1,
                Some(&RST_STREAM) => 4,
                Some(&GOAWAY) => 8,
                _ => 0,
            }
    }

    fn end(&mut self, tell: &mut impl FnMut(Refused)) {
        let begun = std::mem::take(&mut self.begun);
        let Some(([a, b, c, kind, flags, id @ ..], rest)) = begun.split_first_chunk::<HEAD_BYTES>()
        else {
            return;
        };
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        self.skip = length.saturating_sub(rest.len());
        let stream = u32::from_be_bytes(*id);
        let reason = rest.last_chunk().map(|code| u32::from_be_bytes(*code));
        let ends = flags & END_STREAM != 0;
        match (*kind, reason) {
            (HEADERS, _) if !ends => self.answering.begins(stream),
            (HEADERS, _) if is_status_alone(length, rest) && !self.answering.has(stream) => {
                self.too_large = stream;
                tell(Refused::Head);
            }
            // What is left of its request is not waited for.
            (RST_STREAM, Some(1)) if stream == self.too_large => {}
            (RST_STREAM, Some(reason)) if STREAM_FAULTS.contains(&reason) => {
                tell(Refused::Request(reason));
            }
            (GOAWAY, Some(reason)) if CONNECTION_FAULTS.contains(&reason) => {
                tell(Refused::Connection(reason));
            }
            _ => {}
        }
        if *kind == RST_STREAM || (ends && matches!(*kind, DATA | HEADERS)) {
            self.answering.ends(stream);
        }
        // Kept for the next frame.
        self.begun = begun;
        self.begun.clear();
    }
}

/// Whether a head of `length` bytes, which begins with `first`, is a status and nothing else. h2 answers heads that are
/// too large so, with 431, which is no entry of HPACK's static table: it is a literal with an indexed name (RFC 7541
/// §6.2.1) the first time, and an index of at most two bytes after that. Every answer of ours has more fields.
fn is_status_alone(length: usize, first: &[u8]) -> bool {
    length <= 2 || (length <= 5 && first == [0x48])
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = written {
            self.hear(bytes.get(..count).unwrap_or_default());
        }
        written
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
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        if let Poll::Ready(Ok(mut count)) = written {
            for slice in slices {
                let part = slice.get(..count.min(slice.len())).unwrap_or_default();
                count -= part.len();
                self.hear(part);
            }
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    fn told(parts: &[&[u8]]) -> Vec<Refused> {
        let (mut frames, mut all) = (Frames::default(), Vec::new());
        for part in parts {
            frames.read(part, |refused| all.push(refused));
        }
        all
    }

    fn connection() -> (Vec<u8>, Vec<Refused>) {
        let reset = |stream, reason: u32| frame(RST_STREAM, 0, stream, &reason.to_be_bytes());
        let away = |reason: u32| {
            let codes = [7_u32.to_be_bytes(), reason.to_be_bytes()].concat();
            frame(GOAWAY, 0, 0, &[codes.as_slice(), b"debug"].concat())
        };
        let bytes = [
            frame(4, 0, 0, &[0; 36]),
            frame(HEADERS, 4, 1, &[0x88]),
            frame(DATA, 1, 1, &[RST_STREAM; 300]),
            frame(HEADERS, 4, 11, &[0x88]),
            frame(DATA, 0, 11, &[1]),
            frame(HEADERS, 5, 11, &[0xBF]),
            reset(1, 8),
            reset(3, 1),
            reset(3, 5),
            frame(HEADERS, 5, 5, &[0x48, 0x83, 1, 2, 3]),
            reset(5, 1),
            frame(HEADERS, 5, 7, &[0xBE]),
            frame(HEADERS, 5, 9, &[0x88, 0xBE, 0xBF, 0xC0, 0xC1]),
            reset(9, 1),
            away(0),
            away(11),
        ];
        let refused = vec![
            Refused::Request(1),
            Refused::Head,
            Refused::Head,
            Refused::Request(1),
            Refused::Connection(11),
        ];
        (bytes.concat(), refused)
    }

    #[test]
    fn what_is_refused_is_heard_and_what_is_not_is_not() {
        let (bytes, refused) = connection();
        assert_eq!(told(&[&bytes]), refused);
    }

    #[test]
    fn trailers_are_no_refusal_however_many_answers_have_begun() {
        let many = u32::try_from(REMEMBERED).unwrap() * 2;
        let mut bytes = Vec::new();
        for number in 0..many {
            bytes.extend(frame(HEADERS, 4, number * 2 + 1, &[0x88]));
        }
        for number in 0..many {
            bytes.extend(frame(HEADERS, 5, number * 2 + 1, &[0xBF]));
        }
        assert_eq!(told(&[&bytes]), []);
        bytes.extend(frame(HEADERS, 5, many * 2 + 1, &[0xBF]));
        assert_eq!(told(&[&bytes]), [Refused::Head]);
    }

    #[test]
    fn no_answer_is_remembered_beyond_its_end_and_no_more_than_was_said() {
        let mut frames = Frames::default();
        let ends = [
            frame(DATA, 1, 1, b"x"),
            frame(HEADERS, 5, 3, &[0xBF]),
            frame(RST_STREAM, 0, 5, &8_u32.to_be_bytes()),
        ];
        for (stream, end) in [1, 3, 5].into_iter().zip(ends) {
            frames.read(&frame(HEADERS, 4, stream, &[0x88]), |_| {});
            assert_eq!(frames.answering.streams.len(), 1);
            frames.read(&end, |_| {});
            assert_eq!(frames.answering.streams.len(), 0);
        }
        for stream in 0..2000 {
            frames.read(&frame(HEADERS, 4, stream, &[0x88]), |_| {});
        }
        assert_eq!(frames.answering.streams.len(), REMEMBERED);
    }

    proptest! {
        #[test]
        fn it_is_heard_however_it_is_cut(sizes in prop::collection::vec(1_usize..40, 1..50)) {
            let (bytes, refused) = connection();
            let (mut rest, mut parts) = (bytes.as_slice(), Vec::new());
            for size in sizes.iter().cycle().take(1000) {
                let (part, more) = rest.split_at((*size).min(rest.len()));
                parts.push(part);
                rest = more;
            }
            prop_assert_eq!(told(&parts), refused);
        }
    }
}
