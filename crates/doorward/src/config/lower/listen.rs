use std::net::{Ipv4Addr, SocketAddr};

use doors::proxy::{ClientCertificates, PemFile, ServerTls, TlsError};
use gate::spec::Place;

use super::Lowering;
use crate::config::model::ListenAt;
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
            return model::Listen {
                http: None,
                https: None,
                ext_authz: None,
                forward_auth: None,
                redirect_to_https: false,
                proxy_protocol: false,
                admin: DEFAULT_ADMIN,
            };
        };
        let doors = ["http", "https", "ext_authz", "forward_auth"];
        if doors.iter().all(|key| self.tree.find(&place.then(key)).is_none()) {
            let expected = "expected a door: `http`, `https`, `ext_authz` or `forward_auth`";
            let problem = self.key_problem(&place, expected);
            self.report(problem.help("add `http: 127.0.0.1:8080`"));
        }
        let http = listen.http.map(|address| address.0);
        let https = listen.https.map(|https| self.https(&https, &place.then("https")));
        let admin = listen.admin.map_or(DEFAULT_ADMIN, |address| address.0);
        let ext_authz = listen.ext_authz.map(|door| self.ext_authz(door, &place.then("ext_authz")));
        let forward_auth =
            listen.forward_auth.map(|door| self.forward_auth(door, &place.then("forward_auth")));
        let plain = place.then("danger_plain_http_beyond_loopback");
        let open = place.then("danger_admin_beyond_loopback");
        if let Some(http) = http.filter(|http| !loopback(*http))
            && !listen.danger_plain_http_beyond_loopback
            && !listen.redirect_to_https
        {
            let message = format!("plain HTTP on `{http}`, beyond loopback");
            let problem = self.problem(&place.then("http"), message).help(format!(
                "write `127.0.0.1:{}`, or serve `https` there; or, if something in front ends TLS, add `danger_plain_http_beyond_loopback: true`",
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
        if listen.redirect_to_https && (http.is_none() || https.is_none()) {
            let problem = self
                .key_problem(
                    &place.then("redirect_to_https"),
                    "there is nowhere to redirect from or to",
                )
                .help("set both `http` and `https`");
            self.report(problem);
        }
        let secure = https.as_ref().map(|https| ListenAt::Address(https.address));
        let asking = ext_authz.as_ref().map(|door| door.at.clone());
        let forwarding = forward_auth.as_ref().map(|(door, _)| door.at.clone());
        self.no_two_at_one_address([
            ("admin", Some(ListenAt::Address(admin)), place.then("admin")),
            ("http", http.map(ListenAt::Address), place.then("http")),
            ("https", secure, place.then("https").then("address")),
            ("ext_authz", asking, place.then("ext_authz").then("address")),
            ("forward_auth", forwarding, place.then("forward_auth").then("address")),
        ]);
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
        model::Listen {
            http,
            https,
            ext_authz,
            forward_auth,
            redirect_to_https: listen.redirect_to_https,
            proxy_protocol: listen.proxy_protocol,
            admin,
        }
    }

    fn no_two_at_one_address(&mut self, all: [(&str, Option<ListenAt>, Place); 5]) {
        for (index, (_, one, place)) in all.iter().enumerate() {
            let mut before = all.iter().take(index);
            let same = before.find(|(_, other, _)| one == other);
            let Some((at, (what, ..))) = one.as_ref().filter(|at| !at.is_any()).zip(same) else {
                continue;
            };
            let message = format!("`{at}` is also the address of `{what}`");
            let problem = self.problem(place, message).help("give each an address of its own");
            self.report(problem);
        }
    }

    fn https(&mut self, https: &file::Https, place: &Place) -> model::Https {
        let acme = https.acme.as_ref();
        let acme = acme.map(|acme| self.acme(acme, &place.then("acme")));
        let https_place = place;
        let place = place.then("certificates");
        let acme_written = self.tree.find(&https_place.then("acme")).is_some();
        if https.certificates.is_empty() && !acme_written {
            let written = self.tree.find(&place).is_some();
            let at = if written { &place } else { https_place };
            let problem = self.problem(at, "expected at least one certificate");
            self.report(problem.help("write `certificates: [tls/example.pem]`, or add `acme`"));
        }
        let files = self.pems(&https.certificates, &place);
        if files.len() == https.certificates.len()
            && let Err(error) = ServerTls::new(&files, &ClientCertificates::default(), None)
        {
            self.tls_problem(&error, &https.certificates, &place);
        }
        let certificates = https.certificates.iter().map(|path| self.path(path)).collect();
        let clients = https.client_certificates;
        model::Https {
            address: https.address.0,
            certificates,
            acme,
            client_certificates_required: clients == Some(file::ClientCertificates::Required),
        }
    }

    /// The PEM files at `paths`, as far as they can be read.
    pub(super) fn pems(&mut self, paths: &[String], place: &Place) -> Vec<PemFile> {
        let each = paths.iter().enumerate();
        each.filter_map(|(index, path)| self.pem(path, &place.at(index))).collect()
    }

    pub(super) fn pem(&mut self, path: &str, place: &Place) -> Option<PemFile> {
        let bytes = self.read(path, place)?;
        Some(PemFile { name: path.to_owned(), bytes })
    }

    /// Complains about certificates at the file that is to blame, or else at `place`.
    pub(super) fn tls_problem(&mut self, error: &TlsError, paths: &[String], place: &Place) {
        let index = error.file().and_then(|file| paths.iter().position(|path| path == file));
        let certificates = place.then("certificates");
        let listed = if self.tree.find(&certificates).is_some() { &certificates } else { place };
        let place = index.map_or_else(|| listed.clone(), |index| listed.at(index));
        let problem = self.problem(&place, error.to_string()).help(error.remedy());
        self.report(problem);
    }

    /// Whose word about callers counts; with the PROXY protocol there must be somebody.
    pub(super) fn trusted_peers(
        &mut self,
        peers: &[PeerNetwork],
        every: bool,
        listen: &model::Listen,
    ) -> Vec<Network> {
        let place = Place::key("trusted_peers");
        if listen.proxy_protocol && peers.is_empty() {
            let place = Place::key("listen").then("proxy_protocol");
            let problem =
                self.key_problem(&place, "there is nobody to take the PROXY protocol from");
            self.report(
                problem.help(
                    "write the networks of your load balancers: `trusted_peers: [10.0.0.0/8]`",
                ),
            );
        }
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

pub(super) fn loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
