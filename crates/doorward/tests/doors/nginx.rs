//! Asks as nginx does, configured as in the example.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use serde_json::json;
use testbed::{Client, Reply, audit};

use super::envoy::Told;
use super::house::House;
use super::requests::Sent;

/// What nginx takes out besides, or writes itself.
const ITS_OWN: [&str; 6] = [
    "connection",
    "x-original-for",
    "x-original-host",
    "x-original-method",
    "x-original-proto",
    "x-original-uri",
];

/// A connection of nginx's.
pub(crate) struct Nginx(Client);

impl Nginx {
    pub(crate) fn new(door: SocketAddr) -> Result<Self> {
        Ok(Self(Client::connect(door)?))
    }

    /// Asks about a request; what the service gets is what the door tells of the caller.
    pub(crate) fn ask(&mut self, sent: &Sent) -> Result<Told> {
        let lines = sent.passed_on(&ITS_OWN);
        let lines =
            lines.fold(String::new(), |text, (name, value)| text + name + ": " + value + "\r\n");
        let reply = self.ask_at("/check", sent, &lines)?;
        let id = reply.field("x-request-id").context("expected the request's id")?.to_owned();
        let told = reply.message.head.fields.into_iter();
        let told = told.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Ok(Told { id, forwards: (reply.status == 200).then_some(told) })
    }

    /// Asks about the same at a path of the door, with these header lines of the caller's in place of its own.
    pub(crate) fn ask_at(&mut self, at: &str, sent: &Sent, lines: &str) -> Result<Reply> {
        let Sent { method, host, target, .. } = sent;
        let text = format!(
            "GET {at} HTTP/1.1\r\nHost: doorward\r\nX-Original-Method: {method}\r\n\
             X-Original-Proto: {}\r\nX-Original-Host: {host}\r\nX-Original-URI: {target}\r\n\
             X-Original-For: 127.0.0.1\r\n{lines}\r\n",
            sent.scheme()
        );
        self.0.send(text.as_bytes())?;
        self.0.reply()?.context("expected an answer")
    }
}

#[test]
fn only_a_permit_is_a_success_and_each_verdict_is_on_record() -> Result<()> {
    const TOKEN: &str = "Authorization: Bearer {token}\r\n";
    let house = House::open()?;
    let good = house.good();
    let (_, token) = house.words.tokens.first().context("expected a token")?;
    let table = [
        ("GET", "/orders/7?a=%2F", TOKEN, "", 200, "permit"),
        ("GET", "/orders/7", "", "", 401, "no_credential"),
        ("GET", "/orders/7", TOKEN, "X-Forwarded-User: root\r\n", 403, "identity_header"),
        ("GET", "/orders/%37", TOKEN, "", 403, "not_canonical"),
        ("GET", "/orders/7", TOKEN, "X-Original-URL: /admin\r\n", 403, "not_canonical"),
        ("GET", "/orders/7", TOKEN, "Upgrade: websocket\r\n", 403, "websocket"),
        ("GET", "/orders/7", TOKEN, "X-Original-URI: /orders/8\r\n", 403, "malformed"),
        ("POST", "/admin/a", TOKEN, "", 403, "method_not_allowed"),
        (
            "OPTIONS",
            "/orders/7",
            "Origin: https://pages.test\r\n",
            "Access-Control-Request-Method: GET\r\n",
            403,
            "preflight",
        ),
    ];
    let mut nginx = Nginx::new(house.forward_auth.address())?;
    for (method, target, lines, more, status, _) in table {
        let sent = Sent { method: method.to_owned(), target: target.to_owned(), ..good.clone() };
        let lines = lines.replace("{token}", token) + more;
        let reply = nginx.ask_at("/check?service=app", &sent, &lines)?;
        assert_eq!(reply.status, status, "{method} {target} {more}: {}", reply.text());
        let user = (status == 200).then_some("alice");
        assert_eq!(reply.field("x-forwarded-user"), user, "{method} {target} {more}");
    }
    house.gateway.stop()?;
    let records = audit::records(&house.place.path("audit"))?;
    let codes: Vec<_> = records
        .iter()
        .filter(|one| one.pointer("/unmapped/doorward/door") == Some(&json!("forward_auth")))
        .filter_map(|one| one.pointer("/unmapped/doorward/code")?.as_str())
        .collect();
    assert_eq!(codes, table.map(|(.., code)| code));
    Ok(())
}
