//! HTTP/1.1 messages as bytes, read as leniently as the worst upstream would, so that nothing sent to it goes unseen.

use std::io::Read;

use anyhow::{Result, bail};

/// The most that one message may be; far above anything that a test sends.
const MESSAGE_BYTES: usize = 64 << 20;

/// A head: the first line and the fields, kept as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Every byte up to and including the empty line.
    pub raw: Vec<u8>,
    /// The first line without its end.
    pub first_line: String,
    /// Fields in order, names as written, values trimmed. A line without a colon is a name with an empty value.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// All values of the field called `name`, in order, in any case of the name.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    fn parse(raw: &[u8]) -> Self {
        let text = String::from_utf8_lossy(raw);
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let first_line = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .filter(|line| !line.is_empty())
            .map(|line| line.split_once(':').unwrap_or((line, "")))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Self { raw: raw.to_vec(), first_line, fields }
    }

    fn is_chunked(&self) -> bool {
        self.values("transfer-encoding")
            .iter()
            .any(|value| value.to_ascii_lowercase().contains("chunked"))
    }

    fn length(&self) -> Option<usize> {
        self.values("content-length").first().and_then(|value| value.parse().ok())
    }
}

/// How a body without any framing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unframed {
    /// There is none (requests; answers to HEAD, 204, 304).
    Empty,
    /// At the end of the connection (other answers).
    ToTheEnd,
}

/// A whole message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its head.
    pub head: Head,
    /// Its body, out of its chunks.
    pub body: Vec<u8>,
    /// The trailer section as bytes, without the empty line; empty if there was none.
    pub trailers: Vec<u8>,
}

/// Reads messages one after the other, keeping what came early for the next.
#[derive(Debug)]
pub struct Reader<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: Read> Reader<S> {
    /// Reads from `stream`.
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// What has been read and belongs to no message.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes away what has been read and belongs to no message.
    #[must_use]
    pub fn take_rest(&mut self) -> std::io::Cursor<Vec<u8>> {
        std::io::Cursor::new(std::mem::take(&mut self.buffer))
    }

    /// The stream, to set it up or shut it down.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream, to write to it.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The next head; `None` when the stream ends before it is whole (what came of it stays in [`Reader::rest`]).
    ///
    /// # Errors
    /// When reading fails.
    pub fn head(&mut self) -> Result<Option<Head>> {
        loop {
            if let Some(end) = end_of_head(&self.buffer) {
                return Ok(Some(Head::parse(&self.take(end))));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// The body that belongs to `head`.
    ///
    /// # Errors
    /// When reading fails, or when the stream ends before the body does.
    pub fn body(&mut self, head: Head, unframed: Unframed) -> Result<Message> {
        let mut message = Message { head, ..Message::default() };
        if message.head.is_chunked() {
            self.chunks(&mut message)?;
        } else if let Some(length) = message.head.length() {
            self.fill_to(length)?;
            message.body = self.take(length);
        } else if unframed == Unframed::ToTheEnd {
            while self.fill()? {}
            message.body = std::mem::take(&mut self.buffer);
        }
        Ok(message)
    }

    fn chunks(&mut self, message: &mut Message) -> Result<()> {
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let Ok(size) = usize::from_str_radix(size, 16) else {
                bail!("expected a chunk size, got `{line}`")
            };
            if size == 0 {
                break;
            }
            self.fill_to(size)?;
            message.body.extend(self.take(size));
            self.line()?;
        }
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(());
            }
            message.trailers.extend_from_slice(line.as_bytes());
            message.trailers.extend_from_slice(b"\r\n");
        }
    }

    fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.take(end + 1);
                return Ok(String::from_utf8_lossy(&line)
                    .trim_end_matches(['\r', '\n'])
                    .to_owned());
            }
            if !self.fill()? {
                bail!("the connection ended inside a line");
            }
        }
    }

    fn fill_to(&mut self, length: usize) -> Result<()> {
        while self.buffer.len() < length {
            if !self.fill()? {
                bail!("the connection ended {} bytes into a body of {length}", self.buffer.len());
            }
        }
        Ok(())
    }

    /// Reads some more; false at the end of the stream.
    ///
    /// # Errors
    /// When reading fails, or when a message grows past any that a test sends.
    pub fn fill(&mut self) -> Result<bool> {
        if self.buffer.len() > MESSAGE_BYTES {
            bail!("expected a message of at most {MESSAGE_BYTES} bytes");
        }
        let mut piece = [0; 16 << 10];
        let count = self.stream.read(&mut piece)?;
        self.buffer.extend_from_slice(piece.get(..count).unwrap_or_default());
        Ok(count > 0)
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(count.min(self.buffer.len()));
        std::mem::replace(&mut self.buffer, rest)
    }
}

/// Where the head ends: after the first empty line, whether lines end in CR LF or in LF.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let strict = position(bytes, b"\r\n\r\n").map(|at| at + 4);
    let loose = position(bytes, b"\n\n").map(|at| at + 2);
    match (strict, loose) {
        (Some(strict), Some(loose)) => Some(strict.min(loose)),
        (one, other) => one.or(other),
    }
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Message, Vec<u8>) {
        let mut reader = Reader::new(bytes);
        let head = reader.head().unwrap().unwrap();
        let message = reader.body(head, Unframed::Empty).unwrap();
        while reader.fill().unwrap() {}
        (message, reader.rest().to_vec())
    }

    #[test]
    fn chunks_are_joined_and_what_follows_is_kept() {
        let (message, rest) = read(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nT: 1\r\n\r\nGET",
        );
        assert_eq!(message.body, b"abcd");
        assert_eq!(message.trailers, b"T: 1\r\n");
        assert_eq!(rest, b"GET");
    }

    #[test]
    fn a_head_with_bare_line_feeds_is_read_too() {
        let (message, rest) = read(b"GET / HTTP/1.1\nA: b\n\nrest");
        assert_eq!(message.head.values("a"), ["b"]);
        assert_eq!(rest, b"rest");
    }

    #[test]
    fn a_body_that_is_cut_off_is_an_error() {
        let mut reader = Reader::new(&b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"[..]);
        let head = reader.head().unwrap().unwrap();
        let error = reader.body(head, Unframed::Empty).unwrap_err();
        assert_eq!(error.to_string(), "the connection ended 3 bytes into a body of 9");
    }
}
