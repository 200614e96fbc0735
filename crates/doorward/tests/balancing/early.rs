//! Endpoints that do not read an upload to its end.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use testbed::{Acting, Client};

use super::{House, OK, endpoints};

/// More than the system buffers between Doorward and an endpoint (tcp_wmem and tcp_rmem are 4 and 6 MiB at most, or a few
/// times that), so that no upload is ever sent whole.
const LARGE: usize = 64 << 20;
/// How often it is tried: which side comes first differs.
const OFTEN: usize = 20;
const TOO_LARGE: &[u8] =
    b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// An endpoint that answers an upload with `answer` before it has read it, and closes; everything else it answers well.
fn impatient(answer: &'static [u8]) -> Result<Acting> {
    Acting::start(move |_, reader| {
        while let Some(head) = reader.head()? {
            if head.first_line.starts_with("POST") {
                return Ok(reader.stream().write_all(answer)?);
            }
            reader.stream().write_all(OK)?;
        }
        Ok(())
    })
}

/// The statuses of as many uploads, each once.
fn uploads(house: &House) -> Result<Vec<u16>> {
    let head = format!(
        "POST /thing HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nContent-Length: {LARGE}\r\n\r\n"
    );
    let upload = [head.as_bytes(), &vec![b'x'; LARGE]].concat();
    let mut statuses = Vec::new();
    for _ in 0..OFTEN {
        let mut client = Client::connect(house.place.http())?;
        // Nor does Doorward read to its end what is answered before.
        let _ = client.send(&upload);
        let reply = client.reply_to("POST")?;
        statuses.push(reply.context("the connection was closed without an answer")?.status);
    }
    statuses.dedup();
    Ok(statuses)
}

#[test]
fn what_is_answered_before_an_upload_was_read_is_passed_on() -> Result<()> {
    let service = impatient(TOO_LARGE)?;
    let house = House::open(&endpoints(&[service.address()]))?;
    assert_eq!(uploads(&house)?, [413]);
    house.until_up("\"endpoints_up\": 1")
}

#[test]
fn an_endpoint_that_closes_on_uploads_is_held_to_no_more_than_bad_answers() -> Result<()> {
    let all = [impatient(b"")?, impatient(b"")?, impatient(b"")?];
    let house = |errors: u32| {
        let ejection = format!("    ejection: {{ errors: {errors}, at_most: 50 }}\n");
        House::open(&(endpoints(&all.each_ref().map(Acting::address)) + &ejection))
    };
    let forgiving = house(0)?;
    assert_eq!(uploads(&forgiving)?, [502]);
    forgiving.until_up("\"endpoints_up\": 3")?;
    let strict = house(2)?;
    assert_eq!(uploads(&strict)?, [502]);
    let page = testbed::client::get(strict.place.admin(), "/readyz")?.text();
    // Half of three at most rest.
    let up = ["\"endpoints_up\": 2", "\"endpoints_up\": 3"].iter().any(|up| page.contains(up));
    assert!(up, "{page}");
    Ok(())
}
