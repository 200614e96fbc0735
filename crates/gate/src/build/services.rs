//! Services: what stands behind the door, each with an audience of its own.

use std::collections::HashMap;
use std::sync::Arc;

use super::{BuildError, Builder};
use crate::route::Service;
use crate::spec::Place;

impl Builder<'_> {
    pub(super) fn services(&mut self) {
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
            let runtime = Service {
                name: service.name.as_str().into(),
                audience: service.audience.as_str().into(),
                identity: service.identity.clone(),
                index,
            };
            if self.services.insert(&service.name, Arc::new(runtime)).is_some() {
                let message = format!("there are two services named `{}`", service.name);
                self.errors.push(BuildError::new(place, &message));
            }
        }
    }
}
