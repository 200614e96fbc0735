//! Behind a proxy, which asks the gate, and in front of which people sign in.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testbed::{Place, Port};

use super::house::{House, ORDERS, Plan, is_let_in};
use crate::live::Stage;
use crate::live::browser::Cookie;
use crate::peer::Peer;

const CADDY: &str = include_str!("../../../../examples/caddy/Caddyfile");
const ENVOY: &str = include_str!("../../../../examples/envoy/envoy.yaml");
const NGINX: &str = include_str!("../../../../examples/nginx/sign-in.conf");

/// Where the examples of Caddy and Envoy begin to take requests, by plain HTTP, and how these houses have TLS there.
const CADDY_PLAIN: &str = "http://:8000 {\n";
const CADDY_TLS: &str = "https://id.example.test:8000 {
	bind 127.0.0.1
	tls {id} {id}
	reverse_proxy /.doorward/* 127.0.0.1:8080 {
		header_up -Forwarded
	}
}

https://orders.example.test:8000 {
	tls {orders} {orders}
";
const ENVOY_PLAIN: &str = "        - filters:\n";
const ENVOY_TLS: &str = "        - transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              common_tls_context:
                alpn_protocols: [h2, http/1.1]
                tls_certificates:
                  - { certificate_chain: { filename: {id} }, private_key: { filename: {id} } }
                  - { certificate_chain: { filename: {orders} }, private_key: { filename: {orders} } }
          filters:
";

/// A proxy that asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asking {
    Caddy,
    Envoy,
    Nginx,
}

/// The proxy, before it starts, with its port and that of the door at which it asks.
pub(super) struct Front {
    asking: Asking,
    front: Port,
    door: Port,
}

impl Front {
    pub(super) fn reserve(asking: Asking) -> Result<Self> {
        Ok(Self { asking, front: Port::reserve()?, door: Port::reserve()? })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.front.address()
    }

    /// The line under `listen` of the door at which it asks.
    pub(super) fn door(&self) -> String {
        let at = self.door.address();
        let proxy = match self.asking {
            Asking::Envoy => return format!("  ext_authz: {{ address: {at} }}\n"),
            Asking::Caddy => "caddy",
            Asking::Nginx => "nginx",
        };
        format!("  forward_auth: {{ address: {at}, proxy: {proxy}, cookies: from_answer }}\n")
    }

    /// Starts it as its example says, with ports, hosts and certificates of the house.
    pub(super) fn start(self, place: &Place, orders: SocketAddr) -> Result<Peer> {
        let certificate = |name: &str| place.path(&format!("{name}.pem")).display().to_string();
        let text = match self.asking {
            Asking::Caddy => CADDY.replacen(CADDY_PLAIN, CADDY_TLS, 1),
            Asking::Envoy => ENVOY.replacen(ENVOY_PLAIN, ENVOY_TLS, 1),
            Asking::Nginx => NGINX
                .replace("example.com", "example.test")
                .replace("id.pem", "{id}")
                .replace("orders.pem", "{orders}")
                // One process, so that it ends with the test.
                .replacen("\ndaemon off;", "\ndaemon off;\nmaster_process off;", 1),
        };
        // By way of names: one port may have the digits of another.
        let named = [
            ("8000", "{front}"),
            ("8443", "{front}"),
            ("8080", "{own}"),
            ("9191", "{door}"),
            ("9192", "{door}"),
            ("9001", "{service}"),
        ];
        let text = named.iter().fold(text, |text, (port, name)| text.replace(port, name));
        let port = |address: SocketAddr| address.port().to_string();
        let values = [
            ("{front}", port(self.address())),
            ("{own}", port(place.http())),
            ("{door}", port(self.door.address())),
            ("{service}", port(orders)),
            ("{id}", certificate("id")),
            ("{orders}", certificate("orders")),
        ];
        let text = values.iter().fold(text, |text, (name, value)| text.replace(name, value));
        let (folder, front) = (place.path(""), self.address());
        match self.asking {
            Asking::Caddy => Peer::caddy(&folder, &text, front),
            Asking::Envoy => Peer::envoy(&folder, &text, front, &[]),
            Asking::Nginx => Peer::nginx(&folder, "nginx", &text, front, &[]),
        }
    }
}

pub(super) fn caddy(stage: &Stage) -> Result<()> {
    behind(stage, Asking::Caddy)
}

pub(super) fn envoy(stage: &Stage) -> Result<()> {
    behind(stage, Asking::Envoy)
}

pub(super) fn nginx(stage: &Stage) -> Result<()> {
    behind(stage, Asking::Nginx)
}

fn behind(stage: &Stage, asking: Asking) -> Result<()> {
    let house = House::built(stage, &Plan { front: Some(asking), ..Plan::default() })?;
    let url = format!("{ORDERS}/orders/7?a=1");
    let alice = house.person()?;
    let tab = alice.tab()?;
    is_let_in(&house.sign_in(&tab, &url, "alice")?)?;
    let cookie = alice.cookie("__Host-doorward", "orders.example.test")?;
    let cookie = cookie.context("there is a session")?;
    let theirs = Cookie { name: "theirs".to_owned(), value: "1".to_owned(), ..cookie.clone() };
    alice.take_cookie(&theirs)?;
    let _ = house.orders.take();
    is_let_in(&tab.goto(&format!("{ORDERS}/orders/8"))?)?;
    let seen = house.orders.take().requests;
    let seen = seen.last().context("the service has seen a request")?;
    ensure!(seen.values("x-forwarded-user") == ["alice"], "{:?}", seen.values("x-forwarded-user"));
    let theirs = seen.values("cookie") == ["theirs=1"];
    ensure!(theirs, "{:?} of {:?}", seen.message.head, alice.cookies()?);
    ensure!(!String::from_utf8_lossy(&seen.message.head.raw).contains(&cookie.value), "{seen:?}");

    let page = tab.goto(&format!("{ORDERS}/finance/1"))?;
    ensure!(page.status == 403, "{page}");
    // From a page of the service: ours let no script fetch.
    is_let_in(&tab.goto(&url)?)?;
    let fetched = tab.fetch("/orders/9", &json!({}))?;
    ensure!(fetched.status == 200, "{fetched:?}");

    // Signed out, a page leads to sign in, and a script is told.
    alice.drop_cookies("__Host-doorward")?;
    let fetched = tab.fetch("/orders/9", &json!({}))?;
    ensure!(fetched.status == 401, "{fetched:?}");
    let page = tab.goto(&url)?;
    ensure!(page.title == "Sign in", "{page}");
    Ok(())
}
