//! What could become another request on the way down, or is none: a row each.

use super::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Either, Fate, GET, HEADERS, PING, PRIORITY,
    PUSH_PROMISE, RST_STREAM, Refused, SETTINGS, Served, WINDOW_UPDATE, block, frame, get, post,
    with,
};

/// CONNECT with the protocol of a WebSocket, and `more` fields.
fn connect(more: &[(&str, &str)]) -> Vec<u8> {
    let fields = [(":method", "CONNECT"), (":protocol", "websocket"), GET[1], GET[2], GET[3]];
    frame(HEADERS, END_HEADERS, 1, &block(&[fields.as_slice(), more].concat()))
}

/// CONNECT with this protocol, and without one of the other fields.
fn connect_as(protocol: &str, without: Option<&str>) -> Vec<u8> {
    let fields = [(":method", "CONNECT"), (":protocol", protocol), GET[1], GET[2], GET[3]];
    let kept = fields.into_iter().filter(|(name, _)| Some(*name) != without);
    frame(HEADERS, END_HEADERS, 1, &block(&kept.collect::<Vec<_>>()))
}

fn get_with_protocol(protocol: &str) -> Vec<u8> {
    let fields = [GET[0], GET[1], GET[2], GET[3], (":protocol", protocol)];
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&fields))
}

fn protocol_last() -> Vec<u8> {
    let fields =
        [(":method", "CONNECT"), GET[1], GET[2], GET[3], ("x-a", "1"), (":protocol", "websocket")];
    frame(HEADERS, END_HEADERS, 1, &block(&fields))
}

pub(crate) fn table() -> Vec<(&'static str, Vec<u8>, Fate)> {
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
        ("CONNECT with a protocol, a WebSocket on a route that takes none", connect(&[]), Refused),
        ("a protocol without CONNECT", get_with_protocol("websocket"), Refused),
        ("a protocol of no name", connect_as("", None), Refused),
        ("another protocol", connect_as("connect-udp", None), Refused),
        ("a protocol in capitals", connect_as("WebSocket", None), Refused),
        ("two protocols", connect(&[(":protocol", "websocket")]), Refused),
        ("a protocol after a header", protocol_last(), Refused),
        ("a WebSocket without a path", connect_as("websocket", Some(":path")), Refused),
        ("a WebSocket without a scheme", connect_as("websocket", Some(":scheme")), Refused),
        ("a WebSocket without an authority", connect_as("websocket", Some(":authority")), Refused),
        ("a WebSocket with a length", connect(&[("content-length", "4")]), Refused),
        ("a WebSocket with an upgrade", connect(&[("upgrade", "websocket")]), Refused),
        (
            "CONNECT with a path and no protocol",
            frame(
                HEADERS,
                END_HEADERS,
                1,
                &block(&[(":method", "CONNECT"), GET[1], GET[2], GET[3]]),
            ),
            Refused,
        ),
        ("a second request on the same stream", [get(&[]), get(&[])].concat(), Either),
        (
            "a stream of a smaller number than the last",
            [
                frame(HEADERS, END_STREAM | END_HEADERS, 3, &block(&[GET[0], GET[1], ("x", "")])),
                get(&[]),
            ]
            .concat(),
            Refused,
        ),
        (
            "a body after its end",
            [post("4", b"body"), frame(DATA, END_STREAM, 1, b"more")].concat(),
            Either,
        ),
        (
            "a window beyond the most there is",
            frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()),
            Refused,
        ),
        ("a priority that depends on itself", frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 16]), Refused),
        (
            "a setting of no meaning is passed over",
            [frame(SETTINGS, 0, 0, &[0xFF, 0xFF, 0, 0, 0, 1]), get(&[])].concat(),
            Served,
        ),
        ("settings of a wrong length", frame(SETTINGS, 0, 0, &[0; 5]), Refused),
        ("settings on a stream", frame(SETTINGS, 0, 1, &[]), Refused),
        (
            "a window larger than there is in the settings",
            frame(SETTINGS, 0, 0, &[0, 4, 0xFF, 0xFF, 0xFF, 0xFF]),
            Refused,
        ),
        ("a frame larger than was told", frame(DATA, 0, 1, &[0; 16_385]), Refused),
        ("a ping of a wrong length", frame(PING, 0, 0, &[0; 7]), Refused),
        (
            "a kind of frame of no meaning is passed over",
            [frame(0xEE, 0xFF, 9, b"what"), get(&[])].concat(),
            Served,
        ),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, second), Refused),
        (
            "a continuation on another stream",
            [frame(HEADERS, END_STREAM, 1, first), frame(CONTINUATION, END_HEADERS, 3, second)]
                .concat(),
            Refused,
        ),
        ("a reset of a stream that never was", frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]), Refused),
        (
            "a table larger than was told",
            frame(
                HEADERS,
                END_STREAM | END_HEADERS,
                1,
                &[&[0x3F, 0xE1, 0xFF, 0x03], block_of_get.as_slice()].concat(),
            ),
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
            Either,
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
