//! Raw frames of HTTP/2, sent over a socket to the real binary, with a service of HTTP/1.1 behind it that records every
//! byte: what could become another request on the way down, or too much, is refused.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
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
const PATIENCE: Duration = Duration::from_secs(10);

// Kinds of frames and flags (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The status 200.
    Served,
    /// Another status, or an error of the stream or the connection.
    Refused,
}
use Fate::{Refused, Served};

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literals that are never indexed and never compressed (RFC 7541 §6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
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

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/open/a")];

/// The usual request with `more` fields behind it.
fn get(more: &[(&str, &str)]) -> Vec<u8> {
    let fields = [GET.as_slice(), more].concat();
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&fields))
}

/// The usual request with one of its fields written otherwise, or left out.
fn with(name: &str, value: Option<&str>) -> Vec<u8> {
    let fields = GET.iter().filter_map(|(usual, kept)| match value {
        _ if *usual != name => Some((*usual, *kept)),
        Some(value) => Some((*usual, value)),
        None => None,
    });
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&fields.collect::<Vec<_>>()))
}

/// A request with a body that says it has `length` bytes.
fn post(length: &str, body: &[u8]) -> Vec<u8> {
    let mut fields = GET.to_vec();
    fields.swap_remove(0);
    fields.insert(0, (":method", "POST"));
    fields.push(("content-length", length));
    [frame(HEADERS, END_HEADERS, 1, &block(&fields)), frame(DATA, END_STREAM, 1, body)].concat()
}

