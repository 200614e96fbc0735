//! Frames of HTTP/2 as bytes (RFC 9113 §4.1, §6; RFC 7541), a house to send them to, and what becomes of them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use testbed::{Gateway, Place, Recorder};

const CONFIG: &str = r#"
data_threads: 1
limits: { header_bytes: 8KiB, headers: 20, body_bytes: 1KiB, streams: 16 }
services:
  app:
    audience: app
    endpoints: ["http://{service}"]
    identity: { headers: { X-Forwarded-User: subject } }
routes:
  - name: open
    match: { host: app.test, path: "/open/**", methods: ["*"] }
    service: app
    allow: [{ anyone: true }]
"#;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

// Kinds of frames and flags (RFC 9113 §6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The status 200.
    Served,
    /// Another status, or an error of the stream or the connection.
    Refused,
    /// Either: what follows the request ends the connection, and may come before the answer.
    Either,
}
pub(crate) use Fate::{Either, Refused, Served};

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literals that are never indexed and never compressed (RFC 7541 §6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        let bytes = text.as_bytes();
        // RFC 7541 §5.1, with a prefix of seven bits.
        let mut coded = Vec::new();
        match u8::try_from(bytes.len()) {
            Ok(length) if length < 127 => coded.push(length),
            _ => {
                coded.push(127);
                let mut rest = bytes.len() - 127;
                while rest >= 128 {
                    coded.push((rest % 128) as u8 | 128);
                    rest /= 128;
                }
                coded.push(rest as u8);
            }
        }
        coded.extend(bytes);
        coded
    };
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

pub(crate) const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/open/a")];

/// The usual request with `more` fields behind it.
pub(crate) fn get(more: &[(&str, &str)]) -> Vec<u8> {
    let fields = [GET.as_slice(), more].concat();
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&fields))
}

/// The usual request with a field that takes several frames.
pub(crate) fn get_in_parts(value: &str) -> Vec<u8> {
    let block = block(&[GET.as_slice(), &[("x-a", value)]].concat());
    let mut parts = block.chunks(16_384).peekable();
    let mut frames = Vec::new();
    let (mut kind, mut flags) = (HEADERS, END_STREAM);
    while let Some(part) = parts.next() {
        let end = if parts.peek().is_none() { END_HEADERS } else { 0 };
        frames.extend(frame(kind, flags | end, 1, part));
        (kind, flags) = (CONTINUATION, 0);
    }
    frames
}

/// The usual request with one of its fields written otherwise, or left out.
pub(crate) fn with(name: &str, value: Option<&str>) -> Vec<u8> {
    let fields = GET.iter().filter_map(|(usual, kept)| match value {
        _ if *usual != name => Some((*usual, *kept)),
        Some(value) => Some((*usual, value)),
        None => None,
    });
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&fields.collect::<Vec<_>>()))
}

/// A request with a body that says it has `length` bytes.
pub(crate) fn post(length: &str, body: &[u8]) -> Vec<u8> {
    let mut fields = GET.to_vec();
    fields.swap_remove(0);
    fields.insert(0, (":method", "POST"));
    fields.push(("content-length", length));
    [frame(HEADERS, END_HEADERS, 1, &block(&fields)), frame(DATA, END_STREAM, 1, body)].concat()
}

pub(crate) struct House {
    pub(crate) service: Recorder,
    pub(crate) place: Place,
    pub(crate) gateway: Gateway,
}

impl House {
    pub(crate) fn open() -> Result<Self> {
        let (service, place) = (Recorder::start()?, Place::new()?);
        place.configure(&CONFIG.replace("{service}", &service.address().to_string()))?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        Ok(Self { service, place, gateway })
    }

    pub(crate) fn connect(&self) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(self.place.http())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())?;
        Ok(stream)
    }

    pub(crate) fn fate(&self, frames: &[u8]) -> Result<Fate> {
        let mut stream = self.connect()?;
        // The door may have closed already.
        let _ = stream.write_all(frames);
        fate(&mut stream)
    }
}

/// Reads until the first stream is answered, or the stream or the connection is given up.
pub(crate) fn fate(stream: &mut TcpStream) -> Result<Fate> {
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return Ok(Refused);
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        if stream.read_exact(&mut payload).is_err() {
            return Ok(Refused);
        }
        match head[3] {
            // 200 is the eighth entry of the static table (RFC 7541 appendix A).
            HEADERS => {
                return Ok(if payload.first() == Some(&0x88) { Served } else { Refused });
            }
            RST_STREAM | GOAWAY => return Ok(Refused),
            SETTINGS if head[4] & ACK == 0 => {
                // The door may have closed already; what it said before is still to be read.
                let _ = stream.write_all(&frame(SETTINGS, ACK, 0, &[]));
            }
            _ => {}
        }
    }
}
