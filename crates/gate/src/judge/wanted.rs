//! Who must sign in to be let in somewhere, and how surely: what a sign-in is asked for.

use std::sync::Arc;

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
    /// How surely the person must be known.
    pub step_up: StepUp,
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
        let step_up = route.step_up.clone();
        Some(Wanted { providers, step_up }).filter(|wanted| !wanted.providers.is_empty())
    }

    fn providers_of<'a>(&'a self, route: &'a Route) -> impl Iterator<Item = Arc<str>> + 'a {
        let providers = self.all_accepted(route).filter(|issuer| issuer.sessions().is_some());
        providers.map(IssuerSpec::name).cloned()
    }
}
