//! Forwarding when callers, services and permits do not behave: driven through the real binary, with a service that
//! does exactly what the test says.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Barrier;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use socket2::SockRef;
use testbed::message::{Reader, Unframed};
use testbed::{Acting, Client, Gateway, Issuer, Place, audit, clock};
use tokens::Algorithm;

const CONFIG: &str = r#"
data_threads: 1
limits: { header_timeout: 200ms, write_timeout: {write}, drain: {drain} }
issuers:
  corp:
    issuer: https://idp.corp.test
    keys: { file: keys.json }
    algorithms: [ES256]
    token_types: [at+jwt]
revoked: { subjects: [{revoked}] }
services:
  app:
    audience: app
    endpoints: ["http://{service}"]
    timeouts: { first_byte: {first_byte}, idle: {idle} }
    max_connections: {connections}
routes:
  - name: open
    match: { host: "*", path: "/open/**", methods: ["*"] }
    service: app
    allow: [{ anyone: true }]
  - name: guarded
    match: { host: "*", path: "/guarded/**", methods: ["*"] }
    service: app
    accept: [corp]
    allow: [{ users: [alice] }]
    websocket: true
"#;

const PATIENCE: Duration = Duration::from_secs(10);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// How the house is set up; the rest is as a user finds it.
#[derive(Clone, Copy, Debug)]
struct Setup {
    write_timeout: &'static str,
    drain: &'static str,
    first_byte: &'static str,
    idle: &'static str,
    connections: usize,
}

const USUAL: Setup =
    Setup { write_timeout: "60s", drain: "30s", first_byte: "60s", idle: "60s", connections: 16 };

struct House {
    setup: Setup,
    place: Place,
    gateway: Gateway,
    service: Acting,
    issuer: Issuer,
}

impl House {
    fn open(
        setup: Setup,
        act: impl Fn(usize, &mut Reader<TcpStream>) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::open_beside(setup, act, None)
    }

    /// The same with another endpoint of the service beside.
    fn open_beside(
        setup: Setup,
        act: impl Fn(usize, &mut Reader<TcpStream>) -> Result<()> + Send + Sync + 'static,
        other: Option<SocketAddr>,
    ) -> Result<Self> {
        let service = Acting::start(act)?;
        let issuer = Issuer::new("https://idp.corp.test", Algorithm::Es256)?;
        let place = Place::new()?;
        place.write("keys.json", &issuer.key_set().to_string())?;
        let others = other.map(|other| format!("\", \"http://{other}")).unwrap_or_default();
        configure(&place, setup, &format!("{}{others}", service.address()), "")?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        Ok(Self { setup, place, gateway, service, issuer })
    }

    fn connect(&self) -> Result<Client> {
        Client::connect(self.place.http())
    }

    /// A request on a connection of its own, whose answer is left to come.
    fn send(&self, method: &str, target: &str) -> Result<Client> {
        let mut client = self.connect()?;
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: app.test\r\n\r\n").as_bytes())?;
        Ok(client)
    }

    fn send_as_alice(&self, target: &str) -> Result<Client> {
        let token = self.issuer.token("alice", "app", json!({}))?;
        let mut client = self.connect()?;
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        client.send(head.as_bytes())?;
        Ok(client)
    }

    fn status(&self, method: &str, target: &str) -> Result<u16> {
        let reply = self.send(method, target)?.reply_to(method)?;
        Ok(reply.context("the connection was closed without an answer")?.status)
    }

    fn revoke_alice(&self) -> Result<()> {
        let service = self.service.address().to_string();
        configure(&self.place, self.setup, &service, "corp/alice")?;
        self.gateway.reload()
    }

    /// How the request ended, once that is on record.
    fn ended(&self, id: &str) -> Result<String> {
        clock::until(&format!("the outcome of {id}"), PATIENCE, || {
            audit::ended(&self.place.path("audit"), id)
        })
    }
}

fn configure(place: &Place, setup: Setup, service: &str, revoked: &str) -> Result<()> {
    place.configure(
        &CONFIG
            .replace("{service}", service)
            .replace("{revoked}", revoked)
            .replace("{write}", setup.write_timeout)
            .replace("{drain}", setup.drain)
            .replace("{first_byte}", setup.first_byte)
            .replace("{idle}", setup.idle)
            .replace("{connections}", &setup.connections.to_string()),
    )
}

