//! The rules of the short form, as policies.

use std::mem;

use super::Builder;
use crate::policy::{LoadedPolicy, RuleKind, RuleSite, SchemaInput, ScopedNames, compile};
use crate::spec::{Condition, IssuerSpec, Place, RouteSpec};

/// What all rules of one owner have in common.
struct Owner<'a> {
    name: &'a str,
    route: Option<&'a str>,
    place: Place,
    names: ScopedNames<'a>,
    schema: &'a SchemaInput,
}

impl Builder<'_> {
    /// Compiles every rule. `bindings` are the routes that bind each route; empty once there are errors.
    pub(super) fn short_form(&mut self, bindings: &[Vec<usize>]) {
        let (issuers, schema) = (mem::take(&mut self.issuers), mem::take(&mut self.schema));
        let spec = self.spec;
        let owner = Owner {
            name: "defaults",
            route: None,
            place: Place::key("defaults"),
            names: ScopedNames::new(&issuers, issuers.clone(), issuers.clone()),
            schema: &schema,
        };
        self.rules(&owner, RuleKind::Deny, &spec.defaults.deny);
        self.rules(&owner, RuleKind::Require, &spec.defaults.require);
        let mut narrower = vec![Vec::new(); spec.routes.len()];
        for (index, broader) in bindings.iter().enumerate() {
            for broad in broader {
                narrower.get_mut(*broad).into_iter().for_each(|list| list.push(index));
            }
        }
        for (index, (route, narrower)) in spec.routes.iter().zip(narrower).enumerate() {
            let below = narrower.iter().filter_map(|index| spec.routes.get(*index));
            let bound: Vec<&RouteSpec> = [route].into_iter().chain(below).collect();
            let owner = Owner {
                name: &route.name,
                route: Some(&route.name),
                place: Place::key("routes").at(index),
                names: ScopedNames::new(
                    &issuers,
                    taken_by(&[route], &issuers),
                    taken_by(&bound, &issuers),
                ),
                schema: &schema,
            };
            self.rules(&owner, RuleKind::Allow, &route.allow);
            self.rules(&owner, RuleKind::Deny, &route.deny);
            self.rules(&owner, RuleKind::Require, &route.require);
        }
        self.issuers = issuers;
        self.schema = schema;
    }

    fn rules(&mut self, owner: &Owner<'_>, kind: RuleKind, rules: &[Condition]) {
        for (index, condition) in rules.iter().enumerate() {
            let place = owner.place.then(kind.as_str()).at(index);
            let site = RuleSite {
                owner: owner.name,
                route: owner.route,
                kind,
                index,
                names: &owner.names,
                schema: owner.schema,
            };
            match compile(&site, condition, &place) {
                Ok(rule) => self.policies.push(LoadedPolicy::of_rule(rule)),
                Err(errors) => self.errors.extend(errors),
            }
        }
    }
}

/// The issuers whose identities some of these routes take.
fn taken_by<'a>(routes: &[&RouteSpec], issuers: &[&'a IssuerSpec]) -> Vec<&'a IssuerSpec> {
    let takes = |route: &RouteSpec, issuer: &IssuerSpec| {
        route.accept.is_empty() || route.accept.iter().any(|name| **name == **issuer.name())
    };
    let taken = |issuer: &&&'a IssuerSpec| routes.iter().any(|route| takes(route, issuer));
    issuers.iter().filter(taken).copied().collect()
}
