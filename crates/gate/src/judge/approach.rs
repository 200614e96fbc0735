//! Everything before the policies: the route, the credential, the audience.

use std::sync::Arc;

use tokens::{Digest, TokenRefusal, UnverifiedToken};

use super::{Gate, Issuer, IssuerKeys, RouteRuntime, Surroundings};
use crate::denial::{Denial, DenialKind};
use crate::identity::{Caller, Identity};
use crate::request::{Bearer, CanonicalRequest};
use crate::route::{Found, Route, admit_without_route};

impl Gate {
    /// Everything before the policies: route, credential, audience.
    pub(super) fn approach<'a>(
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
                    Found::Nowhere | Found::Route(_) => DenialKind::NoRoute,
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
            let presented = Digest::of(token);
            for name in &route.accept {
                if let Some(issuer) = self.accepted(route, name)
                    && let IssuerKeys::Usable(keys) = around.keys.keys_of(name)
                    && let Some(identity) =
                        cache.get(&presented, issuer.profile.revision(), &keys, around.now)
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
    pub(super) fn accepted(&self, route: &Route, name: &str) -> Option<&Issuer> {
        if !route.accept.iter().any(|accepted| **accepted == *name) {
            return None;
        }
        let index = self.by_name.get(name)?;
        self.parts.issuers.get(*index).filter(|issuer| !issuer.disabled)
    }

    pub(super) fn is_revoked(&self, identity: &Identity) -> bool {
        let token = identity.token();
        let subjects = self.parts.revoked_subjects.get(&**token.issuer());
        self.parts.revoked_tokens.contains(token.fingerprint().as_bytes())
            || subjects.is_some_and(|subjects| subjects.contains(token.subject()))
    }
}

/// What is ours on every host: [`RESERVED_PREFIX`](crate::RESERVED_PREFIX) is never a service's.
fn is_reserved(path: &str) -> bool {
    path.strip_prefix(crate::RESERVED_PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