/// Answers every request in turn until the other side closes.
fn answer_all(reader: &mut Reader<TcpStream>) -> Result<()> {
    while let Some(head) = reader.head()? {
        reader.body(head, Unframed::Empty)?;
        reader.stream().write_all(OK)?;
    }
    Ok(())
}

/// A service whose first request is answered without an end; the id of that request is told.
fn endless()
-> (impl Fn(usize, &mut Reader<TcpStream>) -> Result<()> + Send + Sync, Receiver<String>) {
    let (tell, told) = channel();
    let act = move |number: usize, reader: &mut Reader<TcpStream>| {
        if number > 0 {
            return answer_all(reader);
        }
        let head = reader.head()?.context("expected a request")?;
        tell.send(head.values("x-request-id").concat())?;
        reader.stream().write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let chunk = [b"1000\r\n".as_slice(), &[b'x'; 0x1000], b"\r\n"].concat();
        loop {
            reader.stream().write_all(&chunk)?;
        }
    };
    (act, told)
}

#[test]
fn a_connection_whose_upload_goes_on_is_not_used_again() -> Result<()> {
    let house = House::open(USUAL, |number, reader| {
        if number > 0 {
            return answer_all(reader);
        }
        reader.head()?;
        reader.stream().write_all(OK)?;
        while reader.fill()? {}
        Ok(())
    })?;
    let mut uploading = house.connect()?;
    uploading
        .send(b"POST /open/a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100\r\n\r\nsome")?;
    assert_eq!(uploading.reply()?.map(|reply| reply.status), Some(200));
    assert_eq!(house.status("GET", "/open/b")?, 200);
    assert_eq!(house.service.connections(), 2);
    Ok(())
}

#[test]
fn an_answer_that_comes_early_ends_the_upload_even_if_the_service_reads_no_more() -> Result<()> {
    let (tell, told) = channel();
    let house = House::open(Setup { connections: 1, ..USUAL }, move |number, reader| {
        if number > 0 {
            return answer_all(reader);
        }
        let head = reader.head()?.context("expected a request")?;
        reader.stream().write_all(OK)?;
        tell.send(head.values("x-request-id").concat())?;
        // Reads nothing until the connection is closed; the kernel says so by a reset or an error.
        let mut probe = [0; 1];
        clock::until("the connection to be closed", PATIENCE, || {
            Ok((reader.stream().peek(&mut probe)? == 0).then_some(()))
        })
    })?;
    let mut uploading = house.connect()?;
    uploading
        .send(b"POST /open/a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000000\r\n\r\n")?;
    let id = told.recv_timeout(PATIENCE)?;
    // As much as all buffers take, and more: this fails once the connection is closed.
    let part = vec![b'x'; 1 << 20];
    let sent = (0..100).take_while(|_| uploading.send(&part).is_ok()).count();
    assert!(sent < 100, "expected the upload to be ended");
    assert_eq!(house.ended(&id)?, "completed");
    assert_eq!(house.status("GET", "/open/b")?, 200);
    Ok(())
}

#[test]
fn the_next_byte_is_waited_for_since_it_is_asked_for() -> Result<()> {
    let house = House::open(Setup { idle: "400ms", ..USUAL }, |_, reader| {
        reader.head()?;
        // Longer than `idle`, which is for the pauses within a body.
        clock::let_pass(Duration::from_millis(800));
        reader.stream().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")?;
        clock::let_pass(Duration::from_millis(100));
        reader.stream().write_all(b"ok")?;
        while reader.fill()? {}
        Ok(())
    })?;
    let reply = house.send("GET", "/open/a")?.reply()?.context("expected an answer")?;
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    Ok(())
}

#[test]
fn an_answer_framed_twice_is_passed_on_by_its_chunks() -> Result<()> {
    let house = House::open(USUAL, |_, reader| {
        reader.head()?;
        reader.stream().write_all(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )?;
        while reader.fill()? {}
        Ok(())
    })?;
    let reply = house.send("GET", "/open/a")?.reply()?.context("expected an answer")?;
    assert_eq!((reply.text().as_str(), reply.field("content-length")), ("hello", None));
    Ok(())
}

