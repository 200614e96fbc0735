use std::net::{Ipv4Addr, SocketAddr};

use gate::spec::Place;

use super::Lowering;
use crate::config::value::{Network, PeerNetwork};
use crate::config::{file, model};

/// Where health, readiness and metrics are served unless the configuration says otherwise.
const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);

impl Lowering<'_> {
    pub(super) fn listen(&mut self, listen: Option<file::Listen>) -> model::Listen {
        let place = Place::key("listen");
        let Some(listen) = listen else {
            if !self.tree.has("listen") {
                let problem = crate::config::problem::Problem::new(
                    self.source,
                    "the key `listen` is missing: there is nothing to listen on",
                );
                self.report(problem.help("add `listen: { http: 127.0.0.1:8080 }`"));
            }
            return model::Listen { http: DEFAULT_ADMIN, admin: DEFAULT_ADMIN };
        };
        let http = listen.http.0;
        let admin = listen.admin.map_or(DEFAULT_ADMIN, |address| address.0);
        let plain = place.then("danger_plain_http_beyond_loopback");
        let open = place.then("danger_admin_beyond_loopback");
        if !loopback(http) && !listen.danger_plain_http_beyond_loopback {
            let message = format!("plain HTTP on `{http}`, beyond loopback");
            let problem = self.problem(&place.then("http"), message).help(format!(
                "write `127.0.0.1:{}`; or, if something in front ends TLS, add `danger_plain_http_beyond_loopback: true`",
                http.port()
            ));
            self.report(problem);
        }
        if !loopback(admin) && !listen.danger_admin_beyond_loopback {
            let message = format!("health, readiness and metrics on `{admin}`, beyond loopback");
            let problem = self.problem(&place.then("admin"), message).help(format!(
                "write `127.0.0.1:{}`; or, if only your own monitoring reaches it, add `danger_admin_beyond_loopback: true`",
                admin.port()
            ));
            self.report(problem);
        }
        if http == admin && http.port() != 0 {
            let problem = self
                .problem(&place.then("http"), format!("`{http}` is also the address of `admin`"))
                .help("give each an address of its own");
            self.report(problem);
        }
        self.exception(
            listen.danger_plain_http_beyond_loopback,
            &plain,
            "requests and their tokens may cross the network in plain HTTP",
        );
        self.exception(
            listen.danger_admin_beyond_loopback,
            &open,
            "health, readiness and metrics may be read from other machines",
        );
        model::Listen { http, admin }
    }

    pub(super) fn trusted_peers(&mut self, peers: &[PeerNetwork], every: bool) -> Vec<Network> {
        let place = Place::key("trusted_peers");
        for (index, peer) in peers.iter().enumerate() {
            if peer.0.is_everyone() && !every {
                let message = format!("`{}` trusts the forwarded headers of everyone", peer.0);
                let problem = self.problem(&place.at(index), message).help(
                    "write the networks of your load balancers, such as `10.0.0.0/8`; or add `danger_trust_every_peer: true`",
                );
                self.report(problem);
            }
        }
        self.exception(
            every,
            &Place::key("danger_trust_every_peer"),
            "every peer may be trusted to say for whom it forwards",
        );
        peers.iter().map(|peer| peer.0).collect()
    }
}

fn loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
