use std::collections::BTreeMap;

use doors::proxy::{ServiceTls, client_tls};
use gate::spec::{IdentityField, IdentityForward, Place, ServiceSpec};

use super::{Lowering, count, time};
use crate::config::value::Name;
use crate::config::{file, model};

impl Lowering<'_> {
    pub(super) fn services(
        &mut self,
        services: BTreeMap<Name, file::Service>,
    ) -> (Vec<ServiceSpec>, BTreeMap<String, model::Upstream>) {
        let mut specs = Vec::new();
        let mut upstreams = BTreeMap::new();
        for (name, service) in services {
            let place = Place::key("services").then(name.as_str());
            let upstream = self.upstream(&service, &place);
            let identity =
                self.identity_forward(service.identity, service.forward_credential, &place);
            upstreams.insert(name.to_string(), upstream);
            specs.push(ServiceSpec { name: name.into(), audience: service.audience.0, identity });
        }
        (specs, upstreams)
    }

    fn upstream(&mut self, service: &file::Service, place: &Place) -> model::Upstream {
        let endpoints = self.endpoints(&service.endpoints, &place.then("endpoints"));
        let tls = self.service_tls(service, &endpoints, place);
        let health =
            service.health.as_ref().map(|health| self.health(health, &place.then("health")));
        model::Upstream {
            endpoints,
            http2: matches!(service.protocol, file::Protocol::Http2),
            tls,
            health,
            connect_timeout: time(&service.timeouts.connect),
            first_byte_timeout: time(&service.timeouts.first_byte),
            idle_timeout: time(&service.timeouts.idle),
            max_connections: count(&service.max_connections),
            max_pending: count(&service.max_pending),
        }
    }

    fn service_tls(
        &mut self,
        service: &file::Service,
        endpoints: &[model::Endpoint],
        place: &Place,
    ) -> Option<model::ServiceTls> {
        let place = place.then("tls");
        if service.tls.is_some() && !endpoints.iter().any(|endpoint| endpoint.tls) {
            let problem = self.key_problem(&place, "no endpoint of the service is `https`");
            self.report(problem.help("write its endpoints as `https://…`, or remove `tls`"));
        }
        let none = file::ServiceTls::default();
        let tls = endpoints
            .iter()
            .any(|endpoint| endpoint.tls)
            .then(|| service.tls.as_ref().unwrap_or(&none))?;
        let ca = tls.ca.as_deref().and_then(|path| self.pem(path, &place.then("ca")));
        let files = self.pems(&tls.certificates, &place.then("certificates"));
        if tls.ca.is_none() || ca.is_some() {
            let options = ServiceTls { ca: ca.as_ref(), certificates: &files, http2: false };
            if let Err(error) = client_tls(&options) {
                let ca = tls.ca.as_deref().filter(|ca| error.file() == Some(ca));
                let place = ca.map_or_else(|| place.clone(), |_| place.then("ca"));
                self.tls_problem(&error, &tls.certificates, &place);
            }
        }
        if let Some(name) = &tls.server_name
            && rustls::pki_types::ServerName::try_from(name.0.as_str()).is_err()
        {
            let message = format!("`{}` is not a host name", name.0);
            let problem = self.problem(&place.then("server_name"), message);
            self.report(problem.help("write the name that the certificate is for"));
        }
        Some(model::ServiceTls {
            ca: tls.ca.as_deref().map(|path| self.path(path)),
            server_name: tls.server_name.as_ref().map(|name| name.0.clone()),
            certificates: tls.certificates.iter().map(|path| self.path(path)).collect(),
        })
    }

    fn endpoints(&mut self, endpoints: &file::Endpoints, place: &Place) -> Vec<model::Endpoint> {
        let lowered = |endpoint: &crate::config::value::EndpointUrl| model::Endpoint {
            tls: endpoint.tls,
            host: endpoint.host.clone(),
            port: endpoint.port,
        };
        let written = self.tree.find(place).is_some_and(|node| !node.is_empty());
        if endpoints.is_empty() && !written {
            let problem = self.problem(place, "expected at least one endpoint");
            self.report(problem.help("write `[http://10.0.0.11:9001]`"));
        }
        for (index, endpoint) in endpoints.iter().enumerate() {
            if endpoints.first().is_some_and(|first| first.tls != endpoint.tls) {
                let message = format!("`{}` has another scheme than the first", lowered(endpoint));
                let problem = self.problem(&place.at(index), message);
                self.report(
                    problem.help("write all endpoints of a service as http, or all as https"),
                );
            }
            if endpoints.iter().take(index).any(|earlier| earlier == endpoint) {
                let message = format!("`{}` is listed twice", lowered(endpoint));
                let problem = self.problem(&place.at(index), message).help("keep one of the two");
                self.report(problem);
            }
        }
        endpoints.iter().map(lowered).collect()
    }

    fn health(&mut self, health: &file::Health, place: &Place) -> model::Health {
        let path = &health.path;
        let sound = path.starts_with('/') && path.parse::<http::uri::PathAndQuery>().is_ok();
        if !sound || path.contains('#') {
            let message = format!("`{}` is not a path", crate::config::tree::shortened(path));
            let problem =
                self.problem(&place.then("path"), message).help("write a path such as `/healthz`");
            self.report(problem);
        }
        let (every, timeout) = (health.every.value(), health.timeout.value());
        if timeout > every {
            let explicit = place.then("timeout");
            let at =
                if self.tree.find(&explicit).is_some() { explicit } else { place.then("every") };
            let message =
                format!("`timeout` is `{timeout}`, more than `every`, which is `{every}`");
            let problem = self.problem(&at, message);
            self.report(problem.help(format!("write at most `{every}` for `timeout`")));
        }
        model::Health { path: path.clone(), every: every.into(), timeout: timeout.into() }
    }

    fn identity_forward(
        &mut self,
        identity: file::ServiceIdentity,
        forward_credential: bool,
        place: &Place,
    ) -> IdentityForward {
        let place = place.then("identity");
        let mut taken: BTreeMap<String, Place> = BTreeMap::new();
        if let Some(token) = &identity.token {
            taken.insert(token.folded(), place.then("token"));
        }
        let mut headers = Vec::new();
        for (header, carried) in identity.headers {
            let place = place.then("headers").then(header.as_str());
            if let Some(other) = taken.get(&header.folded()) {
                let message = format!("the header `{}` is to carry two things", header.as_str());
                let problem = self
                    .key_problem(&place, message)
                    .mark(self.tree.locate(other), Some("also here"))
                    .help("use two headers; case makes no difference");
                self.report(problem);
            }
            if let IdentityField::Claim(claim) = &carried.0
                && let Some((message, help)) = self.undeclared_claim(claim)
            {
                let problem = self.problem(&place, message).help(help);
                self.report(problem);
            }
            taken.insert(header.folded(), place);
            headers.push((header.as_str().to_owned(), carried.0));
        }
        let token_header = identity.token.map(|token| token.as_str().to_owned());
        IdentityForward { token_header, headers, forward_credential }
    }
}
