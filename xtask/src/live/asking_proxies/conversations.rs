//! WebSockets and gRPC between clients and services that we did not write, through proxies that ask.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testbed::client::get;
use testbed::clock::until;
use testbed::{Issuer, Place, Port};
use tokens::Algorithm;

use super::Proxy;
use crate::live::Stage;
use crate::live::foreign_streams::{Peer, configuration};
use crate::live::stage::ISSUER;

pub(super) fn play(stage: &Stage) -> Result<()> {
    for proxy in Proxy::ALL {
        let service = Peer::start("websocket_peer.py")?;
        let rest = configuration(&service, "", "    websocket: true\n");
        converse(stage, proxy, proxy.example(), &service, &rest)
            .with_context(|| format!("a WebSocket through {proxy:?}"))?;
    }
    let service = Peer::start("grpc_peer.py")?;
    let rest = configuration(&service, "    protocol: http2\n", "");
    // The service speaks HTTP/2 alone.
    let before = "\n    - name: orders\n";
    let http2 = "      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }
";
    let example = Proxy::Envoy.example();
    ensure!(
        example.matches(before).count() == 1,
        "the example has another cluster for its service"
    );
    let example = example.replace(before, &format!("{before}{http2}"));
    converse(stage, Proxy::Envoy, &example, &service, &rest).context("gRPC through Envoy")
}

/// Lets the script's client talk to its service through the proxy.
fn converse(stage: &Stage, proxy: Proxy, example: &str, service: &Peer, rest: &str) -> Result<()> {
    let issuer = Issuer::new(ISSUER, Algorithm::Es256)?;
    let (place, door, front) = (Place::new()?, Port::reserve()?, Port::reserve()?);
    place.write("keys.json", &issuer.key_set().to_string())?;
    place.configure(rest)?;
    let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
    let line = proxy.door(door.address());
    place.write("doorward.yaml", &text.replacen("  http:", &format!("{line}  http:"), 1))?;
    let gateway = place.start(stage.binary())?;
    let addresses = (front.address(), door.address(), service.address(), place.http());
    let _peer = proxy.start(&place.path(""), example, addresses)?;
    // Some ask for Doorward's health first.
    until("the proxy to find Doorward well", Duration::from_secs(10), || {
        Ok((get(front.address(), "/orders/none")?.status == 401).then_some(()))
    })?;
    service.call(front.address(), &issuer.token("alice", "orders", json!({}))?)?;
    gateway.stop()
}
