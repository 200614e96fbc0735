use std::collections::HashSet;

use federation::provider::Protocol;
use gate::spec::{Place, RouteSpec, StepUp};

use super::{Lowering, time};
use crate::config::{file, model};

/// How many values of `acr` a route may take.
const MAX_ACRS: usize = 16;

impl Lowering<'_> {
    /// Complains of a route that wants more of people than any of its providers says.
    pub(super) fn step_ups_are_told(
        &mut self,
        routes: &[RouteSpec],
        sign_in: Option<&model::SignIn>,
    ) {
        let providers = sign_in.iter().flat_map(|sign_in| &sign_in.providers);
        let silent = providers.filter(|provider| match &provider.party {
            model::Party::OAuth { options, .. } => matches!(options.protocol, Protocol::OAuth(_)),
            model::Party::Saml { .. } => false,
        });
        let silent: HashSet<&str> = silent.map(|provider| &**provider.name()).collect();
        let wanting = routes.iter().enumerate().filter(|(_, route)| route.step_up.is_some());
        for (index, route) in wanting {
            let accepted = &route.accept;
            if accepted.is_empty() || !accepted.iter().all(|name| silent.contains(&**name)) {
                continue;
            }
            let place = Place::key("routes").at(index).then("step_up");
            let message = "nobody can meet it: no provider of the route says how surely or when somebody signed in";
            let problem = self.key_problem(&place, message);
            self.report(
                problem.help(
                    "accept a provider with OpenID Connect or SAML; those of plain OAuth 2.0 do not tell",
                ),
            );
        }
    }

    /// How surely the callers of a route must be known, which may be `open` to anyone.
    pub(super) fn step_up(
        &mut self,
        step_up: Option<file::StepUp>,
        open: bool,
        place: &Place,
    ) -> Option<StepUp> {
        let step_up = step_up?;
        if open {
            let message = "the route is open to anyone, so nobody has to be known more surely";
            let problem = self.key_problem(place, message);
            self.report(problem.help("remove `step_up`; or `anyone: true`"));
        }
        let acr_place = place.then("acr");
        let written = |place: &Place| self.tree.find(place).is_some();
        if !written(&acr_place) && !written(&place.then("max_age")) {
            let problem = self.key_problem(place, "expected `acr`, `max_age`, or both");
            self.report(problem.help("write `step_up: { acr: [urn:example:mfa], max_age: 15m }`"));
        }
        let acr = step_up.acr.unwrap_or_default();
        if acr.is_empty() && self.tree.find(&acr_place).is_some_and(|node| node.is_empty()) {
            let problem = self.problem(&acr_place, "an empty list says nothing");
            self.report(
                problem.help("write what the provider has: `[urn:example:mfa]`; or remove the key"),
            );
        }
        if acr.len() > MAX_ACRS {
            let message = format!("expected at most {MAX_ACRS} values, found {}", acr.len());
            let problem = self.problem(&acr_place, message);
            self.report(
                problem.help("they are asked for in one request; keep those that people can reach"),
            );
        }
        Some(StepUp {
            acr: acr.into_iter().map(|acr| acr.0).collect(),
            max_age: step_up.max_age.as_ref().map(time),
        })
    }
}