fn table() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let long = "x".repeat(9000);
    let many: Vec<_> = (0..21).map(|_| ("x-a", "1")).collect();
    let block_of_get = block(&GET);
    let (first, second) = block_of_get.split_at(10);
    let trailers = [
        frame(HEADERS, END_HEADERS, 1, &block(&[(":method", "POST"), GET[1], GET[2], GET[3]])),
        frame(DATA, 0, 1, b"body"),
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&[(":path", "/open/b")])),
    ];
    vec![
        ("the usual request is served", get(&[]), Served),
        ("a body of the length that is told is served", post("4", b"body"), Served),
        (
            "a head in two frames is served",
            [frame(HEADERS, END_STREAM, 1, first), frame(CONTINUATION, END_HEADERS, 1, second)]
                .concat(),
            Served,
        ),
        ("a shorter body than is told", post("5", b"body"), Refused),
        ("a longer body than is told", post("3", b"body"), Refused),
        (
            "two lengths",
            [
                frame(
                    HEADERS,
                    END_HEADERS,
                    1,
                    &block(&[
                        (":method", "POST"),
                        GET[1],
                        GET[2],
                        GET[3],
                        ("content-length", "4"),
                        ("content-length", "0"),
                    ]),
                ),
                frame(DATA, END_STREAM, 1, b"body"),
            ]
            .concat(),
            Refused,
        ),
        ("a length that is no number", post("4, 4", b"body"), Refused),
        ("a transfer encoding", get(&[("transfer-encoding", "chunked")]), Refused),
        ("a connection header", get(&[("connection", "x-a")]), Refused),
        ("an upgrade", get(&[("upgrade", "websocket")]), Refused),
        ("another te than trailers", get(&[("te", "chunked")]), Refused),
        ("a name in capitals", get(&[("X-Forwarded-User", "admin")]), Refused),
        ("an identity header", get(&[("x-forwarded-user", "admin")]), Refused),
        ("an identity header with an underscore", get(&[("x_forwarded_user", "admin")]), Refused),
        ("a line break in a value", get(&[("x-a", "1\r\nx-forwarded-user: admin")]), Refused),
        ("a line feed in a value", get(&[("x-a", "1\nx-b: 2")]), Refused),
        ("a NUL in a value", get(&[("x-a", "1\0")]), Refused),
        ("a line break in a name", get(&[("x-a\r\nx-b", "1")]), Refused),
        ("a colon in a name", get(&[("x-a: 1", "1")]), Refused),
        ("a space in a name", get(&[("x a", "1")]), Refused),
        ("an empty name", get(&[("", "1")]), Refused),
        (
            "a pseudo-header after a header",
            frame(
                HEADERS,
                END_STREAM | END_HEADERS,
                1,
                &block(&[GET[0], GET[1], GET[2], ("x-a", "1"), GET[3]]),
            ),
            Refused,
        ),
        ("a pseudo-header twice", get(&[(":path", "/open/b")]), Refused),
        (
            "an unknown pseudo-header",
            frame(
                HEADERS,
                END_STREAM | END_HEADERS,
                1,
                &block(&[GET[0], GET[1], GET[2], GET[3], (":user", "admin")]),
            ),
            Refused,
        ),
        (
            "the pseudo-header of an answer",
            frame(
                HEADERS,
                END_STREAM | END_HEADERS,
                1,
                &block(&[GET[0], GET[1], GET[2], GET[3], (":status", "200")]),
            ),
            Refused,
        ),
        ("pseudo-headers in trailers are dropped with the trailers", trailers.concat(), Served),
        ("no method", with(":method", None), Refused),
        ("no path", with(":path", None), Refused),
        ("no scheme", with(":scheme", None), Refused),
        ("no authority and no host", with(":authority", None), Refused),
        ("a method with a space", with(":method", Some("GET /open/b HTTP/1.1\r\nx:")), Refused),
        ("an empty path", with(":path", Some("")), Refused),
        ("a path with a space", with(":path", Some("/open/a HTTP/1.1")), Refused),
        ("a path with a line break", with(":path", Some("/open/a\r\nx-b: 1")), Refused),
        ("a path without a slash", with(":path", Some("open/a")), Refused),
        ("a URL for a path", with(":path", Some("http://other.test/open/a")), Refused),
        ("a star for a path", with(":path", Some("*")), Refused),
        ("a fragment is dropped", with(":path", Some("/open/a#b")), Served),
        ("a dot segment", with(":path", Some("/open/../admin")), Refused),
        ("another scheme", with(":scheme", Some("https")), Refused),
        ("a scheme with a path in it", with(":scheme", Some("http://app.test/open/b?")), Refused),
        ("an authority with a user", with(":authority", Some("admin@app.test")), Refused),
        ("an authority with a path", with(":authority", Some("app.test/open/b")), Refused),
        ("a host beside another authority", get(&[("host", "other.test")]), Refused),
        ("two hosts", get(&[("host", "app.test"), ("host", "app.test")]), Refused),
        (
            "CONNECT",
            frame(HEADERS, END_HEADERS, 1, &block(&[(":method", "CONNECT"), GET[2]])),
            Refused,
        ),
        ("a header line too many", get(&many), Refused),
        ("a head that is too large", get(&[("x-a", &long)]), Refused),
        ("a body that is too large", post("1025", &[b'x'; 1025]), Refused),
        (
            "a stream of even number",
            frame(HEADERS, END_STREAM | END_HEADERS, 2, &block(&GET)),
            Refused,
        ),
        ("a body before its head", frame(DATA, END_STREAM, 1, b"body"), Refused),
        (
            "a head inside another head",
            [
                frame(HEADERS, END_STREAM, 1, first),
                frame(HEADERS, END_STREAM | END_HEADERS, 3, &block_of_get),
            ]
            .concat(),
            Refused,
        ),
        ("a promise of a caller", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]), Refused),
        (
            "a stream that depends on itself is of no account",
            frame(
                HEADERS,
                END_STREAM | END_HEADERS | 0x20,
                1,
                &[&[0, 0, 0, 1, 16], block_of_get.as_slice()].concat(),
            ),
            Refused,
        ),
        (
            "padding longer than the frame",
            frame(HEADERS, END_STREAM | END_HEADERS | 8, 1, &[255, 0]),
            Refused,
        ),
        (
            "a window of nothing",
            [get(&[]), frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 0])].concat(),
            Refused,
        ),
        (
            "a compressed text that is none",
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0, 0x81, 0xff, 0x81, 0xff]),
            Refused,
        ),
        (
            "an index that there is not",
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
            Refused,
        ),
    ]
}