#[test]
fn an_answer_to_head_says_one_length_or_is_a_bad_gateway() -> Result<()> {
    for (fields, expected) in [
        ("Content-Length: 2\r\nContent-Length: 2\r\n", (200, "completed")),
        ("Content-Length: 2, 2\r\n", (200, "completed")),
        ("Content-Length: 2\r\nContent-Length: 3\r\n", (502, "upstream_failed")),
        ("Content-Length: +2\r\n", (502, "upstream_failed")),
    ] {
        let house = House::open(USUAL, move |_, reader| {
            reader.head()?;
            let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
            reader.stream().write_all(head.as_bytes())?;
            while reader.fill()? {}
            Ok(())
        })?;
        let reply = house.send("HEAD", "/open/a")?.reply_to("HEAD")?;
        let reply = reply.with_context(|| format!("expected an answer to {fields:?}"))?;
        let id = reply.field("x-request-id").context("expected an id")?;
        assert_eq!((reply.status, &*house.ended(id)?), expected, "{fields:?}");
        if reply.status == 200 {
            assert_eq!(reply.message.head.values("content-length"), ["2"], "{fields:?}");
        }
    }
    Ok(())
}

#[test]
fn what_is_cut_off_at_the_end_is_on_record_as_that() -> Result<()> {
    let (act, told) = endless();
    let house = House::open(Setup { drain: "200ms", ..USUAL }, act)?;
    let _silent = house.send("GET", "/open/a")?;
    let id = told.recv_timeout(PATIENCE)?;
    house.gateway.stop()?;
    assert_eq!(audit::ended(&house.place.path("audit"), &id)?.as_deref(), Some("shutting_down"));
    Ok(())
}

#[test]
fn what_may_be_done_twice_is_sent_once_more_and_nothing_else_is() -> Result<()> {
    for (method, sent) in [("DELETE", 2), ("POST", 1)] {
        let (tell, told) = channel();
        let both = Barrier::new(2);
        let house = House::open(USUAL, move |_, reader| {
            while let Some(head) = reader.head()? {
                if !head.first_line.starts_with("GET ") {
                    return Ok(tell.send(())?);
                }
                both.wait();
                reader.stream().write_all(OK)?;
            }
            Ok(())
        })?;
        // Two connections that wait, both of which will break.
        let warm = [house.send("GET", "/open/warm")?, house.send("GET", "/open/warm")?];
        for mut client in warm {
            assert_eq!(client.reply()?.map(|reply| reply.status), Some(200));
        }
        assert_eq!(house.status(method, "/open/thing")?, 502);
        assert_eq!(told.try_iter().count(), sent, "{method}");
    }
    Ok(())
}

#[test]
fn a_permit_revoked_while_the_service_thinks_ends_the_wait() -> Result<()> {
    let (tell, told) = channel();
    let house = House::open(USUAL, move |_, reader| {
        reader.head()?;
        tell.send(())?;
        while reader.fill()? {}
        Ok(())
    })?;
    let mut client = house.send_as_alice("/guarded/a")?;
    told.recv_timeout(PATIENCE)?;
    house.revoke_alice()?;
    let reply = client.reply()?.context("expected an answer")?;
    assert_eq!(reply.status, 401);
    let id = reply.field("x-request-id").context("expected a request id")?;
    assert_eq!(house.ended(id)?, "revoked");
    Ok(())
}

#[test]
fn a_permit_revoked_while_an_answer_streams_cuts_it_off() -> Result<()> {
    let (act, told) = endless();
    let house = House::open(USUAL, act)?;
    let token = house.issuer.token("alice", "app", json!({}))?;
    let mut stream = TcpStream::connect(house.place.http())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "GET /guarded/a HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let id = told.recv_timeout(PATIENCE)?;
    house.revoke_alice()?;
    let mut buffer = vec![0; 1 << 16];
    // Ends with the connection: by its end or by a reset, but never by the chunk that ends a body.
    let mut last = Vec::new();
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        last = buffer.get(..read).unwrap_or_default().to_vec();
    }
    assert!(!last.ends_with(b"0\r\n\r\n"), "a cut answer must not look whole");
    assert_eq!(house.ended(&id)?, "revoked");
    Ok(())
}

