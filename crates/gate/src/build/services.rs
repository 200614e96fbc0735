//! Services: what stands behind the door, each with an audience of its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use http::HeaderName;

use super::{BuildError, Builder};
use crate::route::{Service, ToldIdentity};
use crate::spec::{IdentityField, IdentityForward, Place, ServiceSpec};

impl Builder<'_> {
    pub(super) fn services(&mut self) {
        let inside = self.spec.evaluation.as_ref().map(|evaluation| &evaluation.service);
        let mut audiences: HashMap<&str, usize> = HashMap::new();
        for (index, service) in self.spec.services.iter().enumerate() {
            let place = Place::key("services").then(&service.name);
            if service.audience.is_empty() {
                let message = format!("the service `{}` has no audience", service.name);
                self.push(
                    place.then("audience"),
                    &message,
                    "name the audience that tokens for it have",
                );
            }
            if let Some(first) = audiences.insert(&service.audience, index) {
                let other =
                    self.spec.services.get(first).map_or("", |service| service.name.as_str());
                let message = format!(
                    "the services `{}` and `{other}` share the audience `{}`",
                    service.name, service.audience
                );
                self.errors.push(
                    BuildError::new(place.then("audience"), &message)
                        .with_help("give each service an audience of its own, so that a token for one never opens another")
                        .and(Place::key("services").then(other).then("audience")),
                );
            }
            let identity = self.told_identity(service);
            let runtime = Service {
                name: service.name.as_str().into(),
                audience: service.audience.as_str().into(),
                identity,
                index,
                inside: inside == Some(&service.name),
            };
            if self.services.insert(&service.name, Arc::new(runtime)).is_some() {
                let message = format!("there are two services named `{}`", service.name);
                self.errors.push(BuildError::new(place, &message));
            }
        }
    }

    fn told_identity(&mut self, service: &ServiceSpec) -> ToldIdentity {
        let place = Place::key("services").then(&service.name).then("identity");
        let mut read = |name: &str, place: Place| {
            let read = HeaderName::from_bytes(name.as_bytes());
            if read.is_err() {
                let message = format!("`{name}` cannot be the name of a header");
                self.errors.push(BuildError::new(place, &message));
            }
            read.ok()
        };
        let IdentityForward { token_header, headers, forward_credential } = &service.identity;
        let token_header = token_header.as_deref();
        ToldIdentity {
            token_header: token_header.and_then(|name| read(name, place.then("token"))),
            headers: headers
                .iter()
                .filter_map(|(name, field)| {
                    Some((read(name, place.then("headers").then(name))?, field.clone()))
                })
                .collect(),
            forward_credential: *forward_credential,
        }
    }

    /// A subject or a group means something only together with its issuer.
    pub(super) fn identity_headers(&mut self) {
        for service in &self.spec.services {
            let headers = &service.identity.headers;
            if headers.iter().any(|(_, field)| matches!(field, IdentityField::Issuer)) {
                continue;
            }
            let routes = self.routes.iter().filter(|route| *route.service.name == *service.name);
            let accepted = routes.flat_map(|route| route.accepted(&self.issuers));
            let issuers: BTreeSet<_> = accepted.map(|issuer| issuer.name()).collect();
            if issuers.len() < 2 {
                continue;
            }
            let names: Vec<_> = issuers.iter().map(|name| format!("`{name}`")).collect();
            let told = headers.iter().filter_map(|(name, field)| match field {
                IdentityField::Groups => Some((name, "groups", "groups")),
                IdentityField::Subject => Some((name, "a subject", "subject")),
                _ => None,
            });
            for (name, what, field) in told {
                let message = format!(
                    "`{name}` tells `{}` {what} without the issuer, and its routes accept {}",
                    service.name,
                    names.join(" and ")
                );
                let help = format!(
                    "one issuer's `alice` is not another's: tell the issuer too, as in `headers: {{ {name}: {field}, X-Forwarded-Issuer: issuer }}`"
                );
                let identity = Place::key("services").then(&service.name).then("identity");
                let place = identity.then("headers").then(name);
                self.errors.push(BuildError::new(place, &message).with_help(&help));
            }
        }
    }
}
