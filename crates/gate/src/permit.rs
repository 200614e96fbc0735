//! The permit: the right to forward one request. Only the gate makes one, and forwarding takes it by value.

use std::sync::Arc;

use tokens::Timestamp;

use crate::certificate::ClientCertificate;
use crate::denial::Denial;
use crate::identity::{Caller, Identity};
use crate::policy::Decision;
use crate::request::CanonicalRequest;
use crate::route::{Exceeded, Route};

/// The right to forward one request to one route, until it ends or is revoked.
///
/// INVARIANT: made by [`Gate::judge`](crate::Gate::judge) alone; it cannot be cloned, so that one permit forwards one
/// request, the one that was judged.
///
/// ```compile_fail,E0624
/// fn forge(route: std::sync::Arc<gate::route::Route>, request: gate::CanonicalRequest) -> gate::Permit<gate::route::Route> {
///     let nobody = (gate::Caller::Anonymous, None);
///     gate::Permit::new(route, request, nobody, loop {}, tokens::Timestamp::MAX)
/// }
/// ```
///
/// ```compile_fail,E0451
/// fn forge<T>(target: std::sync::Arc<T>, request: gate::CanonicalRequest) -> gate::Permit<T> {
///     let (caller, certificate) = (gate::Caller::Anonymous, None);
///     gate::Permit { target, request, caller, certificate, decision: loop {}, ends_at: tokens::Timestamp::MAX }
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn needs_clone<T: Clone>() {}
/// needs_clone::<gate::Permit<gate::route::Route>>();
/// ```
///
/// ```compile_fail,E0382
/// fn twice(permit: gate::Permit<gate::route::Route>) {
///     let _ = permit.redeem();
///     let _ = permit.redeem();
/// }
/// ```
#[derive(Debug)]
#[must_use = "a permit that is not used forwards nothing"]
pub struct Permit<T> {
    target: Arc<T>,
    request: CanonicalRequest,
    caller: Caller,
    certificate: Option<Arc<Identity>>,
    decision: Arc<Decision>,
    ends_at: Timestamp,
}

impl<T> Permit<T> {
    pub(crate) fn new(
        target: Arc<T>,
        request: CanonicalRequest,
        (caller, certificate): (Caller, Option<Arc<Identity>>),
        decision: Arc<Decision>,
        ends_at: Timestamp,
    ) -> Self {
        Self { target, request, caller, certificate, decision, ends_at }
    }

    /// What may be reached: for requests, the route.
    #[must_use]
    pub const fn target(&self) -> &Arc<T> {
        &self.target
    }

    /// The request that was judged.
    #[must_use]
    pub const fn request(&self) -> &CanonicalRequest {
        &self.request
    }

    /// Who asked.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The ids of the policies that permit it.
    #[must_use]
    pub fn policies(&self) -> &[Arc<str>] {
        &self.decision.policies
    }

    /// The `permit`s that could not be evaluated, each with why. They did not count; others did.
    #[must_use]
    pub fn errors(&self) -> &[(Arc<str>, String)] {
        &self.decision.errors
    }

    /// When it ends; [`Timestamp::MAX`] for a caller without a credential on a public route.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    /// Uses the permit: the request that was judged, and what is left to watch while it is being answered.
    #[must_use]
    pub fn redeem(self) -> (CanonicalRequest, Watch<T>) {
        let Self { target, request, caller, certificate, ends_at, .. } = self;
        let shown = certificate.zip(request.certificate().cloned());
        let certificate = shown.map(|(identity, certificate)| Shown { certificate, identity });
        (request, Watch { target, caller, certificate, ends_at })
    }
}

impl Permit<Route> {
    /// Gives the permit up: the request came too early.
    #[must_use]
    pub fn limited(self, exceeded: Exceeded) -> Denial {
        let Self { target, request, caller, .. } = self;
        let denial = Denial::too_early(exceeded, request, Some(&target));
        match caller.identity() {
            Some(identity) => denial.by(identity),
            None => denial,
        }
    }
}

/// A permit in use. Ask [`Gate::standing`](crate::Gate::standing) about it for as long as bytes flow.
#[derive(Debug)]
pub struct Watch<T> {
    pub(crate) target: Arc<T>,
    pub(crate) caller: Caller,
    pub(crate) certificate: Option<Shown>,
    pub(crate) ends_at: Timestamp,
}

impl<T> Watch<T> {
    /// What is being reached.
    #[must_use]
    pub const fn target(&self) -> &Arc<T> {
        &self.target
    }

    /// Who asked.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// When the permit ends.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.ends_at
    }
}

/// A client certificate that was shown, and whose it was when the permit was given.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) certificate: Arc<ClientCertificate>,
    pub(crate) identity: Arc<Identity>,
}

/// Whether a permit in use still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its time is over.
    Ended,
    /// What it rested on is gone: the token or subject was revoked, the issuer disabled or dropped, its key removed or
    /// beyond confirming, or the route taken away.
    Revoked,
    /// It stands.
    Stands,
}
