//! Preflights: a browser's question whether a page of another origin may send a request (Fetch standard, §3.3.2). The
//! browser asks without a credential, so it is answered without one; nothing is forwarded, and no permit is made.
//!
//! What the answer discloses is the route's own `cors`: the policies have no part in it. That a path is known, and with
//! which methods, anyone may learn without a credential anyway: by 404, 405 and 401.

use std::sync::Arc;

use http::{Method, StatusCode};

use super::approach::is_reserved;
use super::{Gate, RouteRuntime, Verdict};
use crate::answer::Answer;
use crate::denial::{Denial, DenialKind};
use crate::request::CanonicalRequest;
use crate::route::{Asked, Cors, Found, Rate, Route, Sharing};

/// A preflight that is answered with leave.
#[derive(Debug)]
pub struct Preflight {
    request: CanonicalRequest,
    route: Arc<Route>,
    sharing: Sharing,
}

impl Preflight {
    /// A stable label for metrics and records.
    pub const CODE: &'static str = "preflight";

    /// The question.
    #[must_use]
    pub const fn request(&self) -> &CanonicalRequest {
        &self.request
    }

    /// The route that would take what it asks about.
    #[must_use]
    pub const fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// What the browser is told.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer::new(StatusCode::NO_CONTENT, "No Content", "").shared(Some(self.sharing.clone()))
    }
}

/// What is said to a preflight.
pub(super) struct Answered {
    pub(super) route: Arc<Route>,
    told: Result<Sharing, DenialKind>,
}

impl Answered {
    /// The verdict on the request that it was.
    pub(super) fn verdict(self, request: CanonicalRequest) -> Verdict {
        let Self { route, told } = self;
        match told {
            Ok(sharing) => Verdict::Preflight(Preflight { request, route, sharing }),
            Err(kind) => Verdict::Denial(Denial::new(kind).on(&route).with_request(request)),
        }
    }
}

/// What a request counts against.
#[derive(Clone, Debug)]
pub struct Counted<'a> {
    /// The route that it is for, if there is one.
    pub route: Option<&'a Arc<Route>>,
    method: Method,
    defaults: &'a [Arc<Rate>],
}

impl<'a> Counted<'a> {
    /// The rates: those of the route, or the defaults' where no route takes the request.
    pub fn rates(&self) -> impl Iterator<Item = &'a Arc<Rate>> {
        let others = if self.route.is_none() { self.defaults } else { &[] };
        self.route.into_iter().flat_map(|route| route.rates(&self.method)).chain(others)
    }
}

impl Gate {
    /// What a request counts against, if anything is counted: with a preflight, what it asks about counts.
    #[must_use]
    pub fn counted(&self, request: &CanonicalRequest) -> Option<Counted<'_>> {
        if !self.has_rates {
            return None;
        }
        let asked = self.asked(request).map(|(runtime, _, asked)| (&runtime.route, asked.method));
        let (route, method) = match asked {
            Some((route, method)) => (Some(route), method),
            None => {
                let method = request.method();
                let found = match self.parts.tree.find(request, method) {
                    Found::Route(index) => self.parts.routes.get(index),
                    Found::Nowhere | Found::OtherMethods(_) => None,
                };
                (found.map(|runtime| &runtime.route), method.clone())
            }
        };
        Some(Counted { route, method, defaults: &self.parts.rates })
    }

    /// What is said to the request, if it is a preflight to a route that answers them.
    pub(super) fn preflight(&self, request: &CanonicalRequest) -> Option<Answered> {
        let (runtime, cors, asked) = self.asked(request)?;
        let route = &runtime.route;
        let told = if route.disabled {
            Err(DenialKind::NoRoute)
        } else if let Err(refusal) = route.admit(request) {
            Err(DenialKind::BadRequest(refusal))
        } else {
            cors.preflight(&asked).map_err(DenialKind::PreflightRefused)
        };
        Some(Answered { route: Arc::clone(route), told })
    }

    /// The route that a preflight asks about, if it is one that answers them.
    fn asked<'g, 'r>(
        &'g self,
        request: &'r CanonicalRequest,
    ) -> Option<(&'g RouteRuntime, &'g Cors, Asked<'r>)> {
        let asked = Asked::of(request)?;
        if is_reserved(request.path().as_str()) {
            return None;
        }
        let Found::Route(index) = self.parts.tree.find(request, &asked.method) else {
            return None;
        };
        let runtime = self.parts.routes.get(index)?;
        Some((runtime, runtime.route.cors.as_ref()?, asked))
    }
}
