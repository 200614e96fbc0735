//! More connections than may be open.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::Request;
use testbed::message::{Reader, Unframed};
use testbed::{Client, clock};

use super::house::{House, OK, PATIENCE};

/// As many as may be open.
const MOST: usize = 10;
const LIMITS: &str = "connections: 10";
/// Longer than a connection must have been idle to give way.
const IDLE: Duration = Duration::from_millis(1_100);
/// Within this, connections that give way are closed.
const CLOSED: Duration = Duration::from_secs(2);

/// How HTTP/2 begins, with settings that change nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const GOAWAY: u8 = 7;

/// Answers every request once it was read whole.
fn answer_all(_: usize, reader: &mut Reader<TcpStream>) -> Result<()> {
    while let Some(head) = reader.head()? {
        reader.body(head, Unframed::Empty)?;
        reader.stream().write_all(OK)?;
    }
    Ok(())
}

fn connect(house: &House) -> Result<Client> {
    Client::connect(house.place.http())
}

fn is_answered(client: &mut Client) -> Result<bool> {
    // What was closed cannot be asked.
    if client.send(b"GET /open/a HTTP/1.1\r\nHost: app.test\r\n\r\n").is_err() {
        return Ok(false);
    }
    Ok(client.reply()?.is_some_and(|reply| reply.status == 200))
}

/// A connection with a request under way, until it is sent the last byte of its body.
fn at_work(house: &House) -> Result<Client> {
    let mut client = connect(house)?;
    client.send(b"POST /open/a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nx")?;
    Ok(client)
}

fn are_open(house: &House, many: usize) -> Result<()> {
    clock::until("the connections", PATIENCE, || {
        Ok((house.count("doorward_connections")? == many as u64).then_some(()))
    })
}

#[test]
fn the_connection_that_has_been_idle_longest_gives_way_to_a_new_one() -> Result<()> {
    let house = House::open(LIMITS, "", answer_all)?;
    let mut at_work = at_work(&house)?;
    let (mut asked, mut silent) = (connect(&house)?, connect(&house)?);
    ensure!(is_answered(&mut asked)?);
    let mut others = (3..MOST).map(|_| connect(&house)).collect::<Result<Vec<_>>>()?;
    are_open(&house, MOST)?;
    clock::let_pass(IDLE);
    // From here on it is the one that has been idle for the shortest time.
    ensure!(is_answered(&mut asked)?);
    ensure!(is_answered(&mut connect(&house)?)?, "expected a place for the new one");
    assert_eq!(silent.reply()?.map(|reply| reply.status), None, "expected it to be closed");
    ensure!(is_answered(&mut asked)?);
    for other in &mut others {
        ensure!(is_answered(other)?, "expected the others to be open");
    }
    at_work.send(b"x")?;
    assert_eq!(at_work.reply()?.map(|reply| reply.status), Some(200));
    assert_eq!(house.count("doorward_connections_evicted_total")?, 1);
    assert_eq!(house.count("doorward_connections_refused_total")?, 0);
    Ok(())
}

#[test]
fn a_new_connection_waits_until_one_has_been_idle_for_a_second() -> Result<()> {
    let house = House::open(LIMITS, "", answer_all)?;
    let all = (0..MOST).map(|_| connect(&house)).collect::<Result<Vec<_>>>()?;
    are_open(&house, MOST)?;
    let mut late = (0..MOST).map(|_| connect(&house)).collect::<Result<Vec<_>>>()?;
    for client in &mut late {
        ensure!(is_answered(client)?, "expected a place in the end");
    }
    assert_eq!(house.count("doorward_connections_evicted_total")?, MOST as u64);
    assert_eq!(house.count("doorward_connections_refused_total")?, 0);
    drop(all);
    Ok(())
}

#[test]
fn no_connection_with_a_request_under_way_gives_way() -> Result<()> {
    let house = House::open(LIMITS, "", answer_all)?;
    let mut all = (0..MOST).map(|_| at_work(&house)).collect::<Result<Vec<_>>>()?;
    clock::until("the requests", PATIENCE, || {
        Ok((house.count("doorward_requests_in_flight")? == MOST as u64).then_some(()))
    })?;
    clock::let_pass(IDLE);
    ensure!(!is_answered(&mut connect(&house)?)?, "expected no place for the new one");
    for client in &mut all {
        client.send(b"x")?;
        assert_eq!(client.reply()?.map(|reply| reply.status), Some(200));
    }
    assert_eq!(house.count("doorward_connections_evicted_total")?, 0);
    assert_eq!(house.count("doorward_connections_refused_total")?, 1);
    Ok(())
}

#[test]
fn a_head_that_does_not_end_gives_way_and_so_does_one_that_has_not_begun() -> Result<()> {
    let house = House::open(LIMITS, "", answer_all)?;
    let mut all = (0..MOST).map(|_| connect(&house)).collect::<Result<Vec<_>>>()?;
    let (slow, _) = all.split_at_mut(MOST / 2);
    for client in slow {
        client.send(b"GET /open/a HT")?;
    }
    are_open(&house, MOST)?;
    clock::let_pass(IDLE);
    let mut new = (0..MOST).map(|_| connect(&house)).collect::<Result<Vec<_>>>()?;
    for client in &mut new {
        ensure!(is_answered(client)?, "expected a place for each new one");
    }
    assert_eq!(house.count("doorward_connections_evicted_total")?, MOST as u64);
    are_open(&house, MOST)
}

#[test]
fn a_connection_of_http2_without_requests_is_told_that_it_ends() -> Result<()> {
    let house = House::open(LIMITS, "", answer_all)?;
    let mut idle = TcpStream::connect(house.place.http())?;
    idle.set_read_timeout(Some(PATIENCE))?;
    idle.write_all(PREFACE)?;
    are_open(&house, 1)?;
    let others = (1..MOST).map(|_| connect(&house)).collect::<Result<Vec<_>>>()?;
    are_open(&house, MOST)?;
    clock::let_pass(IDLE);
    ensure!(is_answered(&mut connect(&house)?)?, "expected a place for the new one");
    let mut said = Vec::new();
    idle.read_to_end(&mut said)?;
    let mut rest = said.as_slice();
    let mut types = Vec::new();
    while let [a, b, c, kind, more @ ..] = rest {
        types.push(*kind);
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        rest = more.get(5 + length..).context("expected whole frames")?;
    }
    ensure!(types.contains(&GOAWAY), "got frames of the types {types:?}");
    drop(others);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_does_not_take_an_answer_of_our_own_gives_way() -> Result<()> {
    let house = House::open(LIMITS, "", answer_all)?;
    let mut waiting = Vec::new();
    for _ in 0..MOST {
        let mut attacker = house.http2(0).await?;
        let request = Request::get("http://app.test/nowhere").body(())?;
        let answer = attacker.send_request(request, true)?.0.await?;
        assert_eq!(answer.status(), 404);
        waiting.push((attacker, answer));
    }
    are_open(&house, MOST)?;
    clock::let_pass(IDLE);
    let watch = clock::Stopwatch::start();
    let mut new = (0..MOST).map(|_| connect(&house)).collect::<Result<Vec<_>>>()?;
    for client in &mut new {
        ensure!(is_answered(client)?, "expected a place for each new one");
    }
    assert_eq!(house.count("doorward_connections_evicted_total")?, MOST as u64);
    are_open(&house, MOST)?;
    ensure!(watch.elapsed() < CLOSED, "expected the old ones to be closed, not waited for");
    Ok(())
}
