//! Doorward, configured for each scenario.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use testbed::{Place, Port};

use super::contestant::{Contestant, Process, started};
use super::field::Field;
use crate::peer::Peer;

/// The configurations, with what is in braces to be filled in.
const DOORWARD: &str = include_str!("../../bench/doorward.yaml");
const ENVOY_ASKS: &str = include_str!("../../bench/envoy-asks.yaml");
const NGINX_ASKS: &str = include_str!("../../bench/nginx-asks.conf");

/// The one route of most scenarios.
pub(super) const ONE_ROUTE: &str = "  - name: read-order
    match: { host: orders.test, path: \"/orders/{id}\", methods: [GET, POST] }
    service: orders
    accept: [corp]
    allow: [{ scopes: [\"orders:read\"] }]
";

/// In what Doorward differs from scenario to scenario.
#[derive(Clone, Debug)]
pub(crate) struct Gate<'a> {
    pub(super) service: SocketAddr,
    /// Whether the service is told a signed identity.
    pub(crate) signs: bool,
    pub(super) threads: usize,
    /// A certificate and its key in PEM: callers speak TLS.
    pub(super) tls: Option<&'a str>,
    /// The routes, as a list in YAML.
    pub(super) routes: String,
    /// Policies in Cedar; none if it is empty.
    pub(super) policies: String,
}

/// A proxy that asks Doorward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    Envoy,
    Nginx,
}

impl<'a> Gate<'a> {
    /// As it is where nothing else is said: with the signed identity, and one thread.
    pub(super) fn usual(field: &Field) -> Self {
        Self::before(field.service)
    }

    /// The same before this service.
    pub(crate) fn before(service: SocketAddr) -> Self {
        Self {
            service,
            signs: true,
            threads: 1,
            tls: None,
            routes: ONE_ROUTE.to_owned(),
            policies: String::new(),
        }
    }

    /// The same without the signed identity.
    pub(super) fn unsigned(field: &Field) -> Self {
        Self { signs: false, ..Self::usual(field) }
    }

    /// A place for it, which listens at the further doors that `listen` says, each on a line.
    pub(super) fn place(&self, field: &Field, listen: &str) -> Result<Place> {
        self.furnished(&field.key_set(), listen)
    }

    /// The same, with these keys of the issuer.
    pub(crate) fn furnished(&self, keys: &str, listen: &str) -> Result<Place> {
        let place = Place::new()?;
        place.write("keys.json", keys)?;
        if let Some(pem) = self.tls {
            place.write("door.pem", pem)?;
        }
        place.write("rules.cedar", &self.policies)?;
        let policies = if self.policies.is_empty() { "" } else { "policies: rules.cedar\n" };
        let text = DOORWARD
            .replace("{threads}", &self.threads.to_string())
            .replace("{service}", &self.service.to_string())
            .replace("{token}", if self.signs { "token: Doorward-Identity," } else { "" })
            .replace("{policies}", policies)
            .replace("{routes}", &self.routes);
        place.configure(&text)?;
        let text = std::fs::read_to_string(place.path("doorward.yaml"))?;
        place.write("doorward.yaml", &text.replacen("  http:", &format!("{listen}  http:"), 1))?;
        Ok(place)
    }

    /// Doorward as a proxy.
    pub(super) fn start(&self, field: &Field, name: &'static str) -> Result<Contestant> {
        if self.tls.is_none() {
            return Contestant::doorward(name, &field.binary, self.place(field, "")?);
        }
        let port = Port::reserve()?;
        let address = port.address();
        let listen = format!("  https: {{ address: \"{address}\", certificates: [door.pem] }}\n");
        let place = self.place(field, &listen)?;
        let gateway = started(&place, &field.binary)?;
        Contestant::new(name, address, Process::Doorward { gateway, place }, vec![port])
    }

    /// Doorward as who is asked by gRPC, at the address of the contestant.
    pub(super) fn start_asked(&self, field: &Field, name: &'static str) -> Result<Contestant> {
        let door = Port::reserve()?;
        let address = door.address();
        let place = self.place(field, &format!("  ext_authz: {{ address: \"{address}\" }}\n"))?;
        let gateway = started(&place, &field.binary)?;
        Contestant::new(name, address, Process::Doorward { gateway, place }, vec![door])
    }

    /// A proxy that asks Doorward about each request.
    pub(super) fn start_behind(
        &self,
        field: &Field,
        name: &'static str,
        asking: Asking,
    ) -> Result<Contestant> {
        let (port, door) = (Port::reserve()?, Port::reserve()?);
        let (listen, at) = (port.address(), door.address());
        let place = self.place(
            field,
            &match asking {
                Asking::Envoy => format!("  ext_authz: {{ address: \"{at}\" }}\n"),
                Asking::Nginx => {
                    format!("  forward_auth: {{ address: \"{at}\", proxy: nginx }}\n")
                }
            },
        )?;
        let gateway = started(&place, &field.binary)?;
        let folder = field.folder.join(name);
        std::fs::create_dir(&folder).context("a contestant has a name of its own")?;
        let peer = match asking {
            Asking::Envoy => {
                let (service, door) = (self.service.port().to_string(), at.port().to_string());
                let values = [("service_port", &*service), ("door_port", &*door)];
                Peer::envoy(&folder, ENVOY_ASKS, listen, &values)?
            }
            Asking::Nginx => {
                let (service, door) = (self.service.to_string(), at.to_string());
                let values = [("service", &*service), ("door", &*door)];
                Peer::nginx(&folder, "nginx", NGINX_ASKS, listen, &values)?
            }
        };
        let process = Process::Asking { peer, gateway, _place: place };
        Contestant::new(name, listen, process, vec![port, door])
    }
}
