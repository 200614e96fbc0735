//! A gate from its specification: everything checked against everything, all problems told at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use http::Method;
use tokens::Profile;

use crate::gate::{Gate, GateParts, Issuer, RouteRuntime};
use crate::policy::{
    CompiledRule, EntityType, LoadedPolicy, PolicyIndex, PrincipalKeys, RuleKind, RuleSite,
    SchemaInput, ScopedNames, compile, route_entity,
};
use crate::request::IdentityHeaders;
use crate::route::{HostPattern, PathPattern, Route, RouteTree, Service, broader_routes};
use crate::spec::{Condition, GateSpec, Place, RouteSpec};

/// Something wrong with a specification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    /// Where.
    pub place: Place,
    /// What, with the offending value in backticks.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The other place that it disagrees with, if there is one.
    pub also: Vec<Place>,
}

impl BuildError {
    pub(crate) fn new(place: Place, message: &str) -> Self {
        Self { place, message: message.to_owned(), help: None, also: Vec::new() }
    }

    pub(crate) fn with_help(mut self, help: &str) -> Self {
        self.help = (!help.is_empty()).then(|| help.to_owned());
        self
    }

    pub(crate) fn and(mut self, place: Place) -> Self {
        self.also.push(place);
        self
    }
}

impl Gate {
    /// Builds a gate.
    ///
    /// # Errors
    /// Everything that is wrong, each problem with its place and remedy.
    pub fn build(spec: &GateSpec) -> Result<Self, Vec<BuildError>> {
        let mut builder = Builder::new(spec);
        builder.services();
        builder.schema_of_issuers();
        builder.routes();
        builder.revoked();
        let bindings = builder.bindings();
        builder.short_form();
        builder.files();
        builder.finish(bindings)
    }
}

struct Builder<'a> {
    spec: &'a GateSpec,
    profiles: Vec<&'a Profile>,
    errors: Vec<BuildError>,
    services: HashMap<&'a str, Arc<Service>>,
    schema: SchemaInput,
    routes: Vec<Route>,
    tree: RouteTree,
    policies: Vec<LoadedPolicy>,
    revoked_tokens: HashSet<[u8; 32]>,
}

impl<'a> Builder<'a> {
    fn new(spec: &'a GateSpec) -> Self {
        Self {
            spec,
            profiles: spec.issuers.iter().map(|issuer| &issuer.profile).collect(),
            errors: Vec::new(),
            services: HashMap::new(),
            schema: SchemaInput::default(),
            routes: Vec::new(),
            tree: RouteTree::default(),
            policies: Vec::new(),
            revoked_tokens: HashSet::new(),
        }
    }

