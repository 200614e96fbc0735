//! The proxies, as their examples configure them, and what each is known to do.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::peer::Peer;

const CADDY: &str = include_str!("../../../../examples/caddy/Caddyfile");
const ENVOY: &str = include_str!("../../../../examples/envoy/envoy.yaml");
const HAPROXY: &str = include_str!("../../../../examples/haproxy/haproxy.cfg");
const HAPROXY_ACTION: &str = include_str!("../../../../examples/haproxy/doorward.lua");
const NGINX: &str = include_str!("../../../../examples/nginx/nginx.conf");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    Caddy,
    Envoy,
    Haproxy,
    Nginx,
}

/// Where the proxy is, where it asks, where the service is, and where the gate's own proxy door.
pub(super) type Addresses = (SocketAddr, SocketAddr, SocketAddr, SocketAddr);

impl Proxy {
    pub(super) const ALL: [Self; 4] = [Self::Caddy, Self::Envoy, Self::Haproxy, Self::Nginx];

    /// The line under `listen` of the door at which it asks.
    pub(super) fn door(self, address: SocketAddr) -> String {
        let proxy = match self {
            Self::Caddy => "caddy",
            Self::Envoy => return format!("  ext_authz: {{ address: {address} }}\n"),
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        };
        format!("  forward_auth: {{ address: {address}, proxy: {proxy}, cookies: from_answer }}\n")
    }

    /// Its configuration, as shipped.
    pub(super) const fn example(self) -> &'static str {
        match self {
            Self::Caddy => CADDY,
            Self::Envoy => ENVOY,
            Self::Haproxy => HAPROXY,
            Self::Nginx => NGINX,
        }
    }

    /// Starts it in `folder` as `example` says, with these ports in place of the example's.
    pub(super) fn start(self, folder: &Path, example: &str, addresses: Addresses) -> Result<Peer> {
        let text = ported(example, addresses);
        let (front, ..) = addresses;
        match self {
            Self::Caddy => Peer::caddy(folder, &text, front),
            Self::Envoy => Peer::envoy(folder, &text, front, &[]),
            Self::Haproxy => {
                std::fs::write(folder.join("doorward.lua"), HAPROXY_ACTION)
                    .context("cannot write the action")?;
                Peer::haproxy(folder, &text, front)
            }
            Self::Nginx => {
                // One process, so that it ends with the test.
                let alone = "\ndaemon off;";
                ensure!(text.contains(alone), "the example has no `daemon off`");
                let text = text.replacen(alone, "\ndaemon off;\nmaster_process off;", 1);
                Peer::nginx(folder, "nginx", &text, front, &[])
            }
        }
    }

    /// Starts HAProxy in `folder` as [`Proxy::start`] does, with an action that fails.
    pub(super) fn start_failing(folder: &Path, addresses: Addresses) -> Result<Peer> {
        let asks = "local status, headers, body = ask(";
        ensure!(HAPROXY_ACTION.contains(asks), "the action asks in another way");
        let action = HAPROXY_ACTION.replacen(asks, &format!("error(\"broken\")\n  {asks}"), 1);
        std::fs::write(folder.join("doorward.lua"), action)?;
        let (front, ..) = addresses;
        Peer::haproxy(folder, &ported(HAPROXY, addresses), front)
    }

    /// What its caller is answered while Doorward cannot be reached.
    pub(super) const fn unreachable(self) -> u16 {
        match self {
            Self::Caddy => 502,
            Self::Envoy => 403,
            Self::Haproxy => 503,
            Self::Nginx => 500,
        }
    }

    /// What its caller is answered when Doorward is reached and says nothing, and after how long, as its example says.
    pub(super) const fn silence(self) -> (u16, Duration) {
        match self {
            Self::Caddy => (504, Duration::from_secs(2)),
            Self::Envoy => (403, Duration::from_secs(1)),
            Self::Haproxy => (503, Duration::from_secs(2)),
            Self::Nginx => (500, Duration::from_secs(2)),
        }
    }

    /// Whether its example takes HTTP/2 without TLS.
    pub(super) const fn takes_http2(self) -> bool {
        matches!(self, Self::Envoy | Self::Haproxy)
    }

    /// Whether its caller sees the body of a denial.
    pub(super) const fn passes_bodies_on(self) -> bool {
        !matches!(self, Self::Nginx)
    }

    /// The status in which its caller is told what the gate has refused with `status`.
    pub(super) const fn told(self, status: u16) -> u16 {
        match (self, status) {
            // It passes on no other.
            (Self::Nginx, 400 | 402..=499) => 403,
            (Self::Nginx, 500..=599) => 500,
            (_, status) => status,
        }
    }
}

/// An example with the ports of a test in place of its own.
fn ported(example: &str, (front, door, service, own): Addresses) -> String {
    let mut text = example.to_owned();
    let ports = [("8000", front), ("8080", own), ("9001", service), ("9191", door), ("9192", door)];
    for (port, address) in ports {
        for before in ["port_value: ", ":", "127.0.0.1 "] {
            let ours = format!("{before}{}", address.port());
            text = text.replace(&format!("{before}{port}"), &ours);
        }
    }
    text
}
