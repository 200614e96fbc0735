//! A real Envoy and a real nginx that ask about each request, beside the proxy door: one verdict.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::client::ask;
use testbed::clock::until;
use testbed::{Gateway, Issuer, Place, Port, Recorder, audit};

use super::stage::house;
use super::{Listed, Stage};
use crate::peer::Peer;

pub(super) const SCENARIOS: Listed = &[
    ("envoy_asks_and_the_verdict_is_the_proxy_doors", envoy),
    ("nginx_asks_and_the_verdict_is_the_proxy_doors", nginx),
];

const ENVOY: &str = include_str!("../../../examples/envoy/envoy.yaml");
const NGINX: &str = include_str!("../../../examples/nginx/nginx.conf");

/// What is asked: a target, and the header lines below the host's.
type Row = (&'static str, &'static str, &'static [&'static str]);

/// `{good}`, `{weak}` and `{stranger}` stand for tokens: one that opens `orders`, one without the scope, one of nobody's.
const TABLE: [Row; 13] = [
    ("a token that opens it", "/orders/7", &["Authorization: Bearer {good}"]),
    ("a query stays as it is", "/orders/7?a=%7e&b=%2F..", &["Authorization: Bearer {good}"]),
    ("no token", "/orders/7", &[]),
    ("a token without the scope", "/orders/7", &["Authorization: Bearer {weak}"]),
    ("a token of nobody's", "/orders/7", &["Authorization: Bearer {stranger}"]),
    ("no token at all", "/orders/7", &["Authorization: Bearer x"]),
    ("two tokens", "/orders/7", &["Authorization: Bearer {good}", "Authorization: Bearer {good}"]),
    (
        "an identity header",
        "/orders/7",
        &["Authorization: Bearer {good}", "X-Forwarded-User: root"],
    ),
    ("its twin", "/orders/7", &["Authorization: Bearer {good}", "X_Forwarded_User: root"]),
    ("a dot segment", "/orders/%2e%2e/bills/7", &["Authorization: Bearer {good}"]),
    (MISLEADING, "/orders/7", &["Authorization: Bearer {good}", "X-Original-URL: /bills/7"]),
    ("nowhere", "/nothing", &["Authorization: Bearer {good}"]),
    (
        "headers of another proxy",
        "/nothing",
        &[
            "Authorization: Bearer {good}",
            "X-Forwarded-For: 192.0.2.9",
            "X-Forwarded-Uri: /orders/7",
        ],
    ),
];

/// nginx takes out only what its configuration names, so that the gate refuses it there.
const MISLEADING: &str = "a header that names another target";

/// What the proxy is told of a twin of an identity header: nginx drops names with an underscore before anybody reads them.
const DROPPED_BY_NGINX: &str = "its twin";

fn envoy(stage: &Stage) -> Result<()> {
    let door = Port::reserve()?;
    let asked = format!("  ext_authz: {{ address: {} }}\n", door.address());
    let house = House::open(stage, &asked)?;
    let front = Port::reserve()?;
    let text = ported(ENVOY, "port_value: ", front.address(), house.service.address(), &door);
    let _envoy = Peer::envoy(&house.place.path(""), &text, front.address(), &[])?;
    // Envoy asks for its health first.
    until("Envoy to find Doorward well", Duration::from_secs(10), || {
        let reply = ask(front.address(), &house.request(&TABLE[0])?)?;
        Ok((reply.status == 200).then_some(()))
    })?;
    house.compare(front.address(), |_, status| status)?;
    house.fails_closed(stage, front.address(), 403)
}

fn nginx(stage: &Stage) -> Result<()> {
    let door = Port::reserve()?;
    let asked = format!("  forward_auth: {{ address: {}, proxy: nginx }}\n", door.address());
    let house = House::open(stage, &asked)?;
    let front = Port::reserve()?;
    let text = ported(NGINX, "127.0.0.1:", front.address(), house.service.address(), &door);
    // One process, so that it ends with the test.
    let alone = "\ndaemon off;";
    ensure!(text.contains(alone), "the example has no `daemon off`");
    let text = text.replacen(alone, "\ndaemon off;\nmaster_process off;", 1);
    let _nginx = Peer::nginx(&house.place.path(""), "nginx", &text, front.address(), &[])?;
    house.compare(front.address(), |name, status| match status {
        _ if name == DROPPED_BY_NGINX => 200,
        _ if name == MISLEADING => 403,
        // It passes on no other; and what it refuses itself it refuses before it asks.
        400 if name == "two tokens" => 400,
        400..=499 if status != 401 => 403,
        status => status,
    })?;
    house.fails_closed(stage, front.address(), 500)
}

/// An example with the ports of a test in place of its own.
fn ported(
    example: &str,
    before: &str,
    front: SocketAddr,
    service: SocketAddr,
    door: &Port,
) -> String {
    let ports =
        [("8000", front), ("9001", service), ("9191", door.address()), ("9192", door.address())];
    ports.iter().fold(example.to_owned(), |text, (port, address)| {
        text.replace(&format!("{before}{port}"), &format!("{before}{}", address.port()))
    })
}

