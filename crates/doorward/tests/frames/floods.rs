//! Too much of what is allowed: each flood is cut off or costs nothing, and the next caller is served.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use anyhow::{Context as _, Result, ensure};

use super::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, HEADERS, House, PING, PRIORITY, RST_STREAM,
    SETTINGS, Served, WINDOW_UPDATE, block, frame, get,
};

#[test]
fn a_caller_that_resets_what_it_asks_for_is_sent_away() -> Result<()> {
    let house = House::open()?;
    let mut stream = house.connect()?;
    let pairs = (0..2000).flat_map(|number| {
        let stream = number * 2 + 1;
        [
            frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(&GET)),
            frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
        ]
    });
    // CVE-2023-44487, in one write as an attacker would.
    let _ = stream.write_all(&pairs.collect::<Vec<_>>().concat());
    let mut rest = Vec::new();
    // Reads to the end: the connection must end by itself.
    let _ = stream.read_to_end(&mut rest);
    let seen = house.service.take().requests.len();
    ensure!(seen < 200, "expected most of 2000 requests never to reach the service, it saw {seen}");
    ensure!(house.fate(&get(&[]))? == Served, "expected the next caller to be served");
    house.gateway.stop()
}

#[test]
fn a_head_without_an_end_is_cut_off() -> Result<()> {
    let house = House::open()?;
    let mut stream = house.connect()?;
    let mut sent = stream.write_all(&frame(HEADERS, END_STREAM, 1, &block(&GET)));
    // CVE-2024-27316 and its kin: 64 MiB would come; it must not be taken.
    let part = frame(CONTINUATION, 0, 1, &block(&[("x-a", &"x".repeat(16_000))]));
    let mut count = 0;
    while sent.is_ok() && count < 4096 {
        sent = stream.write_all(&part);
        count += 1;
    }
    ensure!(sent.is_err(), "expected the connection to be closed before {count} frames");
    ensure!(house.service.take().requests.is_empty());
    ensure!(house.fate(&get(&[]))? == Served, "expected the next caller to be served");
    house.gateway.stop()
}

/// How much a flood may make the process grow, in KiB: far less than what is sent would take if it were kept.
const GROWTH: u64 = 32 << 10;
/// How much each flood sends, at most.
const FLOOD_BYTES: usize = 24 << 20;

/// Memory that the process has or has had at most, in KiB.
fn memory(house: &House, line: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.gateway.pid()))?;
    let text = status.lines().find_map(|one| one.strip_prefix(line)).context("no such line")?;
    Ok(text.trim().trim_end_matches(" kB").parse()?)
}

/// Sends `begun` and then `part` over and over, reading nothing, until the door closes or enough was sent.
fn flood(stream: &mut TcpStream, begun: &[u8], part: &[u8]) {
    let block = part.repeat((64 << 10) / part.len() + 1);
    let _ = stream.set_write_timeout(Some(std::time::Duration::from_secs(1)));
    let mut sent = stream.write_all(begun);
    let mut bytes = 0;
    // A door that takes no more, because nobody reads what it answers, has bounded the flood as well.
    while sent.is_ok() && bytes < FLOOD_BYTES {
        sent = stream.write_all(&block);
        bytes += block.len();
    }
    let _ = stream.shutdown(Shutdown::Both);
}

#[test]
fn a_flood_of_anything_is_taken_in_bounded_memory_and_harms_nobody_else() -> Result<()> {
    let open =
        frame(HEADERS, END_HEADERS, 1, &block(&[(":method", "POST"), GET[1], GET[2], GET[3]]));
    let begun = frame(HEADERS, END_STREAM, 1, &block(&GET));
    let floods = [
        ("settings (CVE-2019-9515)", vec![], frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])),
        ("pings (CVE-2019-9512)", vec![], frame(PING, 0, 0, &[7; 8])),
        ("empty data (CVE-2019-9518)", open.clone(), frame(DATA, 0, 1, b"")),
        ("empty data in padding", open.clone(), frame(DATA, 8, 1, &[255; 256])),
        ("empty continuations", begun.clone(), frame(CONTINUATION, 0, 1, b"")),
        ("empty names (CVE-2019-9516)", begun, frame(CONTINUATION, 0, 1, &[0, 0, 0].repeat(2000))),
        ("priorities (CVE-2019-9513)", vec![], frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 16])),
        ("windows", open, frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
        ("unknown frames", vec![], frame(0xEE, 0, 0, &[0; 64])),
    ];
    for (name, begun, part) in floods {
        let house = House::open()?;
        ensure!(house.fate(&get(&[]))? == Served);
        let before = memory(&house, "VmRSS:")?;
        let mut stream = house.connect()?;
        flood(&mut stream, &begun, &part);
        ensure!(house.fate(&get(&[]))? == Served, "{name}: expected the next caller to be served");
        let grown = memory(&house, "VmHWM:")?.saturating_sub(before);
        ensure!(grown < GROWTH, "{name}: expected bounded memory, it grew by {grown} KiB");
        house.gateway.stop()?;
    }
    Ok(())
}

#[test]
fn a_head_that_names_one_large_field_over_and_over_is_refused_before_it_is_large() -> Result<()> {
    let house = House::open()?;
    ensure!(house.fate(&get(&[]))? == Served);
    let _ = house.service.take();
    let before = memory(&house, "VmRSS:")?;
    let mut stream = house.connect()?;
    // A field that fills the table of 4096 bytes, and then one byte for each time it is named (CVE-2016-6581): each head
    // of 16 KiB stands for 64 MiB.
    let value = [&[0x40, 1, b'x', 0x7F, 0xA1, 0x1E], vec![b'v'; 4000].as_slice()].concat();
    let mut bomb = [block(&GET), value].concat();
    bomb.resize(16_384, 0xBE);
    let mut sent = Ok(());
    for stream_id in (1..=199).step_by(2) {
        sent = sent.and_then(|()| {
            stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, stream_id, &bomb))
        });
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    ensure!(house.service.take().requests.is_empty(), "expected none of them at the service");
    let grown = memory(&house, "VmHWM:")?.saturating_sub(before);
    ensure!(grown < GROWTH, "expected bounded memory, it grew by {grown} KiB");
    ensure!(house.fate(&get(&[]))? == Served, "expected the next caller to be served");
    house.gateway.stop()
}
