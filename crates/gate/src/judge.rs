//! The gate itself: one judgement for every door.

mod approach;
mod preflight;
mod signed_in;
mod standing;
mod wanted;

use approach::Approached;
pub use preflight::{Counted, Preflight};
pub use wanted::Wanted;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::Entity;
use tokens::{KeySet, Texts, Timestamp, TokenCache};

use crate::by_name::ByName;
use crate::denial::{Denial, DenialKind, Forbidding};
use crate::evaluation::Evaluator;
use crate::identity::{Caller, Identity};
use crate::permit::Permit;
use crate::policy::{
    Decision, Membership, Memo, Outcome, PolicyIndex, PolicyTrace, Principal, Question,
    RouteSlices, Stamp,
};
use crate::request::{CanonicalRequest, IdentityHeaders, RawRequest, Reading};
use crate::route::{Rate, Route, RouteTree};
use crate::session::Sessions;
use crate::spec::IssuerSpec;

/// Everything that requests are judged by. Immutable: a new configuration makes a new gate.
#[derive(Debug)]
pub struct Gate {
    parts: GateParts,
    by_identifier: ByName<String, usize>,
    by_name: ByName<Arc<str>, usize>,
    by_route_name: ByName<Arc<str>, usize>,
    anonymous: Principal,
    /// Whether anything is counted.
    has_rates: bool,
}

#[derive(Debug)]
pub(crate) struct GateParts {
    pub(crate) identity_headers: IdentityHeaders,
    pub(crate) issuers: Vec<IssuerSpec>,
    pub(crate) routes: Vec<RouteRuntime>,
    pub(crate) tree: RouteTree,
    /// The defaults'.
    pub(crate) rates: Vec<Arc<Rate>>,
    pub(crate) index: PolicyIndex,
    pub(crate) revoked_tokens: HashSet<[u8; 32]>,
    pub(crate) revoked_subjects: HashMap<String, HashSet<String>>,
    pub(crate) schema: String,
    pub(crate) evaluator: Option<Evaluator>,
}

/// A route, and what requests for it are decided by. What every judgement reads comes first, as with [`Route`].
#[derive(Debug)]
#[repr(C)]
pub(crate) struct RouteRuntime {
    pub(crate) route: Arc<Route>,
    /// Tells it from the routes of other gates.
    pub(crate) stamp: Stamp,
    pub(crate) slices: RouteSlices,
    pub(crate) entity: Entity,
    /// Decisions about callers without a credential.
    pub(crate) anonymous: Memo,
}

/// The keys of issuers, as far as they are known at the moment. Never asks anyone.
pub trait Keys {
    /// The keys of the issuer with this name in the configuration.
    fn keys_of(&self, issuer: &str) -> IssuerKeys;
}

/// What is known of an issuer's keys.
#[derive(Clone, Debug)]
pub enum IssuerKeys {
    /// There are none, or they are too old to trust.
    Unavailable,
    /// These.
    Usable(Arc<KeySet>),
}

/// What the gate is told about the world when it judges.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The time.
    pub now: Timestamp,
    /// The issuers' keys.
    pub keys: &'a dyn Keys,
    /// Tokens that were verified before. Facts only: with and without it, the verdicts are equal.
    pub cache: Option<&'a TokenCache<Identity>>,
    /// The sessions; none where nobody signs in.
    pub sessions: Option<&'a dyn Sessions>,
}

/// A judgement.
#[derive(Debug)]
pub enum Verdict {
    /// It does not go through.
    Denial(Denial),
    /// It goes through, once.
    Permit(Permit<Route>),
    /// It is a browser's question, and is answered here.
    Preflight(Preflight),
}

/// A judgement, and how it came about.
#[derive(Debug)]
pub struct Explanation {
    /// The judgement.
    pub verdict: Verdict,
    /// The route that took the request.
    pub route: Option<Arc<Route>>,
    /// Every policy that could concern the route, held against the request; empty when it came to none.
    pub policies: Vec<PolicyTrace>,
}

impl Gate {
    pub(crate) fn assemble(parts: GateParts) -> Self {
        let issuers = || parts.issuers.iter().enumerate();
        let identifier = |issuer: &IssuerSpec| Some(issuer.tokens()?.issuer().to_owned());
        let by_identifier = issuers().filter_map(|(i, one)| Some((identifier(one)?, i))).collect();
        let by_name = issuers().map(|(i, issuer)| (Arc::clone(issuer.name()), i)).collect();
        let routes = parts.routes.iter().enumerate();
        let by_route_name = routes.map(|(i, r)| (Arc::clone(&r.route.name), i)).collect();
        let anonymous = Principal::anonymous();
        let has_rates = parts.routes.iter().any(|runtime| !runtime.route.rates.is_empty());
        let has_rates = has_rates || !parts.rates.is_empty();
        Self { parts, by_identifier, by_name, by_route_name, anonymous, has_rates }
    }

