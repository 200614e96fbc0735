//! The gate itself: one judgement for every door.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::Entity;
use tokens::{Fingerprint, KeySet, Profile, Timestamp, TokenCache, TokenRefusal, UnverifiedToken};

use crate::denial::{Denial, DenialKind, Forbidding};
use crate::identity::{Caller, Identity};
use crate::permit::{Permit, Standing, Watch};
use crate::policy::{
    Decision, Outcome, PolicyIndex, PolicyTrace, Principal, Question, RouteSlices,
};
use crate::request::{
    Bearer, CanonicalRequest, IdentityHeaders, RawRequest, Reading, RequestRefusal,
};
use crate::route::{Found, Route, RouteTree, admit_without_route};

/// Everything that requests are judged by. Immutable: a new configuration makes a new gate.
#[derive(Debug)]
pub struct Gate {
    parts: GateParts,
    by_identifier: HashMap<String, usize>,
    by_name: HashMap<Arc<str>, usize>,
    anonymous: Principal,
}

#[derive(Debug)]
pub(crate) struct GateParts {
    pub(crate) identity_headers: IdentityHeaders,
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) routes: Vec<RouteRuntime>,
    pub(crate) tree: RouteTree,
    pub(crate) index: PolicyIndex,
    pub(crate) revoked_tokens: HashSet<[u8; 32]>,
    pub(crate) revoked_subjects: HashMap<String, HashSet<String>>,
    pub(crate) schema: String,
}

#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) profile: Arc<Profile>,
    pub(crate) disabled: bool,
}

#[derive(Debug)]
pub(crate) struct RouteRuntime {
    pub(crate) route: Arc<Route>,
    pub(crate) entity: Entity,
    pub(crate) slices: RouteSlices,
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
}

