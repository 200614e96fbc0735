//! WebSockets over HTTP/2 (RFC 8441), with a service that knows HTTP/1.1 alone.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Method, Request, Response};
use testbed::message::{Head, Reader};
use tokio::time::timeout;

use super::house::{House, OK, PATIENCE};

/// A service that goes on as a WebSocket when it is asked to, and then says what it hears; it tells what it was asked.
fn echo() -> (impl Fn(usize, &mut Reader<TcpStream>) -> Result<()> + Send + Sync, Receiver<Head>) {
    let (tell, told) = channel();
    let act = move |_: usize, reader: &mut Reader<TcpStream>| {
        let head = reader.head()?.context("expected a request")?;
        tell.send(head.clone())?;
        if head.values("upgrade") != ["websocket"] || head.first_line.contains("declined") {
            return Ok(reader.stream().write_all(OK)?);
        }
        let accept = accept(&head.values("sec-websocket-key").concat());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
        );
        reader.stream().write_all(answer.as_bytes())?;
        let mut buffer = [0; 64];
        loop {
            let read = reader.stream().read(&mut buffer)?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                return Ok(());
            };
            reader.stream().write_all(bytes)?;
        }
    };
    (act, told)
}

/// RFC 6455 §4.2.2.
fn accept(key: &str) -> String {
    let joined = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, joined.as_bytes());
    STANDARD.encode(digest)
}

/// Asks for `path` as a WebSocket over HTTP/2.
async fn ask(
    client: &mut SendRequest<Bytes>,
    path: &str,
    token: Option<&str>,
    protocol: &'static str,
) -> Result<(Response<RecvStream>, SendStream<Bytes>)> {
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://app.test{path}"))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "chat")
        .extension(Protocol::from_static(protocol));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let (answer, sender) = client.send_request(request.body(())?, false)?;
    Ok((timeout(PATIENCE, answer).await??, sender))
}

async fn said_back(
    sender: &mut SendStream<Bytes>,
    body: &mut RecvStream,
    text: &'static str,
) -> Result<String> {
    sender.send_data(Bytes::from_static(text.as_bytes()), false)?;
    let mut back = Vec::new();
    while back.len() < text.len() {
        let bytes = timeout(PATIENCE, body.data()).await?.context("expected more")??;
        body.flow_control().release_capacity(bytes.len())?;
        back.extend_from_slice(&bytes);
    }
    Ok(String::from_utf8(back)?)
}

/// Waits until it is over, by an end or by a reset; nothing may come before.
async fn ends(body: &mut RecvStream) -> Result<()> {
    while let Some(Ok(bytes)) = timeout(PATIENCE, body.data()).await? {
        ensure!(bytes.is_empty(), "expected an end, got {bytes:?}");
    }
    Ok(())
}

