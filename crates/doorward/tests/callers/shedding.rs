//! More requests than may be under way.

use std::io::Write as _;
use std::sync::mpsc::channel;

use anyhow::{Context as _, Result, ensure};
use http::Request;
use testbed::message::Unframed;
use testbed::{Client, audit, client, clock};
use tokio::time::timeout;

use super::house::{House, OK, PATIENCE};

#[test]
fn what_is_beyond_the_requests_under_way_is_turned_away_at_once_and_unjudged() -> Result<()> {
    let (tell, told) = channel();
    let (release, released) = channel::<()>();
    let released = std::sync::Mutex::new(released);
    let house = House::open("requests: 2", "", move |_, reader| {
        while reader.head()?.is_some() {
            tell.send(())?;
            let wait = released.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            wait.recv()?;
            drop(wait);
            reader.stream().write_all(OK)?;
        }
        Ok(())
    })?;
    let send = |path: &str, more: &str| -> Result<Client> {
        let mut client = Client::connect(house.place.http())?;
        client.send(format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n{more}\r\n").as_bytes())?;
        Ok(client)
    };
    let mut held = [send("/open/a", "")?, send("/open/b", "")?];
    for _ in &held {
        told.recv_timeout(PATIENCE)?;
    }
    let reply = send("/open/c", "")?.reply()?.context("expected an answer")?;
    assert_eq!((reply.status, reply.field("retry-after")), (503, Some("1")));
    let reply = send("/nowhere", "")?.reply()?.context("expected an answer")?;
    assert_eq!(reply.status, 503, "whether it would be judged or not");
    assert_eq!(house.count("doorward_requests_shed_total")?, 2);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(client::get(house.place.admin(), path)?.status, 200, "{path}");
    }
    for client in &mut held {
        release.send(())?;
        let _ = client;
    }
    for client in &mut held {
        assert_eq!(client.reply()?.map(|reply| reply.status), Some(200));
    }
    release.send(())?;
    // A place is free when an answer was written, which its caller may see a moment earlier.
    clock::until("a place", PATIENCE, || {
        let reply = send("/open/d", "")?.reply()?.context("expected an answer")?;
        Ok((reply.status == 200).then_some(()))
    })?;
    let records = audit::records(&house.place.path("audit"))?;
    let decided = records.iter().filter(|record| {
        record.pointer("/unmapped/doorward/record").and_then(|one| one.as_str()) == Some("decision")
    });
    assert_eq!(decided.count(), 3, "expected no record of what was not decided");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_our_own_that_waits_for_its_caller_takes_nobodys_place_and_ends() -> Result<()>
{
    let house = House::open("requests: 2", "", |_, reader| {
        while let Some(head) = reader.head()? {
            reader.body(head, Unframed::Empty)?;
            reader.stream().write_all(OK)?;
        }
        Ok(())
    })?;
    let mut attacker = house.http2(0).await?;
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let request = Request::get("http://app.test/nowhere").body(())?;
        let answer = attacker.send_request(request, true)?.0.await?;
        assert_eq!(answer.status(), 404);
        waiting.push(answer.into_body());
    }
    let mut client = Client::connect(house.place.http())?;
    client.send(b"GET /open/a HTTP/1.1\r\nHost: app.test\r\n\r\n")?;
    assert_eq!(client.reply()?.map(|reply| reply.status), Some(200));
    assert_eq!(house.count("doorward_requests_shed_total")?, 0);
    for mut body in waiting {
        // Far less than `write_timeout`.
        let end = timeout(PATIENCE, body.data()).await?.context("expected a reset")?;
        ensure!(end.is_err_and(|error| error.is_reset()), "expected a reset");
    }
    Ok(())
}
