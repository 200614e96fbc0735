//! Interim answers (1xx), which may come before an answer: a few do, and some endpoints go on with them.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use testbed::{Acting, Client, audit, clock};

use super::{House, OK, PATIENCE, endpoints};

/// The most that are waited through.
const MOST: usize = 32;
const EARLY_HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// An endpoint that answers `/early/` and a number after so many interim answers, `/flood` with nothing else, and
/// everything else at once.
fn talkative() -> Result<Acting> {
    Acting::start(|_, reader| {
        let flood = CONTINUE.repeat(10_000);
        while let Some(head) = reader.head()? {
            let target = head.first_line.split(' ').nth(1).unwrap_or_default();
            if target == "/flood" {
                loop {
                    reader.stream().write_all(&flood)?;
                }
            }
            let early = target.strip_prefix("/early/").map_or(Ok(0), str::parse)?;
            let answer = [EARLY_HINTS.repeat(early).as_slice(), OK].concat();
            reader.stream().write_all(&answer)?;
        }
        Ok(())
    })
}

fn ask(house: &House, target: &str) -> Result<Client> {
    let mut client = Client::connect(house.place.http())?;
    let head = format!("GET {target} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    client.send(head.as_bytes())?;
    Ok(client)
}

fn status(house: &House, target: &str) -> Result<u16> {
    Ok(ask(house, target)?.reply()?.context("expected an answer")?.status)
}

#[test]
fn a_few_interim_answers_are_waited_through_and_one_more_is_a_bad_answer() -> Result<()> {
    let service = talkative()?;
    let house = House::open(&endpoints(&[service.address()]))?;
    for early in [0, 1, 2, MOST, 1, MOST] {
        assert_eq!(status(&house, &format!("/early/{early}"))?, 200, "after {early}");
    }
    let mut client = ask(&house, &format!("/early/{}", MOST + 1))?;
    let reply = client.reply()?.context("expected an answer")?;
    assert_eq!(reply.status, 502);
    assert!(reply.text().contains("too many interim answers"), "{}", reply.text());
    let id = reply.field("x-request-id").context("expected an id")?.to_owned();
    let ended =
        clock::until("the outcome", PATIENCE, || audit::ended(&house.place.path("audit"), &id))?;
    assert_eq!(ended, "upstream_failed");
    // It is held against its endpoint no more than any other bad answer.
    house.until_up("\"endpoints_up\": 1")?;
    Ok(())
}

#[test]
fn an_endpoint_that_goes_on_with_interim_answers_takes_nothing_from_others() -> Result<()> {
    let (good, bad) = (talkative()?, talkative()?);
    let services = format!(
        "{}  bad:\n    audience: bad\n{}    timeouts: {{ first_byte: 3s }}\n",
        endpoints(&[good.address()]),
        endpoints(&[bad.address()])
    );
    let route = "  - name: flood
    match: { host: \"*\", path: /flood, methods: [GET] }
    service: bad
    allow: [{ anyone: true }]
";
    let house = House::open_with(&services, "", route)?;
    for _ in 0..3 {
        let mut floods = [ask(&house, "/flood")?, ask(&house, "/flood")?];
        let others = house.statuses("GET", "", 20)?;
        assert_eq!(others, [(200, 20)]);
        for flood in &mut floods {
            assert_eq!(flood.reply()?.map(|reply| reply.status), Some(502));
        }
    }
    Ok(())
}
