//! Routes: the only ways in, each request with one of its own.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use http::Method;

use super::{BuildError, Builder};
use crate::policy::STANDARD_METHODS;
use crate::route::{Credentials, HostPattern, PathPattern, Route, broader_routes};
use crate::spec::{Place, RouteSpec};

impl Builder<'_> {
    pub(super) fn routes(&mut self) {
        let mut names: HashMap<&str, usize> = HashMap::new();
        for (index, route) in self.spec.routes.iter().enumerate() {
            let place = Place::key("routes").at(index);
            if let Some(first) = names.insert(&route.name, index) {
                let message = format!("there are two routes named `{}`", route.name);
                self.errors.push(
                    BuildError::new(place.then("name"), &message)
                        .with_help(
                            "route names stand in rules, records and metrics: give each its own",
                        )
                        .and(Place::key("routes").at(first).then("name")),
                );
            }
            if route.name == "defaults" {
                let message = "a route cannot be named `defaults`: rules that bind every route go by that name";
                self.push(place.then("name"), message, "");
            }
            if let Some(runtime) = self.route(route, &place) {
                self.schema.add_route(&runtime.path, &runtime.methods);
                self.routes.push(runtime);
            }
        }
        // Indices in the tree are indices in `self.routes`; with an error the gate is not built at all.
        for (index, route) in self.routes.iter().enumerate() {
            self.tree.insert(&route.host, &route.path, &route.methods, index);
        }
    }

    fn route(&mut self, route: &RouteSpec, place: &Place) -> Option<Route> {
        let before = self.errors.len();
        let matching = place.then("match");
        let host = HostPattern::parse(&route.matches.host)
            .map_err(|error| self.push(matching.then("host"), &error.to_string(), ""))
            .ok();
        let path = PathPattern::parse(&route.matches.path)
            .map_err(|error| {
                let message = format!("`{}`: {error}", route.matches.path);
                self.push(matching.then("path"), &message, "");
            })
            .ok();
        if path.as_ref().is_some_and(PathPattern::is_reserved) {
            let message = format!(
                "`{}` is under `{}`, which is ours on every host",
                route.matches.path,
                crate::RESERVED_PREFIX
            );
            self.push(matching.then("path"), &message, "");
        }
        let methods = self.methods(&route.matches.methods, &matching.then("methods"));
        let service = self.services.get(route.service.as_str()).cloned();
        if service.is_none() {
            let message = format!("there is no service `{}`", route.service);
            let help = self
                .did_you_mean(&route.service, self.spec.services.iter().map(|s| s.name.as_str()));
            self.push(place.then("service"), &message, &help);
        }
        let public = route.allow.iter().any(|condition| condition.anyone);
        let mut accept = Vec::new();
        for (index, name) in route.accept.iter().enumerate() {
            match self.issuers.iter().position(|one| **one.name() == **name) {
                Some(issuer) => accept.push(issuer),
                None => {
                    let message = format!("there is no issuer `{name}`");
                    let names = self.issuers.iter().map(|one| &**one.name());
                    let help = self.did_you_mean(name, names);
                    self.push(place.then("accept").at(index), &message, &help);
                }
            }
        }
        if route.accept.is_empty() {
            if public {
                accept = (0..self.issuers.len()).collect();
            } else {
                let message =
                    format!("the route `{}` accepts no issuer, so nobody could use it", route.name);
                self.push(
                    place.clone(),
                    &message,
                    "add `accept: [<issuer>]`, or `allow: [{ anyone: true }]` to make it public",
                );
            }
        }
        let name: Arc<str> = route.name.as_str().into();
        let at = (Arc::clone(&name), methods.clone());
        let rates = self.rates(&route.rates, &place.then("rates"), Some(at));
        let cors = route.cors.as_ref();
        let cors = cors.map(|cors| self.cors(cors, &methods, &place.then("cors")));
        (self.errors.len() == before).then_some(())?;
        let accepted = || accept.iter().filter_map(|index| self.issuers.get(*index));
        let credentials = Credentials {
            certificates: accepted().any(|issuer| issuer.certificates().is_some()),
            sessions: accepted().any(|issuer| issuer.sessions().is_some()),
            sign_in: accepted().any(|issuer| issuer.sessions().is_some() && !issuer.disabled),
            tokens: accepted().any(|issuer| issuer.tokens().is_some()),
        };
        Some(Route {
            name,
            host: host?,
            path: path?,
            methods: shared(&mut self.methods, methods),
            service: service?,
            accept: shared(&mut self.accepted, accept),
            credentials,
            public,
            encoded_slash: route.encoded_slash,
            empty_segments: route.empty_segments,
            segment_parameters: route.segment_parameters,
            max_permit: route.max_permit,
            websocket: route.websocket,
            slow_body: route.slow_body,
            cors,
            rates,
            step_up: route.step_up.clone().unwrap_or_default(),
            disabled: route.disabled,
        })
    }

    fn methods(&mut self, names: &[String], place: &Place) -> Vec<Method> {
        let mut methods = Vec::new();
        if names.is_empty() {
            self.push(
                place.clone(),
                "a route names its methods",
                "write `methods: [GET]`, or `methods: [\"*\"]` for all the usual ones",
            );
        }
        for (index, name) in names.iter().enumerate() {
            if name == "*" {
                methods.extend(STANDARD_METHODS.iter().filter_map(|m| m.parse().ok()));
                continue;
            }
            match name.parse::<Method>() {
                Ok(Method::CONNECT | Method::TRACE) => {
                    let message = format!("`{name}` is never forwarded");
                    self.push(place.at(index), &message, "leave it out");
                }
                Ok(method)
                    if name.chars().any(|c| c.is_ascii_lowercase())
                        && method
                            .as_str()
                            .to_ascii_uppercase()
                            .parse::<Method>()
                            .is_ok_and(|m| STANDARD_METHODS.contains(&m.as_str())) =>
                {
                    let message =
                        format!("`{name}` is not a usual method: methods are written in capitals");
                    self.push(
                        place.at(index),
                        &message,
                        &format!("write `{}`", name.to_ascii_uppercase()),
                    );
                }
                Ok(method) => methods.push(method),
                Err(_) => {
                    let message = format!("`{name}` is not a method");
                    self.push(
                        place.at(index),
                        &message,
                        "write a token such as `GET` or `PROPFIND`",
                    );
                }
            }
        }
        methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        methods.dedup();
        methods
    }

    /// For each route, the broader ones that bind it; empty once there are errors.
    pub(super) fn bindings(&mut self) -> Vec<Vec<usize>> {
        if !self.errors.is_empty() {
            return Vec::new();
        }
        let ties = match broader_routes(&self.routes, &self.tree) {
            Ok(broader) => return broader,
            Err(ties) => ties,
        };
        for tie in ties {
            let name =
                |index: usize| self.routes.get(index).map_or("", |route| &route.name).to_owned();
            let (first, second) = (name(tie.first), name(tie.second));
            let (method, host, path) = tie.example;
            let same = self.routes.get(tie.first).map(|r| (&r.host, &r.path))
                == self.routes.get(tie.second).map(|r| (&r.host, &r.path));
            let (message, help) = if same {
                (
                    format!("the routes `{first}` and `{second}` both take `{method} {host}{path}`"),
                    "give each request one route: merge the two, or tell them apart by host, path or methods".to_owned(),
                )
            } else {
                (
                    format!(
                        "the routes `{first}` and `{second}` both take `{method} {host}{path}`, and neither is the more specific one"
                    ),
                    format!(
                        "add a route for `{host}{path}`; it will be bound by the `deny` and `require` of both"
                    ),
                )
            };
            let place = |index: usize| Place::key("routes").at(index).then("match");
            self.errors.push(
                BuildError::new(place(tie.second), &message).with_help(&help).and(place(tie.first)),
            );
        }
        Vec::new()
    }
}

/// The one of `lists` that is like this, which is put among them if none is.
fn shared<T: Eq + Hash>(lists: &mut HashSet<Arc<[T]>>, list: Vec<T>) -> Arc<[T]> {
    if let Some(known) = lists.get(list.as_slice()) {
        return Arc::clone(known);
    }
    let list: Arc<[T]> = list.into();
    lists.insert(Arc::clone(&list));
    list
}
