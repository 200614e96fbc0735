use doors::proxy::MAX_GRPC_SERVICE_BYTES;
use doors::{Health, HealthCheck};
use gate::spec::Place;

use super::{Lowering, number};
use crate::config::tree::{Node, shortened};
use crate::config::value::EndpointUrl;
use crate::config::{file, model};

impl Lowering<'_> {
    pub(super) fn endpoints(
        &mut self,
        service: &file::Service,
        place: &Place,
    ) -> Vec<model::Endpoint> {
        let weights = self.weights(service, place);
        let place = place.then("endpoints");
        let urls = &service.endpoints;
        let lowered = |(index, url): (usize, &EndpointUrl)| model::Endpoint {
            tls: url.tls,
            at: url.at.clone(),
            weight: weights.get(index).copied().unwrap_or(1),
        };
        let endpoints: Vec<_> = urls.iter().enumerate().map(lowered).collect();
        let written = self.tree.find(&place).is_some_and(|node| !node.is_empty());
        if endpoints.is_empty() && !written {
            let problem = self.problem(&place, "expected at least one endpoint");
            self.report(problem.help("write `[http://10.0.0.11:9001]`"));
        }
        for (index, endpoint) in endpoints.iter().enumerate() {
            if endpoints.first().is_some_and(|first| first.tls != endpoint.tls) {
                let message = format!("`{endpoint}` has another scheme than the first");
                let problem = self.problem(&place.at(index), message);
                self.report(
                    problem.help("write all endpoints of a service as http, or all as https"),
                );
            }
            let same =
                |other: &model::Endpoint| (&other.at, other.tls) == (&endpoint.at, endpoint.tls);
            if endpoints.iter().take(index).any(same) {
                let message = format!("`{endpoint}` is listed twice");
                let problem = self.problem(&place.at(index), message).help("keep one of the two");
                self.report(problem);
            }
        }
        endpoints
    }

    fn weights(&mut self, service: &file::Service, place: &Place) -> Vec<u32> {
        let Some(weights) = &service.weights else { return Vec::new() };
        let whole = |key: &Place| self.tree.find(key).is_some_and(Node::is_whole);
        let (given, wanted) = (weights.len(), service.endpoints.len());
        if given != wanted && whole(&place.then("weights")) && whole(&place.then("endpoints")) {
            let place = place.then("weights");
            let message = format!("expected one weight for each endpoint, {wanted}, found {given}");
            let problem = self.problem(&place, message);
            self.report(problem.help("write them in the order of `endpoints`"));
        }
        weights.iter().map(number).collect()
    }

    pub(super) fn health(
        &mut self,
        health: &file::Health,
        http2: bool,
        place: &Place,
    ) -> Option<Health> {
        let check = self.health_check(health, http2, place);
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
        let (fall, rise) = (number(&health.fall), number(&health.rise));
        Some(Health { check: check?, every: every.into(), timeout: timeout.into(), fall, rise })
    }

    fn health_check(
        &mut self,
        health: &file::Health,
        http2: bool,
        place: &Place,
    ) -> Option<HealthCheck> {
        let kinds = ["path", "grpc", "tcp"];
        let written = kinds.iter().filter(|kind| self.tree.find(&place.then(kind)).is_some());
        if written.count() != 1 || health.tcp == Some(false) {
            let problem =
                self.key_problem(place, "expected exactly one of `path`, `grpc` and `tcp`");
            self.report(problem.help("write `path: /healthz`, `grpc: \"\"` or `tcp: true`"));
            return None;
        }
        if let Some(path) = &health.path {
            let sound = path.starts_with('/') && path.parse::<http::uri::PathAndQuery>().is_ok();
            if !sound || path.contains('#') {
                let message = format!("`{}` is not a path", shortened(path));
                let problem = self.problem(&place.then("path"), message);
                self.report(problem.help("write a path such as `/healthz`"));
            }
            return Some(HealthCheck::Path(path.clone()));
        }
        let Some(service) = &health.grpc else {
            return health.tcp.map(|_| HealthCheck::Tcp);
        };
        let grpc = place.then("grpc");
        if !http2 {
            let problem = self.key_problem(&grpc, "gRPC is spoken over HTTP/2");
            self.report(problem.help("add `protocol: http2` to the service"));
        }
        if service.len() > MAX_GRPC_SERVICE_BYTES {
            let message = format!("`{}` is too long for the name of a service", shortened(service));
            let problem = self.problem(&grpc, message);
            self.report(problem.help(format!("write at most {MAX_GRPC_SERVICE_BYTES} bytes")));
        }
        Some(HealthCheck::Grpc(service.clone()))
    }
}