#[test]
fn a_permit_revoked_while_the_caller_takes_nothing_ends_the_connection() -> Result<()> {
    let (act, told) = endless();
    let house = House::open(USUAL, act)?;
    let _silent = house.send_as_alice("/guarded/a")?;
    let id = told.recv_timeout(PATIENCE)?;
    house.revoke_alice()?;
    assert_eq!(house.ended(&id)?, "revoked");
    Ok(())
}

#[test]
fn a_caller_that_takes_nothing_gives_back_what_it_holds() -> Result<()> {
    let (act, told) = endless();
    let house = House::open(Setup { write_timeout: "300ms", connections: 1, ..USUAL }, act)?;
    let _silent = house.send("GET", "/open/a")?;
    let id = told.recv_timeout(PATIENCE)?;
    assert_eq!(house.status("GET", "/open/b")?, 200);
    assert_eq!(house.ended(&id)?, "client_gone");
    Ok(())
}

#[test]
fn a_request_waits_for_a_connection_no_longer_than_for_an_answer() -> Result<()> {
    let (act, told) = endless();
    let house = House::open(Setup { first_byte: "300ms", connections: 1, ..USUAL }, act)?;
    let _silent = house.send("GET", "/open/a")?;
    told.recv_timeout(PATIENCE)?;
    let reply = house.send("GET", "/open/b")?.reply()?.context("expected an answer")?;
    assert_eq!((reply.status, reply.field("retry-after")), (503, Some("1")));
    Ok(())
}

/// The key `a2V5`, accepted (RFC 6455 §4.2.2), in small letters.
const ACCEPTED: &str = "sec-websocket-accept: acomowsams4gzl5sy2uaf1804ga=\r\n";

/// A service that goes on as a WebSocket when it is asked to, and then says what it hears; it tells what it was asked.
fn echo() -> (impl Fn(usize, &mut Reader<TcpStream>) -> Result<()> + Send + Sync, Receiver<Asked>) {
    let (tell, told) = channel();
    let act = move |_: usize, reader: &mut Reader<TcpStream>| {
        let head = reader.head()?.context("expected a request")?;
        let asked = head.values("upgrade") == ["websocket"];
        let key = head.values("sec-websocket-key").concat();
        tell.send(Asked { id: head.values("x-request-id").concat(), websocket: asked, key })?;
        if !asked {
            return Ok(reader.stream().write_all(OK)?);
        }
        reader.stream().write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: acoMowsaMs4gzl5sy2uaF1804GA=\r\n\r\n",
        )?;
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

struct Asked {
    id: String,
    websocket: bool,
    key: String,
}

impl House {
    /// A wish to go on as a WebSocket, and the head of the answer to it.
    fn websocket(&self, target: &str, upgrade: &str) -> Result<(TcpStream, String)> {
        let token = self.issuer.token("alice", "app", json!({}))?;
        let mut stream = TcpStream::connect(self.place.http())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer {token}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: {upgrade}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a2V5\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0; 1];
            stream.read_exact(&mut byte)?;
            answer.extend(byte);
        }
        Ok((stream, String::from_utf8(answer)?.to_ascii_lowercase()))
    }
}

fn said_back(stream: &mut TcpStream, text: &str) -> Result<String> {
    stream.write_all(text.as_bytes())?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back)?;
    Ok(String::from_utf8(back)?)
}

#[test]
fn a_websocket_carries_bytes_both_ways_after_its_permit_and_is_on_record() -> Result<()> {
    let (act, told) = echo();
    let house = House::open(USUAL, act)?;
    let (mut socket, head) = house.websocket("/guarded/a", "WebSocket")?;
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    for field in ["connection: upgrade\r\n", "upgrade: websocket\r\n", ACCEPTED] {
        assert!(head.contains(field), "expected {field:?} in {head}");
    }
    let asked = told.recv_timeout(PATIENCE)?;
    assert!(asked.websocket && asked.key == "a2V5");
    assert_eq!(said_back(&mut socket, "ping")?, "ping");
    assert_eq!(said_back(&mut socket, "pong")?, "pong");
    drop(socket);
    assert_eq!(house.ended(&asked.id)?, "completed");
    Ok(())
}

