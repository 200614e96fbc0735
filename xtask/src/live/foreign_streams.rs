//! gRPC and WebSockets, between clients and services that we did not write.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use testbed::clock::until;
use testbed::{Issuer, Place, Port};
use tokens::Algorithm;

use super::stage::ISSUER;
use super::{Listed, Stage};
use crate::command::{Run, program, root};
use crate::install::python;

pub(super) const SCENARIOS: Listed = &[
    ("grpc_of_every_shape_goes_through_and_is_denied_in_its_own_words", grpc),
    ("a_conversation_over_a_websocket_goes_through", websocket),
];

fn grpc(stage: &Stage) -> Result<()> {
    let peer = Peer::start("grpc_peer.py")?;
    converse(stage, &peer, "    protocol: http2\n", "")
}

fn websocket(stage: &Stage) -> Result<()> {
    let peer = Peer::start("websocket_peer.py")?;
    converse(stage, &peer, "", "    websocket: true\n")
}

/// Lets the script's client talk to its service through the gate.
fn converse(stage: &Stage, peer: &Peer, protocol: &str, route: &str) -> Result<()> {
    let issuer = Issuer::new(ISSUER, Algorithm::Es256)?;
    let place = Place::new()?;
    place.write("keys.json", &issuer.key_set().to_string())?;
    place.configure(&configuration(peer, protocol, route))?;
    let gateway = place.start(stage.binary())?;
    let token = issuer.token("alice", "orders", json!({}))?;
    peer.call(place.http(), &token)?;
    gateway.stop()
}

/// The configuration, below `listen` and `audit`, of a gate before the script's service.
pub(super) fn configuration(peer: &Peer, protocol: &str, route: &str) -> String {
    let service = peer.address();
    format!(
        "issuers:
  corp: {{ issuer: {ISSUER}, keys: {{ file: keys.json }}, algorithms: [ES256], token_types: [at+jwt] }}
services:
  orders:
    audience: orders
    endpoints: [\"http://{service}\"]
{protocol}routes:
  - name: everything
    match: {{ host: \"*\", path: \"/orders/**\", methods: [GET] }}
    service: orders
    accept: [corp]
    allow: [{{ users: [alice] }}]
{route}  - name: echo
    match: {{ host: orders.test, path: \"/demo.Echo/{{method}}\", methods: [POST] }}
    service: orders
    accept: [corp]
    allow: [{{ users: [alice] }}]
  - name: admin
    match: {{ host: orders.test, path: \"/demo.Admin/{{method}}\", methods: [POST] }}
    service: orders
    accept: [corp]
    allow: [{{ users: [root] }}]
"
    )
}

/// A script's service. It ends when it is dropped.
pub(super) struct Peer {
    script: &'static str,
    port: Port,
    child: Child,
}

impl Peer {
    pub(super) fn start(script: &'static str) -> Result<Self> {
        let port = Port::reserve()?;
        let address = port.address();
        let child = program(python()?)
            .arg(scripts().join(script))
            .args(["serve", &address.port().to_string()])
            .stdin(Stdio::null())
            .spawn()?;
        let peer = Self { script, port, child };
        until(script, Duration::from_secs(20), || Ok(TcpStream::connect(address).ok()))?;
        Ok(peer)
    }

    /// Where its service is.
    pub(super) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Lets the script's client talk to its service through `door`, and expects the conversation to be as it shall be.
    pub(super) fn call(&self, door: SocketAddr, token: &str) -> Result<()> {
        let port = door.port().to_string();
        let script = scripts().join(self.script);
        let said = program(python()?).arg(script).args(["call", &port, token]).output_text()?;
        ensure!(said.contains("as they shall be") || said.contains("as it shall be"), "{said}");
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn scripts() -> PathBuf {
    root().join("xtask/live")
}

fn python() -> Result<PathBuf> {
    python::python_with(&scripts().join("requirements.txt"))
}
