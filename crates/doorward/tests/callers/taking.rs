//! Callers who take what they are sent in trickles.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::Request;
use socket2::{Domain, Socket, Type};
use testbed::clock;
use testbed::message::Reader;

use super::house::House;

/// More than all buffers on the way take.
const LARGE: usize = 32 << 20;
/// What is read of a service at once, and so can wait for its caller when nothing is being answered any more.
const TAIL: usize = 90 << 10;
/// Longer than the pace is averaged over.
const SILENCE: Duration = Duration::from_secs(25);
/// Within this, who takes too little is let go.
const LET_GO: Duration = Duration::from_secs(45);
/// What the system takes for a caller that takes little.
const SMALL_BUFFER: usize = 4 << 10;

/// Answers with much at once, or, where `/events` is asked for, with little and a long silence.
fn answer(_: usize, reader: &mut Reader<TcpStream>) -> Result<()> {
    while let Some(head) = reader.head()? {
        let mut stream = reader.stream();
        if head.first_line.contains("/events") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")?;
            clock::let_pass(SILENCE);
            stream.write_all(b"1\r\ny\r\n0\r\n\r\n")?;
        } else {
            let bytes = if head.first_line.contains("/tail") { TAIL } else { LARGE };
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n")?;
            stream.write_all(&vec![b'x'; bytes])?;
        }
    }
    Ok(())
}

fn narrow(house: &House) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(SMALL_BUFFER)?;
    socket.connect(&house.place.http().into())?;
    Ok(socket.into())
}

/// The id of the request whose answer's head is in `text`.
fn id_in(text: &str) -> Result<String> {
    let lower = text.to_ascii_lowercase();
    let line = lower.lines().find_map(|line| line.strip_prefix("x-request-id: "));
    let length = line.context("expected an id")?.len();
    let at = lower.find("x-request-id: ").context("expected an id")? + "x-request-id: ".len();
    Ok(text.get(at..at + length).context("expected an id")?.to_owned())
}

#[test]
fn who_takes_an_answer_in_trickles_is_let_go_and_who_takes_it_steadily_is_not() -> Result<()> {
    let house = House::open("answer_rate: 240B", "", answer)?;
    let mut slow = narrow(&house)?;
    slow.write_all(b"GET /open/slow HTTP/1.1\r\nHost: app.test\r\n\r\n")?;
    let mut head = [0; 1024];
    let read = slow.read(&mut head)?;
    let id = id_in(&String::from_utf8_lossy(head.get(..read).unwrap_or_default()))?;
    let mut brisk = narrow(&house)?;
    brisk.write_all(b"GET /open/brisk HTTP/1.1\r\nHost: app.test\r\n\r\n")?;
    clock::until("the requests", LET_GO, || {
        Ok((house.count("doorward_requests_in_flight")? == 2).then_some(()))
    })?;
    let watch = clock::Stopwatch::start();
    let mut buffer = vec![0; 16 << 10];
    while house.count("doorward_requests_in_flight")? == 2 {
        ensure!(watch.elapsed() < LET_GO, "expected the slow one to be let go");
        let _ = slow.read(&mut [0]);
        ensure!(brisk.read(&mut buffer)? > 0, "expected the brisk one to be served");
        clock::let_pass(Duration::from_millis(100));
    }
    ensure!(watch.elapsed() >= Duration::from_secs(15), "let go after {:?}", watch.elapsed());
    assert_eq!(house.ended(&id)?, "client_gone");
    ensure!(brisk.read(&mut buffer)? > 0, "expected the brisk one to be served");
    Ok(())
}

#[test]
fn an_answer_whose_service_is_silent_is_waited_for() -> Result<()> {
    let house = House::open("answer_rate: 1MiB", "", answer)?;
    let mut events = TcpStream::connect(house.place.http())?;
    events.set_read_timeout(Some(LET_GO))?;
    let ask = "GET /open/events HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n";
    events.write_all(ask.as_bytes())?;
    let mut text = String::new();
    events.read_to_string(&mut text)?;
    ensure!(text.ends_with("1\r\ny\r\n0\r\n\r\n"), "got {text}");
    Ok(())
}

#[test]
fn the_last_of_an_answer_is_waited_for_longer_than_an_idle_connection() -> Result<()> {
    let idle = Duration::from_millis(300);
    let house = House::open("idle_timeout: 300ms", "", answer)?;
    let mut slow = narrow(&house)?;
    slow.write_all(b"GET /open/tail HTTP/1.1\r\nHost: app.test\r\n\r\n")?;
    let mut answer = vec![0; 1024];
    let read = slow.read(&mut answer)?;
    answer.truncate(read);
    let head = String::from_utf8_lossy(&answer).into_owned();
    assert_eq!(house.ended(&id_in(&head)?)?, "completed");
    // Nothing is answered any more, and the caller takes nothing.
    clock::let_pass(5 * idle);
    let began = head.find("\r\n\r\n").context("expected a whole head")? + 4;
    let mut rest = vec![0; TAIL - (read - began)];
    slow.read_exact(&mut rest)?;
    let taken = clock::Stopwatch::start();
    ensure!(slow.read(&mut [0])? == 0, "expected the connection to end");
    ensure!(taken.elapsed() >= idle / 2, "ended {:?} after its answer", taken.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_http2_whose_caller_takes_too_little_is_let_go() -> Result<()> {
    let house = House::open("answer_rate: 240B", "", answer)?;
    let mut client = house.http2(16 << 10).await?;
    let request = Request::get("http://app.test/open/a").body(())?;
    let answer = client.send_request(request, true)?.0.await?;
    let id = answer.headers().get("x-request-id").context("expected an id")?.to_str()?.to_owned();
    // Far less than `write_timeout`.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(house.count("doorward_requests_in_flight")?, 1);
    assert_eq!(house.ended(&id)?, "client_gone");
    Ok(())
}