/// A judgement.
#[derive(Debug)]
pub enum Verdict {
    /// It does not go through.
    Denial(Denial),
    /// It goes through, once.
    Permit(Permit<Route>),
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
        let by_identifier =
            issuers().map(|(i, issuer)| (issuer.profile.issuer().to_owned(), i)).collect();
        let by_name = issuers().map(|(i, issuer)| (Arc::clone(issuer.profile.name()), i)).collect();
        Self { parts, by_identifier, by_name, anonymous: Principal::anonymous() }
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
        let (runtime, caller) = match self.approach(&request, around) {
            Ok(approached) => approached,
            Err(turned_away) => return Verdict::Denial(turned_away.with_request(request)),
        };
        let decision = self
            .question(&request, runtime, &caller, around.now)
            .decide(&self.parts.index, &runtime.slices);
        Self::conclude(request, runtime, caller, decision, around.now)
    }

    /// Judges a request and tells how the judgement came about.
    #[must_use]
    pub fn explain(&self, request: CanonicalRequest, around: Surroundings<'_>) -> Explanation {
        let (runtime, caller) = match self.approach(&request, around) {
            Ok(approached) => approached,
            Err(turned_away) => {
                let route = turned_away.route.clone();
                let verdict = Verdict::Denial(turned_away.with_request(request));
                return Explanation { verdict, route, policies: Vec::new() };
            }
        };
        let question = self.question(&request, runtime, &caller, around.now);
        let policies = question.explain(&self.parts.index, &runtime.slices);
        let decision = question.decide(&self.parts.index, &runtime.slices);
        let route = Some(Arc::clone(&runtime.route));
        Explanation {
            verdict: Self::conclude(request, runtime, caller, decision, around.now),
            route,
            policies,
        }
    }

    /// Whether a permit that is in use still stands. To be asked at least once a second while bytes flow.
    #[must_use]
    pub fn standing(&self, watch: &Watch<Route>, keys: &dyn Keys, now: Timestamp) -> Standing {
        if now >= watch.ends_at {
            return Standing::Ended;
        }
        let route =
            self.parts.routes.iter().find(|runtime| runtime.route.name == watch.target.name);
        // A route that was renamed, disabled or given to another service is another route.
        let Some(route) = route.filter(|runtime| {
            runtime.route.service.name == watch.target.service.name && !runtime.route.disabled
        }) else {
            return Standing::Revoked;
        };
        let Caller::Known(identity) = &watch.caller else {
            return if route.route.public { Standing::Stands } else { Standing::Revoked };
        };
        let token = identity.token();
        let believed = self
            .accepted(&route.route, token.issuer())
            .is_some_and(|issuer| issuer.profile.revision() == token.profile_revision());
        let vouched = match keys.keys_of(token.issuer()) {
            IssuerKeys::Usable(keys) => token.is_vouched_for_by(&keys),
            IssuerKeys::Unavailable => false,
        };
        if believed && vouched && !self.is_revoked(identity) {
            Standing::Stands
        } else {
            Standing::Revoked
        }
    }

    /// Everything before the policies: route, credential, audience.
    fn approach<'a>(
        &'a self,
        request: &CanonicalRequest,
        around: Surroundings<'_>,
    ) -> Result<(&'a RouteRuntime, Caller), Denial> {
        if is_reserved(request.path().as_str()) {
            return Err(Denial::new(DenialKind::NoRoute));
        }
        let runtime = match self.parts.tree.find(request) {
            Found::Route(index) => {
                self.parts.routes.get(index).ok_or_else(|| Denial::new(DenialKind::NoRoute))?
            }
            found => {
                admit_without_route(request)
                    .map_err(|refusal| Denial::new(DenialKind::BadRequest(refusal)))?;
                return Err(Denial::new(match found {
                    Found::OtherMethods(methods) => DenialKind::MethodNotAllowed(methods),
                    Found::NotFound | Found::Route(_) => DenialKind::NoRoute,
                }));
            }
        };
        let route = &runtime.route;
        if route.disabled {
            return Err(Denial::new(DenialKind::NoRoute).on(route));
        }
        let on_route = |denial: Denial| denial.on(route);
        route
            .admit(request)
            .map_err(|refusal| on_route(Denial::new(DenialKind::BadRequest(refusal))))?;
        let caller = match request.bearer() {
            Bearer::Token(token) => Caller::Known(
                self.authenticate(token, route, around)
                    .map_err(|kind| on_route(Denial::new(kind)))?,
            ),
            Bearer::Absent | Bearer::OtherScheme if route.public => Caller::Anonymous,
            Bearer::Absent | Bearer::OtherScheme => {
                return Err(on_route(Denial::new(DenialKind::NoCredential)));
            }
        };
        if let Caller::Known(identity) = &caller {
            let barred = |kind| Err(on_route(Denial::new(kind)).by(identity));
            if self.is_revoked(identity) {
                return barred(DenialKind::Revoked);
            }
            if identity.token().is_sender_constrained() {
                return barred(DenialKind::SenderConstrained);
            }
            if !identity.token().has_audience(&route.service.audience) {
                return barred(DenialKind::WrongAudience {
                    expected: Arc::clone(&route.service.audience),
                    found: identity.token().audiences().to_vec(),
                });
            }
        }
        Ok((runtime, caller))
    }

    fn authenticate(
        &self,
        token: &str,
        route: &Route,
        around: Surroundings<'_>,
    ) -> Result<Arc<Identity>, DenialKind> {
        if let Some(cache) = around.cache {
            let fingerprint = Fingerprint::of(token);
            for name in &route.accept {
                if let Some(issuer) = self.accepted(route, name)
                    && let IssuerKeys::Usable(keys) = around.keys.keys_of(name)
                    && let Some(identity) =
                        cache.get(&fingerprint, issuer.profile.revision(), &keys, around.now)
                {
                    return Ok(identity);
                }
            }
        }
        let unverified = UnverifiedToken::parse(token).map_err(DenialKind::BadToken)?;
        let claimed = self.by_identifier.get(unverified.claimed_issuer());
        let claimed = claimed.and_then(|index| self.parts.issuers.get(*index));
        let Some(claimed) = claimed else {
            return Err(DenialKind::IssuerNotAccepted { name: None });
        };
        let name = claimed.profile.name();
        let Some(issuer) = self.accepted(route, name) else {
            return Err(DenialKind::IssuerNotAccepted { name: Some(Arc::clone(name)) });
        };
        let IssuerKeys::Usable(keys) = around.keys.keys_of(name) else {
            return Err(DenialKind::IssuerUnavailable(Arc::clone(name)));
        };
        match unverified.verify(&issuer.profile, &keys, around.now) {
            Ok(verified) => {
                let identity = Arc::new(Identity::new(verified));
                if let Some(cache) = around.cache {
                    cache.insert(Arc::clone(&identity), &keys);
                }
                Ok(identity)
            }
            Err(refusal @ TokenRefusal::UnknownKey { .. }) => {
                Err(DenialKind::UnknownKey { issuer: Arc::clone(name), refusal })
            }
            Err(refusal) => Err(DenialKind::BadToken(refusal)),
        }
    }

    /// The issuer of this name, if the route takes it and it is not disabled.
    fn accepted(&self, route: &Route, name: &str) -> Option<&Issuer> {
        if !route.accept.iter().any(|accepted| **accepted == *name) {
            return None;
        }
        let index = self.by_name.get(name)?;
        self.parts.issuers.get(*index).filter(|issuer| !issuer.disabled)
    }

    fn is_revoked(&self, identity: &Identity) -> bool {
        let token = identity.token();
        let subjects = self.parts.revoked_subjects.get(&**token.issuer());
        self.parts.revoked_tokens.contains(token.fingerprint().as_bytes())
            || subjects.is_some_and(|subjects| subjects.contains(token.subject()))
    }

    fn question<'a>(
        &'a self,
        request: &'a CanonicalRequest,
        runtime: &'a RouteRuntime,
        caller: &'a Caller,
        now: Timestamp,
    ) -> Question<'a> {
        let principal = match caller {
            Caller::Anonymous => &self.anonymous,
            Caller::Known(identity) => identity.principal(),
        };
        Question { principal, request, route: &runtime.route, route_entity: &runtime.entity, now }
    }

    fn conclude(
        request: CanonicalRequest,
        runtime: &RouteRuntime,
        caller: Caller,
        decision: Decision,
        now: Timestamp,
    ) -> Verdict {
        let forbidding = match decision.outcome {
            Outcome::Allow => {
                let token_end =
                    caller.identity().map_or(Timestamp::MAX, |i| i.token().usable_until());
                let route_end =
                    runtime.route.max_permit.map_or(Timestamp::MAX, |longest| now.plus(longest));
                let ends_at = token_end.min(route_end);
                let route = Arc::clone(&runtime.route);
                return Verdict::Permit(Permit::new(
                    route,
                    request,
                    caller,
                    decision.policies,
                    ends_at,
                ));
            }
            Outcome::Forbidden => Forbidding::ByRule,
            Outcome::ForbidUnknown | Outcome::Unaskable => Forbidding::ByError(decision.errors),
            // Where nobody was asked for a credential and none was shown, showing one may help.
            Outcome::NoPermit if caller.identity().is_none() => {
                let denial = Denial::new(DenialKind::NoCredential).on(&runtime.route);
                return Verdict::Denial(denial.with_request(request));
            }
            Outcome::NoPermit => Forbidding::NoPermit(decision.errors),
        };
        let mut denial = Denial::new(DenialKind::Forbidden(forbidding)).on(&runtime.route);
        denial.policies = decision.policies;
        denial.identity = caller.identity().cloned();
        Verdict::Denial(denial.with_request(request))
    }

    #[cfg(test)]
    pub(crate) fn decide_both_ways(
        &self,
        request: &CanonicalRequest,
        around: Surroundings<'_>,
    ) -> Option<(Decision, Decision)> {
        let (runtime, caller) = self.approach(request, around).ok()?;
        let question = self.question(request, runtime, &caller, around.now);
        let sliced = question.decide(&self.parts.index, &runtime.slices);
        Some((sliced, question.decide_unsliced(&self.parts.index)))
    }
}

/// What is ours on every host: [`RESERVED_PREFIX`](crate::RESERVED_PREFIX) is never a service's.
pub(crate) fn is_reserved(path: &str) -> bool {
    path.strip_prefix(crate::RESERVED_PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Denial {
    const fn new(kind: DenialKind) -> Self {
        Self { kind, request: None, route: None, identity: None, policies: Vec::new() }
    }

    /// A request that could not be read.
    const fn unread(refusal: RequestRefusal) -> Self {
        Self::new(DenialKind::BadRequest(refusal))
    }

    fn with_request(mut self, request: CanonicalRequest) -> Self {
        self.request = Some(Box::new(request));
        self
    }

    fn on(mut self, route: &Arc<Route>) -> Self {
        self.route = Some(Arc::clone(route));
        self
    }

    fn by(mut self, identity: &Arc<Identity>) -> Self {
        self.identity = Some(Arc::clone(identity));
        self
    }
}
