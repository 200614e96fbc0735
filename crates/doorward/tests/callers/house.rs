//! One Doorward with a service behind it, and a client of HTTP/2 that does with its windows what the test says.

use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use h2::client::SendRequest;
use serde_json::json;
use testbed::message::Reader;
use testbed::{Acting, Gateway, Issuer, Place, audit, client, clock};
use tokens::Algorithm;

const CONFIG: &str = r#"
data_threads: 1
limits: { {limits} }
issuers:
  corp:
    issuer: https://idp.corp.test
    keys: { file: keys.json }
    algorithms: [ES256]
    token_types: [at+jwt]
revoked: { subjects: [{revoked}] }
services:
  app:
    audience: app
    endpoints: ["http://{service}"]
    timeouts: { {timeouts} }
routes:
  - name: open
    match: { host: "*", path: "/open/**", methods: ["*"] }
    service: app
    allow: [{ anyone: true }]
  - name: patient
    match: { host: "*", path: "/patient/**", methods: ["*"] }
    service: app
    allow: [{ anyone: true }]
    slow_body: true
  - name: guarded
    match: { host: "*", path: "/guarded/**", methods: [GET] }
    service: app
    accept: [corp]
    allow: [{ users: [alice] }]
    websocket: true
"#;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) gateway: Gateway,
    pub(crate) service: Acting,
    issuer: Issuer,
    limits: &'static str,
    timeouts: &'static str,
}

impl House {
    /// Opens one with these `limits`, and these `timeouts` of its service, which does `act` on each connection.
    pub(crate) fn open(
        limits: &'static str,
        timeouts: &'static str,
        act: impl Fn(usize, &mut Reader<TcpStream>) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        let service = Acting::start(act)?;
        let issuer = Issuer::new("https://idp.corp.test", Algorithm::Es256)?;
        let place = Place::new()?;
        place.write("keys.json", &issuer.key_set().to_string())?;
        let configuration = configuration(limits, timeouts, &service, "");
        place.configure(&configuration)?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        Ok(Self { place, gateway, service, issuer, limits, timeouts })
    }

    pub(crate) fn token(&self) -> Result<String> {
        self.issuer.token("alice", "app", json!({}))
    }

    pub(crate) fn revoke_alice(&self) -> Result<()> {
        let text = configuration(self.limits, self.timeouts, &self.service, "corp/alice");
        self.place.configure(&text)?;
        self.gateway.reload()
    }

    /// How the request ended, once that is on record.
    pub(crate) fn ended(&self, id: &str) -> Result<String> {
        clock::until(&format!("the outcome of {id}"), PATIENCE, || {
            audit::ended(&self.place.path("audit"), id)
        })
    }

    /// The value of a metric without labels.
    pub(crate) fn count(&self, metric: &str) -> Result<u64> {
        let page = client::get(self.place.admin(), "/metrics")?.text();
        let value = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        Ok(value.with_context(|| format!("expected `{metric}`"))?.parse()?)
    }

    /// A connection of HTTP/2 whose streams have windows of `window` bytes, opened by hand.
    pub(crate) async fn http2(&self, window: u32) -> Result<SendRequest<Bytes>> {
        let stream = tokio::net::TcpStream::connect(self.place.http()).await?;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window);
        let (sender, connection) = builder.handshake(stream).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

fn configuration(limits: &str, timeouts: &str, service: &Acting, revoked: &str) -> String {
    CONFIG
        .replace("{service}", &service.address().to_string())
        .replace("{limits}", limits)
        .replace("{timeouts}", timeouts)
        .replace("{revoked}", revoked)
}
