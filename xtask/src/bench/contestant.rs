//! Who is measured: each with one worker, before the same service.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testbed::clock::until;
use testbed::{Client, Gateway, Issuer, Place, Port};
use tokens::Algorithm;

use super::{FEW, far_away, mint};
use crate::install::debian;
use crate::machine::resident_mib;
use crate::peer::{self, Peer};

/// The configurations, with `{folder}`, `{listen}` and `{service}` to be filled in.
const NGINX_SERVICE: &str = include_str!("../../bench/service.conf");
const NGINX_PROXY: &str = include_str!("../../bench/nginx.conf");
const ENVOY: &str = include_str!("../../bench/envoy.yaml");
const DOORWARD: &str = include_str!("../../bench/doorward.yaml");
const ENVOY_ASKS: &str = include_str!("../../bench/envoy-asks.yaml");
const NGINX_ASKS: &str = include_str!("../../bench/nginx-asks.conf");

/// The issuer of all tokens.
pub(super) const ISSUER: &str = "https://idp.test";

/// Someone who is measured.
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    /// Whether it checks tokens.
    pub(super) checks: bool,
    /// Memory in use when it had started, in MiB.
    pub(super) at_first: u64,
    process: Process,
}

enum Process {
    Peer(Peer),
    Doorward {
        gateway: Gateway,
        _place: Place,
    },
    /// A proxy that asks Doorward.
    Asking {
        peer: Peer,
        gateway: Gateway,
        _place: Place,
    },
}

impl Contestant {
    /// All of them, in the order of a round.
    pub(super) const NAMES: [&str; 6] =
        ["nginx", "envoy", "doorward", "doorward-identity", "envoy-asks", "nginx-asks"];

    /// Doorward by another name, in a place that is furnished.
    pub(super) fn doorward(name: &'static str, binary: &Path, place: Place) -> Result<Self> {
        let gateway = place.start(binary)?;
        let (address, process) = (place.http(), Process::Doorward { gateway, _place: place });
        Self::new(name, address, process)
    }

    fn new(name: &'static str, address: SocketAddr, process: Process) -> Result<Self> {
        until(name, Duration::from_secs(20), || Ok(Client::connect(address).ok().map(drop)))?;
        let checks = name != "nginx";
        let mut contestant = Self { name, address, checks, at_first: 0, process };
        contestant.at_first = contestant.resident()?;
        Ok(contestant)
    }

    /// The memory that it has in use, in MiB.
    pub(super) fn resident(&self) -> Result<u64> {
        let (forwards, asked) = self.pids();
        Ok(resident_mib(forwards)? + asked.map_or(Ok(0), resident_mib)?)
    }

    /// The processes whose time is counted: the one that forwards, and the one that it asks, if it does.
    pub(super) fn pids(&self) -> (u32, Option<u32>) {
        match &self.process {
            Process::Peer(peer) => (peer.pid(), None),
            Process::Doorward { gateway, .. } => (gateway.pid(), None),
            Process::Asking { peer, gateway, .. } => (peer.pid(), Some(gateway.pid())),
        }
    }
}

/// The service, everyone who is measured, and the issuers.
pub(super) struct Field {
    pub(super) contestants: Vec<Contestant>,
    pub(super) versions: Vec<String>,
    issuers: Vec<(Algorithm, Issuer)>,
    pub(super) service: SocketAddr,
    _service: Peer,
    _ports: Vec<Port>,
}

