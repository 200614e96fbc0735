//! A gate from its specification: everything checked against everything, all problems told at once.

mod cors;
mod evaluation;
mod files;
mod issuers;
mod rates;
mod revoked;
mod routes;
mod rules;
mod services;
mod step_ups;
mod suggestion;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::Method;

use crate::evaluation::Evaluator;
use crate::judge::{Gate, GateParts, RouteRuntime};
use crate::policy::{
    EntityType, LoadedPolicy, Memo, PolicyIndex, SchemaInput, Stamp, route_entity,
};
use crate::request::IdentityHeaders;
use crate::route::{Rate, Route, RouteTree, Service};
use crate::spec::{GateSpec, IssuerSpec, Place};

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
        builder.default_rates();
        builder.services();
        builder.issuers();
        builder.routes();
        builder.identity_headers();
        builder.revoked();
        let bindings = builder.bindings();
        builder.step_ups(&bindings);
        builder.short_form(&bindings);
        builder.files();
        let evaluator = builder.evaluator();
        builder.finish(bindings, evaluator)
    }
}

struct Builder<'a> {
    spec: &'a GateSpec,
    issuers: Vec<&'a IssuerSpec>,
    errors: Vec<BuildError>,
    services: HashMap<&'a str, Arc<Service>>,
    schema: SchemaInput,
    routes: Vec<Route>,
    /// Each list of issuers that a route takes, once.
    accepted: HashSet<Arc<[usize]>>,
    /// The same of methods.
    methods: HashSet<Arc<[Method]>>,
    tree: RouteTree,
    rates: Vec<Arc<Rate>>,
    policies: Vec<LoadedPolicy>,
    revoked_tokens: HashSet<[u8; 32]>,
    revoked_subjects: HashMap<String, HashSet<String>>,
}

impl<'a> Builder<'a> {
    fn new(spec: &'a GateSpec) -> Self {
        Self {
            spec,
            issuers: spec.issuers.iter().collect(),
            errors: Vec::new(),
            services: HashMap::new(),
            schema: SchemaInput::default(),
            routes: Vec::new(),
            accepted: HashSet::new(),
            methods: HashSet::new(),
            tree: RouteTree::default(),
            rates: Vec::new(),
            policies: Vec::new(),
            revoked_tokens: HashSet::new(),
            revoked_subjects: HashMap::new(),
        }
    }

    fn finish(
        mut self,
        bindings: Vec<Vec<usize>>,
        evaluator: Option<Evaluator>,
    ) -> Result<Gate, Vec<BuildError>> {
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
        let index = PolicyIndex::new(std::mem::take(&mut self.policies));
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
                stamp: Stamp::default(),
                anonymous: Memo::default(),
                route: Arc::new(Route {
                    rates: self.rates_binding(route, broader),
                    // INVARIANT: what nobody can meet is among the errors above.
                    step_up: self.step_up_binding(route, broader).unwrap_or_default(),
                    ..route.clone()
                }),
            });
        }
        let managed = self.spec.services.iter().flat_map(|service| {
            let plain = service.identity.headers.iter().map(|(name, _)| name.as_str());
            service.identity.token_header.as_deref().into_iter().chain(plain)
        });
        Ok(Gate::assemble(GateParts {
            identity_headers: IdentityHeaders::new(managed),
            issuers: self.spec.issuers.clone(),
            routes: runtimes,
            tree: self.tree,
            rates: self.rates,
            index,
            revoked_tokens: self.revoked_tokens,
            revoked_subjects: self.revoked_subjects,
            schema: self.schema.text(),
            evaluator,
        }))
    }

    fn push(&mut self, place: Place, message: &str, help: &str) {
        self.errors.push(BuildError::new(place, message).with_help(help));
    }
}
