//! Forward-auth through the real binary: a proxy asks by HTTP, and forwards what is permitted.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use serde_json::json;
use testbed::client::{Reply, ask};
use testbed::{Gateway, Issuer, Place, Port, audit};
use tokens::Algorithm;

const CONFIG: &str = r#"issuers:
  corp: { issuer: "https://idp.test", keys: { file: keys.json }, token_types: [at+jwt] }
services:
  orders:
    audience: orders
    endpoints: ["http://127.0.0.1:9"]
    identity: { headers: { X-Forwarded-User: subject } }
routes:
  - name: orders
    match: { host: orders.test, path: "/orders/{id}", methods: [GET] }
    service: orders
    accept: [corp]
    cors: { origins: ["https://pages.test"] }
    allow: [{ scopes: ["orders:read"] }]
"#;

/// Doorward with a door for nginx.
struct House {
    place: Place,
    gateway: Gateway,
    door: SocketAddr,
    token: String,
}

impl House {
    fn open() -> Result<Self> {
        let (place, port) = (Place::new()?, Port::reserve()?);
        let issuer = Issuer::new("https://idp.test", Algorithm::Es256)?;
        place.write("keys.json", &issuer.key_set().to_string())?;
        place.configure(CONFIG)?;
        let door = port.address();
        let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
        let asked = format!("  forward_auth: {{ address: \"{door}\", proxy: nginx }}\n  http:");
        place.write("doorward.yaml", &text.replacen("  http:", &asked, 1))?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        let token = issuer.token("alice", "orders", json!({ "scope": "orders:read" }))?;
        Ok(Self { place, gateway, door, token })
    }

    /// Asks about `method` of `target`, with these header lines of the caller's.
    fn ask(&self, method: &str, target: &str, lines: &[&str]) -> Result<Reply> {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let text = format!(
            "GET /check?service=orders HTTP/1.1\r\nHost: doorward\r\nX-Original-Method: {method}\r\n\
             X-Original-Proto: https\r\nX-Original-Host: orders.test\r\nX-Original-URI: {target}\r\n\
             X-Original-For: 192.0.2.7\r\n{lines}\r\n"
        );
        ask(self.door, &text.replace("{token}", &self.token))
    }
}

#[test]
fn only_a_permit_is_a_success_and_each_verdict_is_on_record() -> Result<()> {
    const TOKEN: &str = "Authorization: Bearer {token}";
    let house = House::open()?;
    let table: [(&str, &str, &[&str], u16, &str); 9] = [
        ("GET", "/orders/7?a=%2F", &[TOKEN], 200, "permit"),
        ("GET", "/orders/7", &[], 401, "no_credential"),
        ("GET", "/orders/7", &[TOKEN, "X-Forwarded-User: root"], 403, "identity_header"),
        ("GET", "/orders/%37", &[TOKEN], 403, "not_canonical"),
        ("GET", "/orders/7", &[TOKEN, "X-Original-URL: /admin"], 403, "not_canonical"),
        ("GET", "/orders/7", &[TOKEN, "Upgrade: websocket"], 403, "websocket"),
        ("GET", "/orders/7", &[TOKEN, "X-Original-URI: /orders/8"], 403, "malformed"),
        ("DELETE", "/orders/7", &[TOKEN], 403, "method_not_allowed"),
        (
            "OPTIONS",
            "/orders/7",
            &["Origin: https://pages.test", "Access-Control-Request-Method: GET"],
            403,
            "preflight",
        ),
    ];
    for (method, target, lines, status, _) in table {
        let reply = house.ask(method, target, lines)?;
        assert_eq!(reply.status, status, "{method} {target} {lines:?}: {}", reply.text());
        let user = (status == 200).then_some("alice");
        assert_eq!(reply.field("x-forwarded-user"), user, "{method} {target} {lines:?}");
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