    fn services(&mut self) {
        let mut audiences: HashMap<&str, usize> = HashMap::new();
        for (index, service) in self.spec.services.iter().enumerate() {
            let place = Place::key("services").then(&service.name);
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

    fn schema_of_issuers(&mut self) {
        let mut identifiers: HashMap<&str, &str> = HashMap::new();
        for issuer in &self.spec.issuers {
            let name = issuer.profile.name();
            let place = Place::key("issuers").then(name);
            if let Err(claim) = self.schema.add_issuer(&issuer.profile) {
                let message =
                    format!("the claim `{claim}` is declared with another type by another issuer");
                self.errors.push(
                    BuildError::new(place.then("claims").then(&claim).then("type"), &message)
                        .with_help(
                            "declare it with one type everywhere, or under another name here",
                        ),
                );
            }
            if let Some(other) = identifiers.insert(issuer.profile.issuer(), name) {
                let message = format!(
                    "`{}` is pinned twice, as `{other}` and as `{name}`",
                    issuer.profile.issuer()
                );
                self.errors.push(
                    BuildError::new(place.then("issuer"), &message)
                        .and(Place::key("issuers").then(other).then("issuer")),
                );
            }
        }
    }

    fn routes(&mut self) {
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
            if let Some(runtime) = self.route(route, &place) {
                self.schema.add_route(&runtime.path, &runtime.methods);
                self.routes.push(runtime);
            }
        }
        // Indices in the tree are indices in `self.routes`; with an error the gate is not built at all.
        for (index, route) in self.routes.iter().enumerate() {
            self.tree.insert(&route.host, &route.path, route.methods.clone(), index);
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
            match self.profiles.iter().find(|profile| **profile.name() == **name) {
                Some(profile) => accept.push(Arc::clone(profile.name())),
                None => {
                    let message = format!("there is no issuer `{name}`");
                    let names = self.profiles.iter().map(|profile| &**profile.name());
                    let help = self.did_you_mean(name, names);
                    self.push(place.then("accept").at(index), &message, &help);
                }
            }
        }
        if route.accept.is_empty() {
            if public {
                accept = self.profiles.iter().map(|profile| Arc::clone(profile.name())).collect();
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
        (self.errors.len() == before).then_some(())?;
        Some(Route {
            name: route.name.as_str().into(),
            host: host?,
            path: path?,
            methods,
            service: service?,
            accept,
            public,
            encoded_slash: route.encoded_slash,
            empty_segments: route.empty_segments,
            segment_parameters: route.segment_parameters,
            max_permit: route.max_permit,
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
                methods
                    .extend(crate::policy::STANDARD_METHODS.iter().filter_map(|m| m.parse().ok()));
                continue;
            }
            match name.parse::<Method>() {
                Ok(Method::CONNECT | Method::TRACE) => {
                    let message = format!("`{name}` is never forwarded");
                    self.push(place.at(index), &message, "leave it out");
                }
                Ok(method)
                    if name.chars().any(|c| c.is_ascii_lowercase())
                        && method.as_str().to_ascii_uppercase().parse::<Method>().is_ok_and(
                            |m| crate::policy::STANDARD_METHODS.contains(&m.as_str()),
                        ) =>
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

    fn revoked(&mut self) {
        let place = Place::key("revoked");
        for (index, text) in self.spec.revoked.tokens.iter().enumerate() {
            let bytes: Option<Vec<u8>> = (text.len() == 64 && text.is_ascii()).then(|| {
                text.as_bytes()
                    .chunks(2)
                    .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                    .collect()
            });
            match bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
                Some(fingerprint) => {
                    self.revoked_tokens.insert(fingerprint);
                }
                None => {
                    let message = format!("`{text}` is not a token fingerprint");
                    self.push(
                        place.then("tokens").at(index),
                        &message,
                        "copy the 64 hexadecimal digits from the audit record's `token`",
                    );
                }
            }
        }
        for (index, (issuer, subject)) in self.spec.revoked.subjects.iter().enumerate() {
            if !self.profiles.iter().any(|profile| **profile.name() == **issuer) {
                let message = format!("there is no issuer `{issuer}`");
                let help =
                    format!("write the subject with its issuer's name, as in `corp/{subject}`");
                self.push(place.then("subjects").at(index), &message, &help);
            }
        }
    }

    /// For each route, the broader ones that bind it; empty once there are errors.
    fn bindings(&mut self) -> Vec<Vec<usize>> {
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

    fn short_form(&mut self) {
        let spec = self.spec;
        let profiles = std::mem::take(&mut self.profiles);
        let all = ScopedNames { known: &profiles, accepted: profiles.clone() };
        let place = Place::key("defaults");
        self.rules(
            "defaults",
            None,
            RuleKind::Deny,
            &spec.defaults.deny,
            &place.then("deny"),
            &all,
        );
        self.rules(
            "defaults",
            None,
            RuleKind::Require,
            &spec.defaults.require,
            &place.then("require"),
            &all,
        );
        for (index, route) in spec.routes.iter().enumerate() {
            let accepted = if route.accept.is_empty() {
                profiles.clone()
            } else {
                let taken = |profile: &&&Profile| {
                    route.accept.iter().any(|name| **name == **profile.name())
                };
                profiles.iter().filter(taken).copied().collect()
            };
            let names = ScopedNames { known: &profiles, accepted };
            let place = Place::key("routes").at(index);
            let uid = EntityType::Route.named(&route.name);
            for (kind, rules) in [
                (RuleKind::Allow, &route.allow),
                (RuleKind::Deny, &route.deny),
                (RuleKind::Require, &route.require),
            ] {
                self.rules(
                    &route.name,
                    Some(&uid),
                    kind,
                    rules,
                    &place.then(kind.as_str()),
                    &names,
                );
            }
        }
        self.profiles = profiles;
    }

    fn rules(
        &mut self,
        owner: &str,
        route: Option<&cedar_policy::EntityUid>,
        kind: RuleKind,
        rules: &[Condition],
        place: &Place,
        names: &ScopedNames<'_>,
    ) {
        for (index, condition) in rules.iter().enumerate() {
            let site = RuleSite { owner, route, kind, index, names };
            match compile(&site, condition, &place.at(index)) {
                Ok(rule) => self.load_rule(rule, &place.at(index)),
                Err(errors) => self.errors.extend(errors),
            }
        }
    }

    fn load_rule(&mut self, rule: CompiledRule, place: &Place) {
        match Policy::parse(Some(PolicyId::new(&rule.id)), &rule.text) {
            Ok(policy) => {
                self.policies.push(LoadedPolicy::new(rule.id, policy, rule.keys));
            }
            Err(error) => {
                self.push(place.clone(), &format!("this rule cannot be compiled: {error}"), "")
            }
        }
    }

    fn files(&mut self) {
        if self.spec.policies.is_empty() {
            return;
        }
        let schema = match Schema::from_cedarschema_str(&self.schema.text()) {
            Ok((schema, _)) => schema,
            Err(error) => {
                let message =
                    format!("no schema can be generated from this configuration: {error}");
                self.push(Place::key("policies"), &message, "");
                return;
            }
        };
        let validator = Validator::new(schema);
        for (index, file) in self.spec.policies.iter().enumerate() {
            let place = Place::key("policies").at(index);
            let set: PolicySet = match file.text.parse() {
                Ok(set) => set,
                Err(error) => {
                    self.push(place, &format!("`{}` is not Cedar: {}", file.name, error), "");
                    continue;
                }
            };
            if set.templates().next().is_some() {
                let message =
                    format!("`{}` holds a template, and nothing links templates", file.name);
                self.push(
                    place.clone(),
                    &message,
                    "write a policy without `?principal` and `?resource`",
                );
            }
            let mut loaded = Vec::new();
            for policy in set.policies() {
                let id = match policy.annotation("id") {
                    Some(id) => format!("{}#{id}", file.name),
                    None => format!("{}#{}", file.name, policy.id()),
                };
                loaded.push((Arc::<str>::from(id.as_str()), policy.new_id(PolicyId::new(id))));
            }
            let renamed =
                match PolicySet::from_policies(loaded.iter().map(|(_, policy)| policy.clone())) {
                    Ok(set) => set,
                    Err(error) => {
                        self.push(
                            place,
                            &format!("`{}`: {error}", file.name),
                            "give each policy an `@id` of its own",
                        );
                        continue;
                    }
                };
            let result = validator.validate(&renamed, ValidationMode::Strict);
            let errors: Vec<_> = result.validation_errors().map(ToString::to_string).collect();
            for error in errors {
                self.push(
                    place.clone(),
                    &format!("`{}`: {error}", file.name),
                    "see the generated schema: `doorward schema --policies`",
                );
            }
            self.check_routes_named(&loaded, &file.name, &place);
            self.policies.extend(
                loaded
                    .into_iter()
                    .map(|(id, policy)| LoadedPolicy::new(id, policy, PrincipalKeys::Anyone)),
            );
        }
    }

    /// A policy about a route, service or issuer that does not exist never holds; for a `forbid` that is a hole.
    fn check_routes_named(&mut self, loaded: &[(Arc<str>, Policy)], file: &str, place: &Place) {
        for (id, policy) in loaded {
            for uid in policy.entity_literals() {
                let name: &str = uid.id().unescaped();
                let known = match uid.type_name().to_string().as_str() {
                    "Route" => self.spec.routes.iter().any(|route| route.name == name),
                    "Service" => self.services.contains_key(name),
                    "Issuer" => self.profiles.iter().any(|profile| &**profile.name() == name),
                    "Group" | "User" | "Workload" => {
                        name.split_once('/').is_some_and(|(issuer, _)| {
                            self.profiles.iter().any(|profile| &**profile.name() == issuer)
                        })
                    }
                    _ => true,
                };
                if !known {
                    let message =
                        format!("`{file}`: the policy `{id}` names `{uid}`, which there is not");
                    self.push(place.clone(), &message, "subjects and groups are written with their issuer, as in `Group::\"corp/support\"`");
                }
            }
        }
    }

    fn finish(mut self, bindings: Vec<Vec<usize>>) -> Result<Gate, Vec<BuildError>> {
        let mut ids = HashSet::new();
        let doubled: Vec<_> = self
            .policies
            .iter()
            .filter(|p| !ids.insert(Arc::clone(&p.id)))
            .map(|p| Arc::clone(&p.id))
            .collect();
        for id in doubled {
            self.push(Place::key("policies"), &format!("two policies have the id `{id}`"), "");
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let index = PolicyIndex::new(self.policies);
        let mut runtimes = Vec::with_capacity(self.routes.len());
        for (route, broader) in self.routes.iter().zip(&bindings) {
            let uid = EntityType::Route.named(&route.name);
            let above = broader.iter().filter_map(|index| self.routes.get(*index));
            let above: Vec<_> = above
                .map(|route| EntityType::Route.named(&route.name))
                .chain([EntityType::Service.named(&route.service.name)])
                .collect();
            runtimes.push(RouteRuntime {
                slices: index.slices_for(&uid, &above),
                entity: route_entity(uid, above),
                route: Arc::new(route.clone()),
            });
        }
        let issuers = self.spec.issuers.iter().map(|issuer| Issuer {
            profile: Arc::new(issuer.profile.clone()),
            disabled: issuer.disabled,
        });
        let managed = self.spec.services.iter().flat_map(|service| {
            let plain = service.identity.headers.iter().map(|(name, _)| name.as_str());
            service.identity.token_header.as_deref().into_iter().chain(plain)
        });
        Ok(Gate::assemble(GateParts {
            identity_headers: IdentityHeaders::new(managed),
            issuers: issuers.collect(),
            routes: runtimes,
            tree: self.tree,
            index,
            revoked_tokens: self.revoked_tokens,
            revoked_subjects: self.spec.revoked.subjects.iter().cloned().collect(),
            schema: self.schema.text(),
        }))
    }

    fn push(&mut self, place: Place, message: &str, help: &str) {
        self.errors.push(BuildError::new(place, message).with_help(help));
    }

    fn did_you_mean<'b>(&self, wrong: &str, names: impl Iterator<Item = &'b str>) -> String {
        let names: Vec<_> = names.collect();
        let near = names.iter().map(|name| (distance(wrong, name), name)).min();
        match near {
            Some((near, name)) if near <= 2 => format!("did you mean `{name}`?"),
            _ if names.is_empty() => "there are none yet".to_owned(),
            _ => format!("there are `{}`", names.join("`, `")),
        }
    }
}

/// The number of single-letter edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let edit = diagonal + usize::from(x != *y);
            diagonal = *cell;
            left = edit.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
