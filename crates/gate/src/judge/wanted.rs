//! Who must sign in to be let in somewhere, and how surely: what a sign-in is asked for.

use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::Gate;
use super::approach::is_reserved;
use crate::request::CanonicalRequest;
use crate::route::{Found, HostPattern, Route, StepUp};
use crate::spec::IssuerSpec;

/// What a sign-in must establish to help.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The providers, any of which will do; at least one, none of them disabled.
    pub providers: Vec<Arc<str>>,
    /// One of these must be the `acr`; empty for any.
    pub acr: Vec<String>,
    /// How long ago the person may have signed in at most.
    pub max_age: Option<Duration>,
}

impl Gate {
    /// What a sign-in must establish for a request to be let in: as the route says that takes it, or, where none does, as
    /// any route of the host says. Nothing where signing in does not help.
    ///
    /// A route that does not name its host takes nobody's session but on `sign_in_host`: whoever has such a name lead to
    /// an address of its own would be sent what opens the route.
    #[must_use]
    pub fn wanted(&self, request: &CanonicalRequest, sign_in_host: &str) -> Option<Wanted> {
        let name = request.host().name();
        let exact = HostPattern::Exact(name.to_owned());
        let here = |route: &Route| {
            let named = matches!(route.host, HostPattern::Exact(_)) || name == sign_in_host;
            named && route.host.covers(&exact)
        };
        let ours = is_reserved(request.path().as_str());
        let route = match self.parts.tree.find(request, &Method::GET) {
            Found::Route(index) if !ours => self.parts.routes.get(index),
            _ => None,
        };
        if let Some(runtime) = route
            && here(&runtime.route)
            && let Some(wanted) = self.wanted_by(&runtime.route)
        {
            return Some(wanted);
        }
        let mut providers: Vec<Arc<str>> = Vec::new();
        for route in self.parts.routes.iter().map(|runtime| &*runtime.route) {
            if !here(route) {
                continue;
            }
            for provider in self.providers_of(route) {
                if !providers.contains(&provider) {
                    providers.push(provider);
                }
            }
        }
        let wanted = Wanted { providers, ..Wanted::default() };
        Some(wanted).filter(|wanted| !wanted.providers.is_empty())
    }

    fn wanted_by(&self, route: &Route) -> Option<Wanted> {
        let providers: Vec<_> = self.providers_of(route).collect();
        let mut acr: Vec<String> = Vec::new();
        for step_up in route.step_ups.iter().filter(|step_up| !step_up.acr.is_empty()) {
            let both: Vec<_> =
                acr.iter().filter(|one| step_up.acr.contains(one)).cloned().collect();
            // What two routes say that have nothing in common, nobody can meet.
            acr = if acr.is_empty() || both.is_empty() { step_up.acr.clone() } else { both };
        }
        let max_age = route.step_ups.iter().filter_map(|step_up: &StepUp| step_up.max_age).min();
        Some(Wanted { providers, acr, max_age }).filter(|wanted| !wanted.providers.is_empty())
    }

    fn providers_of<'a>(&'a self, route: &'a Route) -> impl Iterator<Item = Arc<str>> + 'a {
        let accepted = route.accept.iter().filter_map(|name| self.accepted(route, name));
        accepted.filter(|issuer| issuer.sessions().is_some()).map(IssuerSpec::name).cloned()
    }
}
