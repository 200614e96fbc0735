//! The proxies before the endpoints: nginx, Envoy and Doorward, each configured for what goes wrong.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use tempfile::TempDir;
use testbed::{Gateway, Place, Port};

use crate::peer::Peer;

/// The configurations, with their endpoints and name server to be filled in.
const NGINX: &str = include_str!("../../bench/faults/nginx.conf");
const NGINX_DNS: &str = include_str!("../../bench/faults/nginx-dns.conf");
const ENVOY: &str = include_str!("../../bench/faults/envoy.yaml");
const DOORWARD: &str = include_str!("../../bench/faults/doorward.yaml");

/// The names of the proxies, in the order of the table.
pub(crate) const NAMES: [&str; 3] = ["nginx", "Envoy", "Doorward"];

/// What a proxy has before it.
pub(crate) enum Behind {
    /// Endpoints at these addresses.
    Addresses(Vec<SocketAddr>),
    /// Endpoints at the addresses that this name server tells for a name, at this port.
    Name { name: &'static str, port: u16, server: SocketAddr },
}

/// A proxy that runs. It ends when it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    _process: Process,
}

enum Process {
    Peer { _peer: Peer, _port: Port, _folder: TempDir },
    Doorward { _gateway: Gateway, _place: Place },
}

impl Proxy {
    /// Starts the proxy called `name`.
    pub(crate) fn start(name: &str, behind: &Behind, doorward: &Path) -> Result<Self> {
        if name == "Doorward" {
            return Self::doorward(behind, doorward);
        }
        let folder = tempfile::Builder::new().prefix("doorward-peer-").tempdir()?;
        let port = Port::reserve()?;
        let address = port.address();
        let peer = match (name, behind) {
            ("nginx", Behind::Addresses(addresses)) => {
                let servers: Vec<_> =
                    addresses.iter().map(|one| format!("server {one};")).collect();
                let values = [("endpoints", servers.join(" "))];
                Peer::nginx(folder.path(), name, NGINX, address, &lent(&values))?
            }
            ("nginx", Behind::Name { name: host, port, server }) => {
                let values = [("dns", server.to_string()), ("name", format!("{host}:{port}"))];
                Peer::nginx(folder.path(), name, NGINX_DNS, address, &lent(&values))?
            }
            (_, Behind::Addresses(addresses)) => {
                let endpoints: Vec<_> = addresses
                    .iter()
                    .map(|one| envoy_endpoint(&one.ip().to_string(), one.port()))
                    .collect();
                // Nothing is looked up; a resolver must be named all the same.
                let values = [
                    ("endpoints", endpoints.join("\n              ")),
                    ("dns_port", "53".to_owned()),
                ];
                Peer::envoy(folder.path(), ENVOY, address, &lent(&values))?
            }
            (_, Behind::Name { name: host, port, server }) => {
                let values = [
                    ("endpoints", envoy_endpoint(host, *port)),
                    ("dns_port", server.port().to_string()),
                ];
                Peer::envoy(folder.path(), ENVOY, address, &lent(&values))?
            }
        };
        let process = Process::Peer { _peer: peer, _port: port, _folder: folder };
        Ok(Self { address, _process: process })
    }

    fn doorward(behind: &Behind, binary: &Path) -> Result<Self> {
        let (endpoints, dns) = match behind {
            Behind::Addresses(addresses) => {
                let urls: Vec<_> = addresses.iter().map(|one| format!("http://{one}")).collect();
                (format!("{urls:?}"), String::new())
            }
            Behind::Name { name, port, server } => (
                format!("[\"http://{name}:{port}\"]"),
                format!("dns: {{ servers: [\"{server}\"] }}\n"),
            ),
        };
        let place = Place::new()?;
        place.configure(&DOORWARD.replace("{endpoints}", &endpoints).replace("{dns}", &dns))?;
        let gateway = place.start(binary)?;
        let address = place.http();
        Ok(Self { address, _process: Process::Doorward { _gateway: gateway, _place: place } })
    }
}

fn lent<'a>(values: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    values.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn envoy_endpoint(host: &str, port: u16) -> String {
    format!(
        "- {{ endpoint: {{ address: {{ socket_address: {{ address: {host}, port_value: {port} }} }}, \
         health_check_config: {{}} }} }}"
    )
}
