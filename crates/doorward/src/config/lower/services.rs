use std::collections::BTreeMap;

use doors::proxy::{ServiceTls, TlsError, client_tls};
use gate::spec::{IdentityField, IdentityForward, Place, ServiceSpec};
use http::StatusCode;

use super::{Lowering, count, number, time};
use crate::config::value::Name;
use crate::config::{file, model};

/// The answers after which another endpoint is asked unless the configuration says otherwise.
const RETRIED: [StatusCode; 3] =
    [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];

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
        let endpoints = self.endpoints(service, place);
        let tls = self.service_tls(service, &endpoints, place);
        let http2 = matches!(service.protocol, file::Protocol::Http2);
        let health = service.health.as_ref();
        model::Upstream {
            endpoints,
            slow_start: time(&service.slow_start),
            http2,
            tls,
            health: health.and_then(|health| self.health(health, http2, &place.then("health"))),
            ejection: doors::Ejection {
                errors: number(&service.ejection.errors),
                at_most_percent: count(&service.ejection.at_most),
            },
            retry: retry(&service.retry),
            timeouts: doors::Timeouts {
                connect: time(&service.timeouts.connect),
                first_byte: time(&service.timeouts.first_byte),
                idle: time(&service.timeouts.idle),
                total: service.timeouts.total.as_ref().map(time),
            },
            max_connections: count(&service.max_connections),
            caller_share_percent: count(&service.caller_share),
            max_pending: count(&service.max_pending),
            max_streams: count(&service.max_streams),
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
        if let (Some(_), Some(_)) = (&tls.server_name, &tls.spiffe_id) {
            let place = place.then("server_name");
            let problem = self.key_problem(&place, "the service is known by its SPIFFE ID already");
            self.report(problem.help("keep one of `server_name` and `spiffe_id`"));
        }
        if tls.spiffe_id.is_some() && tls.ca.is_none() {
            let problem = self.key_problem(
                &place.then("spiffe_id"),
                "no authority vouches for the SPIFFE ID: the system's do not",
            );
            self.report(problem.help("add `ca`, a PEM file with those of its trust domain"));
        } else if tls.ca.is_none() || ca.is_some() {
            let options = ServiceTls {
                ca: ca.as_ref(),
                spiffe_id: tls.spiffe_id.as_ref().map(|id| id.0.as_str()),
                certificates: &files,
                http2: false,
            };
            if let Err(error) = client_tls(&options) {
                let ca = tls.ca.as_deref().filter(|ca| error.file() == Some(ca));
                let place = match error {
                    TlsError::NoSpiffeId(_) => place.then("spiffe_id"),
                    _ => ca.map_or_else(|| place.clone(), |_| place.then("ca")),
                };
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
            spiffe_id: tls.spiffe_id.as_ref().map(|id| id.0.clone()),
            certificates: tls.certificates.iter().map(|path| self.path(path)).collect(),
        })
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

fn retry(retry: &file::Retry) -> doors::Retry {
    let usual = || RETRIED.to_vec();
    let statuses = retry.statuses.as_ref().map_or_else(usual, |statuses| {
        // INVARIANT: the bounds of a status are within those of HTTP.
        statuses.iter().filter_map(|status| StatusCode::from_u16(number(status)).ok()).collect()
    });
    doors::Retry { statuses, at_most_percent: count(&retry.at_most) }
}