/// Doorward before a service, with one more door.
struct House {
    place: Place,
    service: Recorder,
    gateway: Gateway,
    tokens: [(&'static str, String); 3],
}

impl House {
    fn open(stage: &Stage, door: &str) -> Result<Self> {
        let service = Recorder::start()?;
        let (place, issuer) = house(&[format!("http://{}", service.address())])?;
        let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
        place.write("doorward.yaml", &text.replacen("  http:", &format!("{door}  http:"), 1))?;
        let gateway = place.start(stage.binary())?;
        let token =
            |issuer: &Issuer, scope| issuer.token("alice", "orders", json!({ "scope": scope }));
        let stranger = Issuer::new("https://idp.stranger.test", tokens::Algorithm::Es256)?;
        let tokens = [
            ("{good}", token(&issuer, "orders:read")?),
            ("{weak}", token(&issuer, "orders:write")?),
            ("{stranger}", token(&stranger, "orders:read")?),
        ];
        Ok(Self { place, service, gateway, tokens })
    }

    fn request(&self, (_, target, lines): &Row) -> Result<String> {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let text = format!("GET {target} HTTP/1.1\r\nHost: orders.test\r\n{lines}\r\n");
        Ok(self.tokens.iter().fold(text, |text, (name, token)| text.replace(name, token)))
    }

    /// Asks for each row at the proxy door and at `front`, and expects the same verdict, route, reason and identity on
    /// record, the same at the service, and the status that `told` makes of the proxy door's.
    fn compare(&self, front: SocketAddr, told: impl Fn(&str, u16) -> u16) -> Result<()> {
        for row in &TABLE {
            let name = row.0;
            let ours = self.asked(self.place.http(), row).context(name)?;
            let theirs = self.asked(front, row).context(name)?;
            let expected = told(name, ours.status);
            ensure!(
                theirs.status == expected,
                "{name}: expected {expected}, got {}",
                theirs.status
            );
            if (expected == 200) == (ours.status == 200) {
                ensure!(theirs.seen == ours.seen, "{name}: {:?} and {:?}", theirs.seen, ours.seen);
                // What the proxy refuses by itself is asked about by nobody.
                let same = theirs.record.is_none() || theirs.record == ours.record;
                ensure!(same, "{name}: {:?} and {:?}", theirs.record, ours.record);
            }
        }
        let bill = ("another service", "/bills/7", TABLE[0].2);
        let bound = self.asked(front, &bill)?;
        let code = bound.record.as_ref().and_then(|record| record.get("code")?.as_str());
        ensure!(
            (bound.status, code) == (403, Some("service_disagrees")),
            "the proxy would have sent it elsewhere: {} {code:?}",
            bound.status
        );
        Ok(())
    }

    /// Asks, and tells what came of it here, at the service and on record.
    fn asked(&self, address: SocketAddr, row: &Row) -> Result<Seen> {
        let before = audit::records(&self.place.path("audit"))?.len();
        let _ = self.service.take();
        let reply = ask(address, &self.request(row)?)?;
        let seen = self.service.take().requests.into_iter().map(|request| {
            let user = request.values("x-forwarded-user").join(",");
            let credential = request.values("authorization").len();
            let misleading = request.values("x-original-url").len();
            let hosts = request.values("x-forwarded-host").join(",");
            let clients = request.values("x-forwarded-for").join(",");
            format!(
                "{} {} user={user} credentials={credential} misleading={misleading} {hosts} {clients}",
                request.method(),
                request.target()
            )
        });
        let seen = seen.collect();
        // Each decision is on record before it is told.
        let records = audit::records(&self.place.path("audit"))?;
        let record = records.iter().skip(before).find_map(judged);
        Ok(Seen { status: reply.status, seen, record })
    }

    /// Nothing goes through while Doorward is gone, and everything again once it is back.
    fn fails_closed(self, stage: &Stage, front: SocketAddr, refused: u16) -> Result<()> {
        let request = self.request(&TABLE[0])?;
        let Self { place, service, gateway, .. } = self;
        gateway.kill()?;
        let _ = service.take();
        for _ in 0..5 {
            let reply = ask(front, &request)?;
            ensure!(reply.status == refused, "expected {refused}, got {}", reply.status);
        }
        ensure!(service.take().requests.is_empty(), "something went through");
        let gateway = place.start(stage.binary())?;
        until("the proxy to find Doorward back", Duration::from_secs(20), || {
            Ok((ask(front, &request)?.status == 200).then_some(()))
        })?;
        gateway.stop()
    }
}

/// What came of a request.
struct Seen {
    status: u16,
    /// What the service saw of it.
    seen: Vec<String>,
    record: Option<Value>,
}

/// What a decision record says of the judgement, whatever the door.
fn judged(record: &Value) -> Option<Value> {
    let own = record
        .pointer("/unmapped/doorward")
        .filter(|own| own.get("record").and_then(Value::as_str) == Some("decision"))?;
    Some(json!({
        "code": own.get("code"), "route": own.get("route"), "verdict": own.get("verdict"),
        "reasons": own.get("reasons"), "policies": record.pointer("/actor/authorizations"),
        "user": record.pointer("/actor/user"),
    }))
}