fn id(answer: &Response<RecvStream>) -> Result<String> {
    let id = answer.headers().get("x-request-id").context("expected an id")?;
    Ok(id.to_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_over_http2_is_judged_as_get_and_carries_bytes_both_ways() -> Result<()> {
    let (act, told) = echo();
    let house = House::open("", "", act)?;
    let mut client = house.http2(65_535).await?;
    let token = house.token()?;
    let (answer, mut sender) = ask(&mut client, "/guarded/a", Some(&token), "websocket").await?;
    assert!(client.is_extended_connect_protocol_enabled());
    assert_eq!(answer.status(), 200);
    let field = |name: &str| answer.headers().get(name).map(|value| value.as_bytes().to_vec());
    assert_eq!(field("sec-websocket-protocol"), Some(b"chat".to_vec()));
    assert_eq!((field("sec-websocket-accept"), field("upgrade")), (None, None));
    let id = id(&answer)?;
    let asked = told.recv_timeout(PATIENCE)?;
    assert_eq!(asked.first_line, "GET /guarded/a HTTP/1.1");
    assert_eq!(asked.values("connection"), ["upgrade"]);
    assert_eq!(STANDARD.decode(asked.values("sec-websocket-key").concat())?.len(), 16);
    let mut body = answer.into_body();
    assert_eq!(said_back(&mut sender, &mut body, "ping").await?, "ping");
    assert_eq!(said_back(&mut sender, &mut body, "pong").await?, "pong");
    sender.send_data(Bytes::new(), true)?;
    ends(&mut body).await?;
    assert_eq!(house.ended(&id)?, "completed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_websocket_over_http2_has_a_key_of_its_own() -> Result<()> {
    let (act, told) = echo();
    let house = House::open("", "", act)?;
    let mut client = house.http2(65_535).await?;
    let token = house.token()?;
    let mut keys = Vec::new();
    for _ in 0..2 {
        let _socket = ask(&mut client, "/guarded/a", Some(&token), "websocket").await?;
        keys.push(told.recv_timeout(PATIENCE)?.values("sec-websocket-key").concat());
    }
    assert_ne!(keys[0], keys[1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_over_http2_is_closed_within_a_second_of_its_revocation() -> Result<()> {
    let (act, _told) = echo();
    let house = House::open("", "", act)?;
    let mut client = house.http2(65_535).await?;
    let token = house.token()?;
    let (answer, mut sender) = ask(&mut client, "/guarded/a", Some(&token), "websocket").await?;
    let id = id(&answer)?;
    let mut body = answer.into_body();
    assert_eq!(said_back(&mut sender, &mut body, "ping").await?, "ping");
    house.revoke_alice()?;
    ends(&mut body).await?;
    assert_eq!(house.ended(&id)?, "revoked");
    let answer = ask(&mut client, "/guarded/a", Some(&token), "websocket").await?.0;
    assert_eq!(answer.status(), 401, "the connection goes on, and is judged anew");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_over_http2_that_takes_nothing_is_closed_with_its_permit() -> Result<()> {
    let (act, _told) = echo();
    let house = House::open("", "", act)?;
    let mut client = house.http2(0).await?;
    let token = house.token()?;
    let (answer, mut sender) = ask(&mut client, "/guarded/a", Some(&token), "websocket").await?;
    let id = id(&answer)?;
    sender.send_data(Bytes::from_static(b"ping"), false)?;
    house.revoke_alice()?;
    let mut body = answer.into_body();
    ends(&mut body).await?;
    assert_eq!(house.ended(&id)?, "revoked");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_over_http2_where_nobody_speaks_is_closed_after_the_idle_time() -> Result<()> {
    let (act, _told) = echo();
    let house = House::open("", "idle: 300ms", act)?;
    let mut client = house.http2(65_535).await?;
    let token = house.token()?;
    let (answer, _sender) = ask(&mut client, "/guarded/a", Some(&token), "websocket").await?;
    let id = id(&answer)?;
    ends(&mut answer.into_body()).await?;
    assert_eq!(house.ended(&id)?, "upstream_timed_out");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_websocket_is_never_answered_as_if_it_were_one() -> Result<()> {
    let (act, told) = echo();
    let house = House::open("", "", act)?;
    let mut client = house.http2(65_535).await?;
    let token = house.token()?;
    for (path, shown, protocol, status, reaches) in [
        ("/guarded/a", None, "websocket", 401, false),
        ("/guarded/a", Some(&*token), "connect-udp", 400, false),
        ("/nowhere", Some(&*token), "websocket", 404, false),
        ("/.doorward/jwks.json", None, "websocket", 404, false),
        ("/open/a", None, "websocket", 501, false),
        ("/guarded/declined", Some(&*token), "websocket", 502, true),
    ] {
        let (answer, _) = ask(&mut client, path, shown, protocol).await?;
        assert_eq!(answer.status(), status, "{protocol} at {path}");
        let seen = told.recv_timeout(Duration::from_millis(if reaches { 5000 } else { 0 }));
        assert_eq!(seen.is_ok(), reaches, "{protocol} at {path}");
    }
    Ok(())
}