    /// The names of headers that are the gate's alone to write.
    #[must_use]
    pub const fn identity_headers(&self) -> &IdentityHeaders {
        &self.parts.identity_headers
    }

    /// The generated schema that policies are validated against, in Cedar's syntax.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.parts.schema
    }

    /// What decides for others to enforce, if anything does.
    #[must_use]
    pub const fn evaluator(&self) -> Option<&Evaluator> {
        self.parts.evaluator.as_ref()
    }

    /// Whether people sign in with the issuer of this name.
    #[must_use]
    pub fn is_provider(&self, name: &str) -> bool {
        let issuer = self.by_name.get(name).and_then(|index| self.parts.issuers.get(*index));
        issuer.is_some_and(|issuer| issuer.sessions().is_some())
    }

    /// The routes, in the order of the configuration.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.parts.routes.iter().map(|runtime| &runtime.route)
    }

    /// Reads a request and judges it: the one way in, for every door.
    #[must_use]
    pub fn admit(
        &self,
        raw: &RawRequest<'_>,
        reading: &Reading,
        around: Surroundings<'_>,
    ) -> Verdict {
        match CanonicalRequest::read(raw, reading) {
            Ok(request) => self.judge(request, around),
            Err(refusal) => Verdict::Denial(Denial::unread(refusal)),
        }
    }

    /// Judges a request that has one reading.
    #[must_use]
    pub fn judge(&self, request: CanonicalRequest, around: Surroundings<'_>) -> Verdict {
        if let Some(answered) = self.preflight(&request) {
            return answered.verdict(request);
        }
        let approached = match self.approach(&request, around) {
            Ok(approached) => approached,
            Err(turned_away) => return Verdict::Denial(turned_away.with_request(request)),
        };
        let decision = self.decide(&request, &approached, around.now);
        Self::conclude(request, approached, decision, around.now)
    }

    /// The decision, from memory if it was made before about this caller or one like it.
    fn decide(
        &self,
        request: &CanonicalRequest,
        approached: &Approached<'_>,
        now: Timestamp,
    ) -> Arc<Decision> {
        let (runtime, method) = (approached.runtime, request.method());
        let identity = approached.caller.identity();
        let memo = identity.map_or(&runtime.anonymous, |one| one.memo());
        let nearby = runtime.slices.nearby(request.path().as_str());
        if nearby.is_empty()
            && let Some(known) = memo.find(&runtime.stamp, method)
        {
            return known;
        }
        let caller = self.membership(&approached.caller);
        let selection = self.parts.index.select(&runtime.slices, &nearby, &caller);
        let scopes = identity.map_or(Texts::NONE, |identity| identity.scopes());
        let likeness = selection.reads.likeness(method, &caller, scopes);
        if let Some(known) = likeness.as_ref().and_then(|likeness| selection.known(likeness)) {
            memo.keep(&runtime.stamp, method, &known);
            return known;
        }
        let principal = self.principal(&approached.caller, caller);
        let question = Self::question(request, approached, &principal, now);
        let decision = question.decide(&self.parts.index, &selection);
        if selection.needs.is_method_at_most() {
            let decision = selection.share(decision, likeness);
            memo.keep(&runtime.stamp, method, &decision);
            return decision;
        }
        if let (Cow::Owned(made), Some(identity)) = (principal, identity) {
            identity.keep_principal(made);
        }
        Arc::new(decision)
    }

    /// Judges a request and tells how the judgement came about.
    #[must_use]
    pub fn explain(&self, request: CanonicalRequest, around: Surroundings<'_>) -> Explanation {
        if let Some(answered) = self.preflight(&request) {
            let route = Some(Arc::clone(&answered.route));
            let verdict = answered.verdict(request);
            return Explanation { verdict, route, policies: Vec::new() };
        }
        let approached = match self.approach(&request, around) {
            Ok(approached) => approached,
            Err(turned_away) => {
                let route = turned_away.route.clone();
                let verdict = Verdict::Denial(turned_away.with_request(request));
                return Explanation { verdict, route, policies: Vec::new() };
            }
        };
        let (index, slices) = (&self.parts.index, &approached.runtime.slices);
        let caller = self.membership(&approached.caller);
        let selection = index.select(slices, &slices.nearby(request.path().as_str()), &caller);
        let principal = self.principal(&approached.caller, caller);
        let question = Self::question(&request, &approached, &principal, around.now);
        let policies = question.explain(index, slices);
        let decision = question.decide(index, &selection);
        let route = Some(Arc::clone(&approached.runtime.route));
        Explanation {
            verdict: Self::conclude(request, approached, Arc::new(decision), around.now),
            route,
            policies,
        }
    }

    /// Who the caller is, and what it is in: owned if it had to be made.
    fn membership<'a>(&'a self, caller: &'a Caller) -> Cow<'a, Membership> {
        match caller {
            Caller::Anonymous => Cow::Borrowed(&self.anonymous.membership),
            Caller::Known(identity) => identity.principal().map_or_else(
                || Cow::Owned(Membership::of(identity)),
                |kept| Cow::Borrowed(&kept.membership),
            ),
        }
    }

    /// The caller as policies see it: owned if it had to be made.
    fn principal<'a>(
        &'a self,
        caller: &'a Caller,
        membership: Cow<'a, Membership>,
    ) -> Cow<'a, Principal> {
        match caller {
            Caller::Anonymous => Cow::Borrowed(&self.anonymous),
            Caller::Known(identity) => identity.principal().map_or_else(
                || Cow::Owned(Principal::of(identity, membership.into_owned())),
                Cow::Borrowed,
            ),
        }
    }

    fn question<'a>(
        request: &'a CanonicalRequest,
        approached: &'a Approached<'a>,
        principal: &'a Principal,
        now: Timestamp,
    ) -> Question<'a> {
        let Approached { runtime, certificate, .. } = approached;
        Question {
            principal,
            request,
            certificate: certificate.as_deref(),
            route: &runtime.route,
            route_entity: &runtime.entity,
            now,
        }
    }

    fn conclude(
        request: CanonicalRequest,
        approached: Approached<'_>,
        decision: Arc<Decision>,
        now: Timestamp,
    ) -> Verdict {
        let Approached { runtime, caller, certificate, known_until } = approached;
        let forbidding = match decision.outcome {
            Outcome::Allow => {
                let end = |identity: &Arc<Identity>| identity.ends_at();
                let token_end = caller.identity().map_or(Timestamp::MAX, end);
                let certificate_end = certificate.as_ref().map_or(Timestamp::MAX, end);
                let route_end =
                    runtime.route.max_permit.map_or(Timestamp::MAX, |longest| now.plus(longest));
                let ends_at = token_end.min(certificate_end).min(route_end).min(known_until);
                let route = Arc::clone(&runtime.route);
                return Verdict::Permit(Permit::new(
                    route,
                    request,
                    (caller, certificate),
                    decision,
                    ends_at,
                ));
            }
            Outcome::Forbidden => Forbidding::ByRule,
            Outcome::ForbidUnknown => {
                let forbids = |(id, _): &&(Arc<str>, String)| decision.policies.contains(id);
                Forbidding::ByError(decision.errors.iter().filter(forbids).cloned().collect())
            }
            Outcome::Unaskable => Forbidding::ByError(decision.errors.clone()),
            // Where nobody was asked for a credential and none was shown, showing one may help.
            Outcome::NoPermit if caller.identity().is_none() => {
                let mut denial = Denial::new(DenialKind::NoCredential).on(&runtime.route);
                denial.errors = decision.errors.as_slice().into();
                return Verdict::Denial(denial.with_request(request));
            }
            Outcome::NoPermit => Forbidding::NoPermit(decision.errors.clone()),
        };
        let mut denial = Denial::new(DenialKind::Forbidden(forbidding)).on(&runtime.route);
        denial.policies = decision.policies.as_slice().into();
        denial.errors = decision.errors.as_slice().into();
        denial.identity = caller.identity().cloned();
        Verdict::Denial(denial.with_request(request))
    }

    /// The policies in force.
    #[cfg(test)]
    pub(crate) const fn index(&self) -> &PolicyIndex {
        &self.parts.index
    }

    #[cfg(test)]
    pub(crate) fn decide_both_ways(
        &self,
        request: &CanonicalRequest,
        around: Surroundings<'_>,
    ) -> Option<(Decision, Decision)> {
        let approached = self.approach(request, around).ok()?;
        // Made and remembered, and then from memory.
        let decisions = [(); 2].map(|()| self.decide(request, &approached, around.now));
        assert_eq!(decisions[0], decisions[1]);
        let [sliced, _] = decisions;
        let caller = self.membership(&approached.caller);
        let principal = self.principal(&approached.caller, caller);
        let question = Self::question(request, &approached, &principal, around.now);
        let index = &self.parts.index;
        Some((Decision::clone(&sliced), question.decide(index, &index.everything())))
    }
}
