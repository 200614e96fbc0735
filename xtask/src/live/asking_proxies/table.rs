//! The same requests at the proxy door and through a proxy that asks: verdict, route, reason and identity on record, and what
//! the service sees.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::client::ask;
use testbed::{Seen, audit};

use super::house::House;
use super::proxy::Proxy::{self, Caddy, Envoy, Haproxy, Nginx};
use crate::command::Run as _;
use crate::install::debian;

const GOOD: &str = "Authorization: Bearer {good}";

/// A request that is asked at both.
struct Row {
    name: &'static str,
    target: &'static str,
    /// Header lines below the host's.
    lines: &'static [&'static str],
    /// The status through proxies that do not tell what the proxy door does, and why that is.
    others: &'static [(Proxy, u16)],
}

const fn row(
    name: &'static str,
    target: &'static str,
    lines: &'static [&'static str],
    others: &'static [(Proxy, u16)],
) -> Row {
    Row { name, target, lines, others }
}

/// What could not be changed, or taken out, on the way, is refused.
const REFUSED: &[(Proxy, u16)] = &[(Envoy, 400), (Caddy, 400), (Haproxy, 400), (Nginx, 403)];
/// The same; and Envoy takes out what it is told to.
const NOT_TAKEN_OUT: &[(Proxy, u16)] = &[(Caddy, 400), (Haproxy, 400), (Nginx, 403)];
/// Each takes `Connection` out before anybody reads it, and the identity is put in place after.
const NOT_LISTENED_TO: &[(Proxy, u16)] =
    &[(Envoy, 200), (Caddy, 200), (Haproxy, 200), (Nginx, 200)];

const TABLE: [Row; 30] = [
    PLAIN,
    row("a query stays as it is", "/orders/7?a=%7e&b=%2F..", &[GOOD], &[]),
    row("no token", "/orders/7", &[], &[]),
    row("a token without the scope", "/orders/7", &["Authorization: Bearer {weak}"], &[]),
    row("a token of nobody's", "/orders/7", &["Authorization: Bearer {stranger}"], &[]),
    row("no token at all", "/orders/7", &["Authorization: Bearer x"], &[]),
    // nginx refuses it before it asks.
    row("two tokens", "/orders/7", &[GOOD, GOOD], &[(Nginx, 400)]),
    row(
        "two tokens in one line",
        "/orders/7",
        &["Authorization: Bearer {good}, Bearer {good}"],
        REFUSED,
    ),
    row("an identity header", "/orders/7", &[GOOD, "X-Forwarded-User: root"], &[]),
    row("a signed identity", "/orders/7", &[GOOD, "Doorward-Identity: a.b.c"], &[]),
    // Caddy and nginx drop names with an underscore before anybody reads them.
    row(
        "a twin of an identity header",
        "/orders/7",
        &[GOOD, "X_Forwarded_User: root"],
        &[(Caddy, 200), (Nginx, 200)],
    ),
    row("a dot segment", "/orders/%2e%2e/bills/7", &[GOOD], &[]),
    row("a plain dot segment", "/orders/../bills/7", &[GOOD], &[]),
    row("an escaped slash", "/orders/a%2Fb", &[GOOD], &[]),
    row("an empty segment", "/orders//7", &[GOOD], &[]),
    row("an escape of a digit", "/orders/%37", &[GOOD], REFUSED),
    row(
        "header lines of one name",
        "/orders/7",
        &[GOOD, "X-Team: a", "X-Team: b", "X-Team: a, c"],
        &[],
    ),
    row(
        "a header that names another target",
        "/orders/7",
        &[GOOD, "X-Original-URL: /bills/7"],
        NOT_TAKEN_OUT,
    ),
    row(
        "headers in which proxies ask",
        "/orders/7",
        &[
            GOOD,
            "X-Original-URI: /bills/7",
            "X-Original-For: 192.0.2.9",
            "X-Forwarded-Uri: /bills/7",
        ],
        &[],
    ),
    row(
        "what says where it comes from",
        "/orders/7",
        &[
            GOOD,
            "Forwarded: for=192.0.2.9;host=bills.test",
            "X-Forwarded-For: 192.0.2.9",
            "X-Forwarded-Host: bills.test",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Port: 443",
            "X-Real-IP: 192.0.2.9",
            "X-Client-IP: 192.0.2.9",
            "True-Client-IP: 192.0.2.9",
        ],
        &[],
    ),
    // HAProxy passes such names on.
    row(
        "twins of what says where it comes from",
        "/orders/7",
        &[GOOD, "X_Forwarded_For: 192.0.2.9", "X_Real_IP: 192.0.2.9"],
        &[(Haproxy, 400)],
    ),
    row(
        "another's certificate",
        "/orders/7",
        &[GOOD, "X-Forwarded-Client-Cert: URI=spiffe://corp/root"],
        NOT_TAKEN_OUT,
    ),
    row("nowhere", "/nothing", &[GOOD], &[]),
    row(
        "headers of another proxy",
        "/nothing",
        &[GOOD, "X-Forwarded-For: 192.0.2.9", "X-Forwarded-Uri: /orders/7"],
        &[],
    ),
    row("a target with its host", "http://orders.test/orders/7", &[GOOD], &[]),
    // Caddy and Envoy go by the target, and nginx by the header: each asks about the one that it passes on.
    row(
        "a target with another host",
        "http://bills.test/orders/7",
        &[GOOD],
        &[(Caddy, 404), (Envoy, 404), (Nginx, 200)],
    ),
    // Envoy joins them, which makes none that is a host.
    row("two hosts", "/orders/7", &[GOOD, "Host: bills.test"], &[(Envoy, 400), (Nginx, 400)]),
    row(
        "a connection that takes out the identity",
        "/orders/7",
        &[GOOD, "Connection: X-Forwarded-User"],
        NOT_LISTENED_TO,
    ),
    row(
        "an upgrade to what nobody judges",
        "/orders/7",
        &[
            GOOD,
            "Connection: Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ],
        NOT_TAKEN_OUT,
    ),
    row(
        "a WebSocket where there is none",
        "/orders/7",
        &[
            GOOD,
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ],
        REFUSED,
    ),
];

const PLAIN: Row = row("a token that opens it", "/orders/7", &[GOOD], &[]);

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
        // What the proxy refuses by itself is asked about by nobody.
        let same = other.is_some() || theirs.record.is_none() || theirs.record == ours.record;
        ensure!(same, "{name}: {:?} and {:?}", theirs.record, ours.record);
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
    Ok(Came { status: reply.status, seen, record })
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