impl Field {
    /// Starts the service and everyone (or only `only`).
    pub(super) fn enter(folder: &Path, binary: &Path, only: Option<&str>) -> Result<Self> {
        let mut ports = Vec::new();
        let mut port = || -> Result<SocketAddr> {
            let port = Port::reserve()?;
            let address = port.address();
            ports.push(port);
            Ok(address)
        };
        let issuers = [Algorithm::Rs256, Algorithm::Es256]
            .into_iter()
            .map(|algorithm| Ok((algorithm, Issuer::new(ISSUER, algorithm)?)))
            .collect::<Result<Vec<_>>>()?;
        let keys = key_set(&issuers);
        let service = port()?;
        let at = service.to_string();
        let behind = [("service", at.as_str())];
        let running = Peer::nginx(folder, "service", NGINX_SERVICE, service, &behind)?;
        let mut versions =
            vec![peer::nginx_version()?, peer::version("wrk", &debian::tool(&debian::WRK)?, "-v")?];
        let mut contestants = Vec::new();
        for name in Contestant::NAMES {
            if only.is_some_and(|only| only != name) {
                continue;
            }
            let (address, process) = match name {
                "nginx" => {
                    let listen = port()?;
                    let nginx = Peer::nginx(folder, name, NGINX_PROXY, listen, &behind)?;
                    (listen, Process::Peer(nginx))
                }
                "envoy" => {
                    versions.push(peer::envoy_version()?);
                    let listen = port()?;
                    std::fs::write(folder.join("keys.json"), &keys)?;
                    let service_port = service.port().to_string();
                    let behind = [("service_port", service_port.as_str())];
                    (listen, Process::Peer(Peer::envoy(folder, ENVOY, listen, &behind)?))
                }
                "envoy-asks" | "nginx-asks" => {
                    let (listen, door) = (port()?, port()?);
                    let envoy = name == "envoy-asks";
                    (listen, start_asking((folder, binary), &keys, (listen, door, service), envoy)?)
                }
                _ => {
                    let token =
                        if name == "doorward-identity" { "token: Doorward-Identity," } else { "" };
                    contestants.push(Contestant::doorward(
                        name,
                        binary,
                        configured(&keys, service, token)?,
                    )?);
                    continue;
                }
            };
            contestants.push(Contestant::new(name, address, process)?);
        }
        Ok(Self { contestants, versions, issuers, service, _service: running, _ports: ports })
    }

    /// The tokens of `algorithm`, each in its header line.
    pub(super) fn tokens(&self, algorithm: Algorithm) -> Result<Vec<String>> {
        let issuer = self.issuers.iter().find(|(one, _)| *one == algorithm);
        let tokens = mint(&issuer.context("an issuer for each algorithm")?.1, FEW, |number| {
            json!({
                "groups": ["eng", "oncall"], "scope": "orders:read",
                "email": format!("user-{number}@corp.test"), "exp": far_away(),
            })
        })?;
        Ok(tokens.iter().map(|token| format!("Authorization: Bearer {token}")).collect())
    }
}

fn key_set(issuers: &[(Algorithm, Issuer)]) -> String {
    let keys: Vec<Value> = issuers
        .iter()
        .filter_map(|(_, issuer)| issuer.key_set().pointer("/keys/0").cloned())
        .collect();
    json!({ "keys": keys }).to_string()
}

/// A place for Doorward before `service`, which is told identities by a token too if one is said.
fn configured(keys: &str, service: SocketAddr, token: &str) -> Result<Place> {
    let place = Place::new()?;
    place.write("keys.json", keys)?;
    let text = DOORWARD.replace("{service}", &service.to_string()).replace("{token}", token);
    place.configure(&text)?;
    Ok(place)
}

/// A proxy that asks Doorward at `door`.
fn start_asking(
    (folder, binary): (&Path, &Path),
    keys: &str,
    (listen, door, service): (SocketAddr, SocketAddr, SocketAddr),
    envoy: bool,
) -> Result<Process> {
    let place = configured(keys, service, "")?;
    let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
    let asked = if envoy {
        format!("  ext_authz: {{ address: \"{door}\" }}\n  http:")
    } else {
        format!("  forward_auth: {{ address: \"{door}\", proxy: nginx }}\n  http:")
    };
    place.write("doorward.yaml", &text.replacen("  http:", &asked, 1))?;
    let gateway = place.start(binary)?;
    let peer = if envoy {
        let folder = folder.join("envoy-asks");
        std::fs::create_dir(&folder)?;
        let (service, door) = (service.port().to_string(), door.port().to_string());
        let behind = [("service_port", service.as_str()), ("door_port", door.as_str())];
        Peer::envoy(&folder, ENVOY_ASKS, listen, &behind)?
    } else {
        let (service, door) = (service.to_string(), door.to_string());
        let behind = [("service", service.as_str()), ("door", door.as_str())];
        Peer::nginx(folder, "nginx-asks", NGINX_ASKS, listen, &behind)?
    };
    Ok(Process::Asking { peer, gateway, _place: place })
}