#[test]
fn a_websocket_is_closed_within_a_second_of_its_revocation() -> Result<()> {
    let (act, told) = echo();
    let house = House::open(USUAL, act)?;
    let (mut socket, _) = house.websocket("/guarded/a", "websocket")?;
    let asked = told.recv_timeout(PATIENCE)?;
    assert_eq!(said_back(&mut socket, "ping")?, "ping");
    house.revoke_alice()?;
    let mut rest = Vec::new();
    // An end or a reset, but an end.
    let _ = socket.read_to_end(&mut rest);
    assert_eq!(rest, b"");
    assert_eq!(house.ended(&asked.id)?, "revoked");
    Ok(())
}

#[test]
fn a_websocket_where_nobody_speaks_is_closed_after_the_idle_time() -> Result<()> {
    let (act, told) = echo();
    let house = House::open(Setup { idle: "300ms", ..USUAL }, act)?;
    let (mut socket, _) = house.websocket("/guarded/a", "websocket")?;
    let asked = told.recv_timeout(PATIENCE)?;
    assert_eq!(said_back(&mut socket, "ping")?, "ping");
    assert_eq!(socket.read(&mut [0; 1])?, 0);
    assert_eq!(house.ended(&asked.id)?, "upstream_timed_out");
    Ok(())
}

#[test]
fn a_websocket_whose_caller_breaks_off_is_closed_although_its_service_is_silent() -> Result<()> {
    let (act, told) = echo();
    let (tell_end, end) = channel();
    let house = House::open(USUAL, move |number, reader| {
        let ended = act(number, reader);
        tell_end.send(())?;
        ended
    })?;
    let (mut socket, _) = house.websocket("/guarded/a", "websocket")?;
    let asked = told.recv_timeout(PATIENCE)?;
    assert_eq!(said_back(&mut socket, "ping")?, "ping");
    // What is closed so is reset.
    SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
    drop(socket);
    assert_eq!(house.ended(&asked.id)?, "client_gone");
    end.recv_timeout(PATIENCE)?;
    Ok(())
}

#[test]
fn a_route_that_does_not_say_so_and_other_protocols_get_no_upgrade() -> Result<()> {
    for (target, upgrade) in [("/open/a", "websocket"), ("/guarded/a", "h2c")] {
        let (act, told) = echo();
        let house = House::open(USUAL, act)?;
        let (_, head) = house.websocket(target, upgrade)?;
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        assert!(!told.recv_timeout(PATIENCE)?.websocket, "{upgrade}");
    }
    Ok(())
}

#[test]
fn a_websocket_that_is_denied_reaches_no_service() -> Result<()> {
    let (act, told) = echo();
    let house = House::open(USUAL, act)?;
    house.revoke_alice()?;
    clock::until("the revocation", PATIENCE, || {
        let (_, head) = house.websocket("/guarded/a", "websocket")?;
        Ok(head.starts_with("http/1.1 401 ").then_some(()))
    })?;
    told.try_iter().for_each(drop);
    let (_, head) = house.websocket("/guarded/a", "websocket")?;
    assert!(head.starts_with("http/1.1 401 ") && told.try_recv().is_err(), "{head}");
    Ok(())
}

#[test]
fn an_endpoint_that_is_still_busy_is_passed_over_for_one_that_is_not() -> Result<()> {
    let (act, told) = endless();
    let quick = Acting::start(|_, reader| answer_all(reader))?;
    let house = House::open_beside(USUAL, act, Some(quick.address()))?;
    let mut silent = Vec::new();
    clock::until("a request at the busy endpoint", PATIENCE, || {
        silent.push(house.send("GET", "/open/a")?);
        Ok(told.recv_timeout(Duration::from_millis(100)).ok())
    })?;
    for _ in 0..30 {
        assert_eq!(house.status("GET", "/open/b")?, 200);
    }
    assert_eq!(house.service.connections(), 1);
    Ok(())
}

#[test]
fn a_protocol_that_nobody_asked_for_is_a_bad_gateway() -> Result<()> {
    let house = House::open(USUAL, |_, reader| {
        reader.head()?;
        reader.stream().write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: evil\r\n\r\n",
        )?;
        Ok(())
    })?;
    assert_eq!(house.status("GET", "/open/a")?, 502);
    Ok(())
}

#[test]
fn a_websocket_that_answers_another_key_or_none_is_a_bad_gateway() -> Result<()> {
    for accept in ["", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"] {
        let house = House::open(USUAL, move |_, reader| {
            reader.head()?;
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n{accept}\r\n"
            );
            reader.stream().write_all(head.as_bytes())?;
            while reader.fill()? {}
            Ok(())
        })?;
        let (_, head) = house.websocket("/guarded/a", "websocket")?;
        assert!(head.starts_with("http/1.1 502 "), "{accept}: {head}");
    }
    Ok(())
}

