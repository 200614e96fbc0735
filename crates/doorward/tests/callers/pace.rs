//! Callers who are slow to send, and callers who are slow to take.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::Request;
use testbed::message::{Reader, Unframed};
use testbed::{Client, clock};
use tokio::time::timeout;

use super::house::{House, OK, PATIENCE};

/// Answers every request once it was read whole.
fn answer_all(_: usize, reader: &mut Reader<TcpStream>) -> Result<()> {
    while let Some(head) = reader.head()? {
        reader.body(head, Unframed::Empty)?;
        reader.stream().write_all(OK)?;
    }
    Ok(())
}

/// Answers every request with so many bytes, as fast as they are taken.
fn answer_with(
    bytes: usize,
) -> impl Fn(usize, &mut Reader<TcpStream>) -> Result<()> + Send + Sync + 'static {
    move |_, reader| {
        while reader.head()?.is_some() {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n");
            reader.stream().write_all(&[head.as_bytes(), &vec![b'x'; bytes]].concat())?;
        }
        Ok(())
    }
}

fn upload(house: &House, path: &str) -> Result<Client> {
    let mut client = Client::connect(house.place.http())?;
    let head = format!("POST {path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\n");
    client.send(head.as_bytes())?;
    Ok(client)
}

#[test]
fn an_upload_that_trickles_is_answered_with_408_unless_its_route_is_patient() -> Result<()> {
    let house = House::open("body_rate: 240B", "", answer_all)?;
    let (mut slow, mut patient) = (upload(&house, "/open/a")?, upload(&house, "/patient/a")?);
    let watch = clock::Stopwatch::start();
    let mut sent = 0;
    // A byte at a time, far within `idle`: for longer than the pace is averaged over.
    while watch.elapsed() < Duration::from_secs(12) {
        let _ = slow.send(b"x");
        patient.send(b"x")?;
        sent += 1;
        clock::let_pass(Duration::from_millis(100));
    }
    let reply = slow.reply()?.context("expected an answer")?;
    ensure!(reply.status == 408, "got {} {}", reply.status, reply.text());
    let id = reply.field("x-request-id").context("expected an id")?;
    assert_eq!(house.ended(id)?, "completed");
    patient.send(&vec![b'x'; 100_000 - sent])?;
    assert_eq!(patient.reply()?.map(|reply| reply.status), Some(200));
    Ok(())
}

#[test]
fn an_upload_that_pauses_for_too_long_is_not_its_services_fault() -> Result<()> {
    let house = House::open("body_rate: 0B", "idle: 300ms", answer_all)?;
    let mut slow = upload(&house, "/open/a")?;
    slow.send(b"some")?;
    let reply = slow.reply()?.context("expected an answer")?;
    ensure!(reply.status == 408, "got {} {}", reply.status, reply.text());
    let up = r#"doorward_endpoint_up{service="app",endpoint=""#;
    let page = testbed::client::get(house.place.admin(), "/metrics")?.text();
    let line = page.lines().find(|line| line.starts_with(up)).context("expected the endpoint")?;
    assert!(line.ends_with(" 1"), "{line}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_of_http2_that_takes_a_little_at_a_time_is_not_cut_off() -> Result<()> {
    const BYTES: usize = 480 << 10;
    let house = House::open("write_timeout: 1s", "", answer_with(BYTES))?;
    let mut client = house.http2(16 << 10).await?;
    let request = Request::get("http://app.test/open/a").body(())?;
    let (answer, _) = client.send_request(request, true)?;
    let mut body = answer.await?.into_body();
    let mut taken = 0;
    // Thirty windows, each well within `write_timeout`, all of them well beyond it.
    while let Some(bytes) = timeout(PATIENCE, body.data()).await? {
        let bytes = bytes.with_context(|| format!("cut off after {taken} bytes"))?;
        taken += bytes.len();
        if taken % (16 << 10) == 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        body.flow_control().release_capacity(bytes.len())?;
    }
    assert_eq!(taken, BYTES);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_of_http2_that_takes_nothing_is_cut_off() -> Result<()> {
    let house = House::open("write_timeout: 300ms", "", answer_with(480 << 10))?;
    let mut client = house.http2(16 << 10).await?;
    let request = Request::get("http://app.test/open/a").body(())?;
    let answer = client.send_request(request, true)?.0.await?;
    let id = answer.headers().get("x-request-id").context("expected an id")?.to_str()?;
    assert_eq!(house.ended(id)?, "client_gone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tail_of_an_answer_outlives_the_end_of_doorward() -> Result<()> {
    // More than the window, which HTTP/2 keeps for the caller.
    const BYTES: usize = 16_000;
    let house = House::open("drain: 30s", "", answer_with(BYTES))?;
    let mut client = house.http2(10_000).await?;
    let request = Request::get("http://app.test/open/a").body(())?;
    let answer = client.send_request(request, true)?.0.await?;
    let id = answer.headers().get("x-request-id").context("expected an id")?.to_str()?.to_owned();
    assert_eq!(house.ended(&id)?, "completed");
    let House { gateway, service, place, .. } = house;
    let stopping = std::thread::spawn(move || gateway.stop());
    // Longer than callers with nothing under way are waited for.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut body = answer.into_body();
    let mut taken = 0;
    while let Some(bytes) = timeout(PATIENCE, body.data()).await? {
        let bytes = bytes.with_context(|| format!("cut off after {taken} bytes"))?;
        taken += bytes.len();
        body.flow_control().release_capacity(bytes.len())?;
    }
    assert_eq!(taken, BYTES);
    drop((client, body));
    stopping.join().map_err(|_| anyhow::anyhow!("stopping panicked"))??;
    drop((service, place));
    Ok(())
}