struct House {
    service: Recorder,
    place: Place,
    gateway: Gateway,
}

impl House {
    fn open() -> Result<Self> {
        let (service, place) = (Recorder::start()?, Place::new()?);
        place.configure(&CONFIG.replace("{service}", &service.address().to_string()))?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        Ok(Self { service, place, gateway })
    }

    fn connect(&self) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(self.place.http())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())?;
        Ok(stream)
    }

    fn fate(&self, frames: &[u8]) -> Result<Fate> {
        let mut stream = self.connect()?;
        // The door may have closed already.
        let _ = stream.write_all(frames);
        fate(&mut stream)
    }
}

/// Reads until the first stream is answered, or the stream or the connection is given up.
fn fate(stream: &mut TcpStream) -> Result<Fate> {
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
                stream.write_all(&frame(SETTINGS, ACK, 0, &[])).context("cannot acknowledge")?;
            }
            _ => {}
        }
    }
}

#[test]
fn what_could_become_another_request_on_the_way_down_is_refused() -> Result<()> {
    let house = House::open()?;
    let mut wrong = Vec::new();
    for (name, frames, expected) in table() {
        let fate = house.fate(&frames)?;
        let log = house.service.take();
        let seen: Vec<_> = log.requests.iter().map(|seen| seen.target().to_owned()).collect();
        // A service may see the beginning of a request whose body turns out to be another than was told.
        let stray = log.stray.len();
        let only_ours = seen.iter().all(|target| target == "/open/a") && seen.len() + stray <= 1;
        let served = expected == Served && seen.len() == 1;
        let refused = expected == Refused && (seen.is_empty() || name.starts_with("a window"));
        if fate != expected && !name.starts_with("a window") || !only_ours || !(served || refused) {
            wrong.push(format!("{name}: {fate:?}, the service saw {seen:?} and {stray} strays"));
        }
        ensure!(house.fate(&get(&[]))? == Served, "{name}: the next request is not served");
        let _ = house.service.take();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    house.gateway.stop()
}

#[test]
fn a_caller_that_resets_what_it_asks_for_is_sent_away() -> Result<()> {
    let house = House::open()?;
    let mut stream = house.connect()?;
    let pairs = (0..2000).flat_map(|number| {
        let stream = number * 2 + 1;
        [
            frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(&GET)),
            frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
        ]
    });
    // CVE-2023-44487, in one write as an attacker would.
    let _ = stream.write_all(&pairs.collect::<Vec<_>>().concat());
    let mut rest = Vec::new();
    // Reads to the end: the connection must end by itself.
    let _ = stream.read_to_end(&mut rest);
    let seen = house.service.take().requests.len();
    ensure!(seen < 200, "expected most of 2000 requests never to reach the service, it saw {seen}");
    ensure!(house.fate(&get(&[]))? == Served, "expected the next caller to be served");
    house.gateway.stop()
}

#[test]
fn a_head_without_an_end_is_cut_off() -> Result<()> {
    let house = House::open()?;
    let mut stream = house.connect()?;
    let mut sent = stream.write_all(&frame(HEADERS, END_STREAM, 1, &block(&GET)));
    // CVE-2024-27316 and its kin: 64 MiB would come; it must not be taken.
    let part = frame(CONTINUATION, 0, 1, &block(&[("x-a", &"x".repeat(16_000))]));
    let mut count = 0;
    while sent.is_ok() && count < 4096 {
        sent = stream.write_all(&part);
        count += 1;
    }
    ensure!(sent.is_err(), "expected the connection to be closed before {count} frames");
    ensure!(house.service.take().requests.is_empty());
    ensure!(house.fate(&get(&[]))? == Served, "expected the next caller to be served");
    house.gateway.stop()
}
