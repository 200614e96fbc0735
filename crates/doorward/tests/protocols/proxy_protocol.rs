//! The PROXY protocol: whose a connection is when a balancer passes its bytes on.

use std::io::ErrorKind;

use anyhow::{Context as _, Result, ensure};
use http::{HeaderValue, Request};
use serde_json::Value;
use testbed::{audit, client};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::house::{Body, House, PATIENCE, speak_http1, speak_http2, whole};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// 203.0.113.9:50000, who reached 192.0.2.1:443.
const ADDRESSES: [u8; 12] = [203, 0, 113, 9, 192, 0, 2, 1, 0xC3, 0x50, 1, 0xBB];
const US: &str = "127.0.0.1/32";

/// A header with this command, family, and what follows.
fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap_or(u16::MAX).to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

fn told() -> Vec<u8> {
    header(0x21, 0x11, &ADDRESSES)
}

/// A header of `length` bytes in whole.
fn long(length: usize) -> Vec<u8> {
    let value = vec![0; length - 16 - ADDRESSES.len() - 3];
    let size = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
    header(0x21, 0x11, &[&ADDRESSES, [4].as_slice(), &size, &value].concat())
}

/// A request that claims to be forwarded for somebody.
fn spoofing(url: &str) -> Result<Request<Body>> {
    let mut request = Request::new(whole(""));
    *request.uri_mut() = url.parse()?;
    request.headers_mut().insert("host", HeaderValue::from_static("app.test"));
    request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("10.6.6.6"));
    Ok(request)
}

impl House {
    async fn connect(&self, secure: bool, header: &[u8]) -> Result<TcpStream> {
        let address = if secure { self.https() } else { self.place.http() };
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        // Piece by piece, as a network may.
        let (first, rest) = header.split_at(header.len().min(5));
        for part in [first, rest] {
            stream.write_all(part).await?;
            tokio::task::yield_now().await;
        }
        Ok(stream)
    }

    /// For whom the service was asked since the last call.
    fn asked_for(&self) -> Vec<String> {
        let value = |seen: &super::house::Seen| {
            let value = seen.0.headers.get("x-forwarded-for");
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        self.seen().iter().filter_map(value).collect()
    }

    fn refused(&self) -> Result<u64> {
        let page = client::get(self.place.admin(), "/metrics")?.text();
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix("doorward_proxy_headers_refused_total "))
            .context("expected a count")?;
        Ok(line.parse()?)
    }
}

#[tokio::test]
async fn a_trusted_peer_says_whose_a_connection_is_before_http_and_before_tls() -> Result<()> {
    let house = House::open_told(US).await?;
    let h2: &[&[u8]] = &[b"h2"];
    let plain = "http://app.test/near/a";
    let secure = "https://app.test/near/a";
    let mut statuses = Vec::new();
    let stream = house.connect(false, &told()).await?;
    statuses.push(speak_http1(stream).await?.send_request(spoofing("/near/a")?).await?.status());
    let stream = house.connect(false, &told()).await?;
    statuses.push(speak_http2(stream).await?.send_request(spoofing(plain)?).await?.status());
    let stream = house.connect(true, &told()).await?;
    let stream = house.tls_over(stream, "app.test", &[b"http/1.1"], None).await?;
    statuses.push(speak_http1(stream).await?.send_request(spoofing("/near/a")?).await?.status());
    let stream = house.connect(true, &long(4096)).await?;
    let stream = house.tls_over(stream, "app.test", h2, None).await?;
    statuses.push(speak_http2(stream).await?.send_request(spoofing(secure)?).await?.status());
    assert_eq!(statuses, [200; 4]);
    assert_eq!(house.asked_for(), ["203.0.113.9"; 4]);
    for record in audit::records(&house.place.path("audit"))? {
        let peer = |pointer: &str| record.pointer(pointer).cloned().unwrap_or_default();
        let (ip, port) = (peer("/src_endpoint/ip"), peer("/src_endpoint/port"));
        let expected = (Value::from("203.0.113.9"), Value::from(50000));
        ensure!(ip.is_null() || (ip, port) == expected, "{record}");
    }
    assert_eq!(house.refused()?, 0);
    Ok(())
}

#[tokio::test]
async fn a_trusted_peer_that_speaks_for_itself_is_believed_about_its_callers() -> Result<()> {
    let house = House::open_told(US).await?;
    for header in [header(0x20, 0, b""), header(0x20, 0x11, &ADDRESSES)] {
        let stream = house.connect(false, &header).await?;
        let answer = speak_http1(stream).await?.send_request(spoofing("/open/a")?).await?;
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(house.asked_for(), ["10.6.6.6"; 2]);
    Ok(())
}

#[tokio::test]
async fn a_trusted_peer_that_does_not_say_whose_a_connection_is_gets_none() -> Result<()> {
    let house = House::open_told(US).await?;
    let request = b"GET /open/a HTTP/1.1\r\nHost: app.test\r\n\r\n".as_slice();
    let mut short = told();
    short.truncate(20);
    let cases = [
        ("no header", request.to_vec()),
        ("version 1", [b"PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n", request].concat()),
        ("version 3", [&header(0x31, 0x11, &ADDRESSES), request].concat()),
        ("another command", [&header(0x22, 0x11, &ADDRESSES), request].concat()),
        ("nobody to speak for", [&header(0x21, 0, b""), request].concat()),
        ("a datagram", [&header(0x21, 0x12, &ADDRESSES), request].concat()),
        ("a wrong checksum", {
            let rest = [&ADDRESSES, b"\x03\0\x04\0\0\0\0".as_slice()].concat();
            [&header(0x21, 0x11, &rest), request].concat()
        }),
        ("a header that is too long", [&long(4097), request].concat()),
        ("a part of a header, and no more", short),
        ("nothing", Vec::new()),
    ];
    for (number, (name, bytes)) in cases.into_iter().enumerate() {
        let mut stream = house.connect(false, &bytes).await?;
        let mut answer = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await?;
        // What was not read makes the end a reset.
        let ended = read.map_err(|error| error.kind());
        ensure!(matches!(ended, Ok(0) | Err(ErrorKind::ConnectionReset)), "{name}: {ended:?}");
        ensure!(house.refused()? == number as u64 + 1, "{name}: expected it to be counted");
    }
    assert!(house.asked_for().is_empty());
    Ok(())
}

#[tokio::test]
async fn nobody_else_can_claim_an_address() -> Result<()> {
    let house = House::open_told("192.0.2.1/32").await?;
    let stream = house.connect(false, b"").await?;
    let answer = speak_http1(stream).await?.send_request(spoofing("/open/a")?).await?;
    assert_eq!(answer.status(), 200);
    assert_eq!(house.asked_for(), ["127.0.0.1"]);
    let request = b"GET /near/a HTTP/1.1\r\nHost: app.test\r\n\r\n".as_slice();
    let mut stream = house.connect(false, &[&told(), request].concat()).await?;
    let mut answer = Vec::new();
    // The header is no request, and what follows it is not read as one.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(house.asked_for().is_empty());
    assert_eq!(house.refused()?, 0);
    Ok(())
}
