//! Raw frames of HTTP/2, sent over a socket to the real binary, with a service of HTTP/1.1 behind it that records every
//! byte: what could become another request on the way down, or too much, is refused.

#[path = "frames/floods.rs"]
mod floods;
#[path = "frames/table.rs"]
mod table;
#[path = "frames/wire.rs"]
mod wire;

use anyhow::{Result, ensure};

use table::table;
use testbed::{audit, client, clock};
use wire::{
    DATA, END_HEADERS, END_STREAM, Either, HEADERS, House, PATIENCE, Refused, Served, frame, get,
    get_in_parts, with,
};

#[test]
fn what_could_become_another_request_on_the_way_down_is_refused() -> Result<()> {
    let house = House::open()?;
    let mut wrong = Vec::new();
    for (name, frames, expected) in table() {
        let fate = house.fate(&frames)?;
        let log = house.service.take();
        let seen: Vec<_> = log.requests.iter().map(|seen| seen.target().to_owned()).collect();
        // A service may see the beginning of a request whose body turns out to be another than was told.
        let stray = log.stray.len();
        let only_ours = seen.iter().all(|target| target == "/open/a") && seen.len() + stray <= 1;
        let as_expected = match expected {
            Served => fate == Served && seen.len() == 1,
            Refused => fate == Refused && seen.is_empty(),
            Either => true,
        };
        if !only_ours || !as_expected {
            wrong.push(format!("{name}: {fate:?}, the service saw {seen:?} and {stray} strays"));
        }
        ensure!(house.fate(&get(&[]))? == Served, "{name}: the next request is not served");
        let _ = house.service.take();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    house.gateway.stop()
}

#[test]
fn what_http2_itself_refuses_is_counted_and_on_record() -> Result<()> {
    let long = "x".repeat(14_000);
    for (frames, what, status) in [
        (with(":scheme", None), "request", 400),
        (get(&[("X-A", "1")]), "connection", 400),
        (get_in_parts(&long), "head", 431),
        (frame(DATA, END_STREAM, 0, b"body"), "connection", 400),
        (
            frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
            "connection",
            400,
        ),
    ] {
        let house = House::open()?;
        house.fate(&frames)?;
        let counted = format!("doorward_http2_refused_total{{what=\"{what}\"}} 1");
        clock::until(&counted, PATIENCE, || {
            let page = client::get(house.place.admin(), "/metrics")?.text();
            Ok(page.lines().any(|line| line == counted).then_some(()))
        })?;
        let refused = clock::until("the record", PATIENCE, || {
            Ok(audit::decisions(&house.place.path("audit"))?.first().cloned())
        })?;
        assert_eq!((refused.allowed, refused.refused), (false, Some(status)), "{what}");
        house.gateway.stop()?;
        assert!(house.service.take().requests.is_empty());
    }
    Ok(())
}
