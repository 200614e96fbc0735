//! The rules of the short form, as policies.

use std::mem;

use tokens::Profile;

use super::Builder;
use crate::policy::{LoadedPolicy, RuleKind, RuleSite, SchemaInput, ScopedNames, compile};
use crate::spec::{Condition, Place, RouteSpec};

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
        let (profiles, schema) = (mem::take(&mut self.profiles), mem::take(&mut self.schema));
        let spec = self.spec;
        let owner = Owner {
            name: "defaults",
            route: None,
            place: Place::key("defaults"),
            names: ScopedNames::new(&profiles, profiles.clone(), profiles.clone()),
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
                    &profiles,
                    taken_by(&[route], &profiles),
                    taken_by(&bound, &profiles),
                ),
                schema: &schema,
            };
            self.rules(&owner, RuleKind::Allow, &route.allow);
            self.rules(&owner, RuleKind::Deny, &route.deny);
            self.rules(&owner, RuleKind::Require, &route.require);
        }
        self.profiles = profiles;
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
fn taken_by<'a>(routes: &[&RouteSpec], profiles: &[&'a Profile]) -> Vec<&'a Profile> {
    let takes = |route: &RouteSpec, profile: &Profile| {
        route.accept.is_empty() || route.accept.iter().any(|name| **name == **profile.name())
    };
    let taken = |profile: &&&'a Profile| routes.iter().any(|route| takes(route, profile));
    profiles.iter().filter(taken).copied().collect()
}
