//! The same requests at the proxy door and through a proxy that asks: verdict, route, reason and identity on record, and what
//! the service sees.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::client::ask;
use testbed::{Seen, audit};

use super::house::House;
use super::table::{GOOD, PLAIN, Row, TABLE, row};
use crate::command::Run as _;
use crate::install::debian;

/// Asks for each row at the proxy door and through the proxy, and expects the same verdict, route, reason and identity on
/// record and the same at the service, or what `others` says.
pub(super) fn compare(house: &House) -> Result<()> {
    let proxy = house.proxy;
    let plain = asked(house, house.place.http(), &PLAIN)?;
    ensure!(
        plain.status == 200 && plain.seen.len() == 1,
        "not even what is permitted goes through"
    );
    for row in &TABLE {
        let name = row.name;
        let ours = asked(house, house.place.http(), row).context(name)?;
        let theirs = asked(house, house.front(), row).context(name)?;
        let other = row.others.iter().find(|(known, _)| *known == proxy);
        let expected = other.map_or(proxy.told(ours.status), |(_, status)| *status);
        ensure!(theirs.status == expected, "{name}: expected {expected}, got {}", theirs.status);
        let seen = match (expected == 200, ours.status == 200) {
            (true, true) => &ours.seen,
            (true, false) => &plain.seen,
            (false, _) => &Vec::new(),
        };
        ensure!(theirs.seen == *seen, "{name}: {:?} and {seen:?}", theirs.seen);
        let sees_ours = theirs.seen.iter().any(|line| line.contains("__Host-doorward"));
        ensure!(!sees_ours, "{name}: the service was sent a session: {:?}", theirs.seen);
        ensure!(expected != 200 || theirs.record.is_some(), "{name}: nobody was asked about it");
        // What the proxy refuses by itself is asked about by nobody.
        if other.is_some() || theirs.record.is_none() {
            continue;
        }
        ensure!(theirs.record == ours.record, "{name}: {:?} and {:?}", theirs.record, ours.record);
        if expected != 200 {
            let told = theirs.challenge;
            ensure!(told == ours.challenge, "{name}: challenged with {told:?}");
            let form = if proxy.passes_bodies_on() { &ours.form } else { "text/html" };
            ensure!(theirs.form == form, "{name}: answered in {}", theirs.form);
        }
    }
    http2(house, &plain)?;
    let bill = asked(house, house.front(), &row("another service", "/bills/7", &[GOOD], &[]))?;
    let code = bill.record.as_ref().and_then(|record| record.get("code")?.as_str());
    ensure!(
        (bill.status, code) == (403, Some("service_disagrees")),
        "the proxy would have sent it elsewhere: {} {code:?}",
        bill.status
    );
    Ok(())
}

/// The same over HTTP/2, where the proxy takes it without TLS.
fn http2(house: &House, plain: &Came) -> Result<()> {
    if !house.proxy.takes_http2() {
        return Ok(());
    }
    let front = house.front();
    for (path, expected) in [("/orders/7", 200), ("/orders/%2e%2e/bills/7", 400)] {
        let said = Command::new(debian::tool(&debian::CURL)?)
            .args(["--silent", "--http2-prior-knowledge", "--path-as-is", "--max-time", "10"])
            .args(["--output", "/dev/null", "--write-out", "%{http_version} %{http_code}"])
            .args(["--connect-to", &format!("orders.test:80:{front}")])
            .args(["--header", "User-Agent:", "--header", "Accept:"])
            .args(["--header", &house.filled(GOOD)])
            .arg(format!("http://orders.test{path}"))
            .stdin(Stdio::null())
            .output_text()?;
        ensure!(said == format!("2 {expected}"), "{path} over HTTP/2: got {said}");
        let seen: Vec<_> = house.service.take().requests.iter().map(seen).collect();
        let expected = if expected == 200 { plain.seen.as_slice() } else { &[] };
        ensure!(seen == expected, "{path} over HTTP/2: {seen:?}");
    }
    Ok(())
}

/// What came of a request.
struct Came {
    status: u16,
    challenge: Option<String>,
    /// The type of its body.
    form: String,
    /// What the service saw of it.
    seen: Vec<String>,
    record: Option<Value>,
}

/// Asks, and tells what came of it here, at the service and on record.
fn asked(house: &House, address: SocketAddr, row: &Row) -> Result<Came> {
    let before = audit::records(&house.place.path("audit"))?.len();
    let _ = house.service.take();
    let Row { target, lines, .. } = row;
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let text = format!("GET {target} HTTP/1.1\r\nHost: orders.test\r\n{lines}\r\n");
    let reply = ask(address, &house.filled(&text))?;
    let seen = house.service.take().requests.iter().map(seen).collect();
    // Each decision is on record before it is told.
    let records = audit::records(&house.place.path("audit"))?;
    let record = records.iter().skip(before).find_map(judged);
    let challenge = reply.field("www-authenticate").map(ToOwned::to_owned);
    let form = reply.field("content-type").unwrap_or_default().to_owned();
    Ok(Came { status: reply.status, challenge, form, seen, record })
}

/// What each proxy adds to requests, and no caller could use.
const OWN: [&str; 5] = [
    "traceparent",
    "via",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-request-id",
];

fn seen(request: &Seen) -> String {
    let fields = request.message.head.fields.iter();
    let mut fields: Vec<_> = fields
        .filter(|(name, _)| !OWN.contains(&name.to_ascii_lowercase().as_str()))
        .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
        .collect();
    fields.sort();
    format!("{} {} {}", request.method(), request.target(), fields.join("; "))
}

/// What a decision record says of the judgement, whatever the door.
pub(super) fn judged(record: &Value) -> Option<Value> {
    let own = record
        .pointer("/unmapped/doorward")
        .filter(|own| own.get("record").and_then(Value::as_str) == Some("decision"))?;
    Some(json!({
        "code": own.get("code"), "route": own.get("route"), "verdict": own.get("verdict"),
        "reasons": own.get("reasons"), "policies": record.pointer("/actor/authorizations"),
        "user": record.pointer("/actor/user"),
    }))
}