#[test]
fn a_connection_that_nothing_needs_is_closed() -> Result<()> {
    for (idle, moved) in [("200ms", false), ("60s", true)] {
        let (tell, told) = channel();
        let house = House::open(Setup { idle, ..USUAL }, move |_, reader| {
            answer_all(reader)?;
            Ok(tell.send(())?)
        })?;
        assert_eq!(house.status("GET", "/open/a")?, 200);
        if moved {
            configure(&house.place, house.setup, "127.0.0.1:1", "")?;
            house.gateway.reload()?;
        }
        told.recv_timeout(PATIENCE)?;
    }
    Ok(())
}

#[test]
fn a_connection_that_may_become_http2_has_no_longer_than_any_other() -> Result<()> {
    let house = House::open(USUAL, |_, reader| answer_all(reader))?;
    for begun in ["P", "PRI * HTTP/2.0\r\n", "G"] {
        let mut stream = TcpStream::connect(house.place.http())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(begun.as_bytes())?;
        // After `header_timeout`, and not `idle_timeout`. What was not read makes the end a reset.
        let end = stream.read(&mut [0; 1]).map_err(|error| error.kind());
        assert!(matches!(end, Ok(0) | Err(ErrorKind::ConnectionReset)), "{begun:?}: {end:?}");
    }
    let mut late = TcpStream::connect(house.place.http())?;
    for part in ["P", "OST /open/a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n"] {
        late.write_all(part.as_bytes())?;
        clock::let_pass(Duration::from_millis(20));
    }
    let mut answer = [0; 12];
    late.read_exact(&mut answer)?;
    assert_eq!(&answer, b"HTTP/1.1 200");
    Ok(())
}

#[test]
fn a_connection_that_has_said_nothing_holds_up_no_end() -> Result<()> {
    let house = House::open(USUAL, |_, reader| answer_all(reader))?;
    let _silent = TcpStream::connect(house.place.http())?;
    assert_eq!(house.status("GET", "/open/a")?, 200);
    let watch = clock::Stopwatch::start();
    house.gateway.stop()?;
    // `drain` is 30 s, of which nothing is needed.
    assert!(watch.elapsed() < Duration::from_secs(10), "{:?}", watch.elapsed());
    Ok(())
}

#[test]
fn a_caller_that_leaves_has_its_request_ended_on_record() -> Result<()> {
    let (tell, told) = channel();
    let house = House::open(USUAL, move |_, reader| {
        let head = reader.head()?.context("expected a request")?;
        tell.send(head.values("x-request-id").concat())?;
        while reader.fill()? {}
        Ok(())
    })?;
    let client = house.send("GET", "/open/a")?;
    let id = told.recv_timeout(PATIENCE)?;
    client.close();
    assert_eq!(house.ended(&id)?, "client_gone");
    Ok(())
}

#[test]
fn an_upload_that_stalls_is_its_callers_doing_and_not_its_endpoints() -> Result<()> {
    let house =
        House::open(Setup { first_byte: "300ms", ..USUAL }, |_, reader| answer_all(reader))?;
    for _ in 0..6 {
        let mut client = house.connect()?;
        client.send(b"POST /open/a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 9\r\n\r\nsome")?;
        let reply = client.reply()?.context("expected an answer")?;
        assert_eq!(reply.status, 408);
        let id = reply.field("x-request-id").context("expected an id")?;
        assert_eq!(house.ended(id)?, "completed");
    }
    let ready = testbed::client::get(house.place.admin(), "/readyz")?.text();
    assert!(ready.contains("\"endpoints_up\": 1"), "{ready}");
    Ok(())
}

#[test]
fn only_http2_is_answered_as_grpc() -> Result<()> {
    let house = House::open(USUAL, |_, reader| answer_all(reader))?;
    let mut client = house.connect()?;
    client.send(
        b"GET /guarded/a HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/grpc\r\n\r\n",
    )?;
    let reply = client.reply()?.context("expected an answer")?;
    assert_eq!((reply.status, reply.field("grpc-status")), (401, None));
    Ok(())
}
