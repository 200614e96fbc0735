//! Everything before the policies: the route, the credential, the audience.

use std::sync::Arc;

use tokens::{CertificateRefusal, Digest, Timestamp, TokenRefusal, UnverifiedToken, VerifiedToken};

use super::signed_in::SignedIn;
use super::{Gate, IssuerKeys, RouteRuntime, Surroundings};
use crate::certificate::ClientCertificate;
use crate::denial::{Denial, DenialKind, RelayRefusal};
use crate::identity::{Caller, Identity};
use crate::request::{Bearer, CanonicalRequest, RequestRefusal};
use crate::route::{Found, Route, StepUp, admit_without_route};
use crate::spec::IssuerSpec;

/// A request whose route and caller are known.
pub(super) struct Approached<'a> {
    pub(super) runtime: &'a RouteRuntime,
    pub(super) caller: Caller,
    /// Whose client certificate the connection has shown, whoever the caller is.
    pub(super) certificate: Option<Arc<Identity>>,
    /// Until when the caller is known as surely as the route wants.
    pub(super) known_until: Timestamp,
}

impl Gate {
    /// Everything before the policies: route, credential, audience.
    pub(super) fn approach<'a>(
        &'a self,
        request: &CanonicalRequest,
        around: Surroundings<'_>,
    ) -> Result<Approached<'a>, Denial> {
        if is_reserved(request.path().as_str()) {
            return Err(Denial::new(DenialKind::NoRoute));
        }
        let runtime = match self.parts.tree.find(request, request.method()) {
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
        self.relay(request, route).map_err(|kind| on_route(Denial::new(kind)))?;
        route
            .admit(request)
            .map_err(|refusal| on_route(Denial::new(DenialKind::BadRequest(refusal))))?;
        let shown = request.certificate().map(|shown| self.whose(shown, around.now));
        let caller = match request.bearer() {
            Bearer::Token(token) => {
                let identity = self.authenticate(token, route, around);
                Caller::Known(identity.map_err(|kind| on_route(Denial::new(kind)))?)
            }
            Bearer::Absent | Bearer::OtherScheme => {
                let caller = self.without_token(request, runtime, &shown, around);
                caller.map_err(|kind| on_route(Denial::new(kind)))?
            }
        };
        let certificate = shown.and_then(Result::ok);
        for identity in caller.identity().into_iter().chain(&certificate) {
            if self.is_revoked(identity) {
                return Err(on_route(Denial::new(DenialKind::Revoked)).by(identity));
            }
        }
        if let Caller::Known(identity) = &caller
            && let Some(token) = identity.token()
        {
            let barred = |kind| Err(on_route(Denial::new(kind)).by(identity));
            if !is_held(token, request) {
                return barred(DenialKind::SenderConstrained);
            }
            if !token.has_audience(&route.service.audience) {
                return barred(DenialKind::WrongAudience {
                    expected: Arc::clone(&route.service.audience),
                    found: token.audiences().to_vec(),
                });
            }
        }
        let known_until = known_until(&caller, route, around.now).map_err(|kind| {
            let denial = on_route(Denial::new(kind));
            match caller.identity() {
                Some(identity) => denial.by(identity),
                None => denial,
            }
        })?;
        Ok(Approached { runtime, caller, certificate, known_until })
    }

    /// Who a caller is that shows no token: whose session it is, or else whose client certificate.
    fn without_token(
        &self,
        request: &CanonicalRequest,
        runtime: &RouteRuntime,
        shown: &Option<Result<Arc<Identity>, CertificateRefusal>>,
        around: Surroundings<'_>,
    ) -> Result<Caller, DenialKind> {
        let route = &runtime.route;
        let refused = match self.signed_in(request, route, around) {
            Ok(SignedIn::Known(identity)) => return Ok(Caller::Known(identity)),
            Ok(SignedIn::Nobody) => None,
            Ok(SignedIn::Refused(refusal)) => Some(refusal),
            // Nobody has to show a session here, and without one there is nothing to be unsure of.
            Err(DenialKind::SessionsUnavailable) if route.public => None,
            Err(kind) => return Err(kind),
        };
        match shown {
            Some(Ok(identity)) if self.accepted(route, identity.issuer()).is_some() => {
                Ok(Caller::Known(Arc::clone(identity)))
            }
            _ if route.public => Ok(Caller::Anonymous),
            Some(Err(refusal)) if route.credentials.certificates => {
                Err(DenialKind::BadCertificate(refusal.clone()))
            }
            _ => Err(refused.map_or(DenialKind::NoCredential, DenialKind::SessionRefused)),
        }
    }

    /// Whether the proxy that asks, if one does, sends the request where this route does, and tells what policies read.
    fn relay(&self, request: &CanonicalRequest, route: &Route) -> Result<(), DenialKind> {
        let Some(relayed) = request.relayed() else { return Ok(()) };
        let refused = |refusal| Err(DenialKind::Relay(refusal));
        if let Some(told) = relayed.route.as_ref().filter(|told| ***told != *route.name) {
            return refused(RelayRefusal::Route {
                told: told.clone(),
                found: Arc::clone(&route.name),
            });
        }
        let service = &route.service.name;
        if let Some(told) = relayed.service.as_ref().filter(|told| ***told != **service) {
            return refused(RelayRefusal::Service {
                told: told.clone(),
                found: Arc::clone(service),
            });
        }
        if route.service.inside {
            return refused(RelayRefusal::Inside);
        }
        if relayed.leaks_cookies {
            return refused(RelayRefusal::CookiesNotTaken);
        }
        if relayed.joined_headers && self.parts.index.reads_headers() {
            return refused(RelayRefusal::JoinedHeaders);
        }
        if relayed.websocket && !route.websocket {
            return Err(DenialKind::BadRequest(RequestRefusal::WebSocket));
        }
        Ok(())
    }

    /// Whose a client certificate is: the one issuer's that vouches for it. A disabled one vouches for nobody, and still
    /// keeps what it would vouch for from being another's: disabling never widens.
    pub(super) fn whose(
        &self,
        shown: &ClientCertificate,
        now: Timestamp,
    ) -> Result<Arc<Identity>, CertificateRefusal> {
        let mut refusal = None;
        let mut found = None;
        for issuer in &self.parts.issuers {
            let Some(profile) = issuer.certificates() else { continue };
            match shown.identity(profile, now) {
                Ok(identity) if found.is_none() => found = Some((identity, issuer.disabled)),
                Ok(_) => return Err(CertificateRefusal::Ambiguous),
                Err(why) => refusal = refusal.or(Some(why)),
            }
        }
        match found {
            Some((identity, false)) => Ok(identity),
            Some((_, true)) => Err(CertificateRefusal::NoIssuer),
            None => Err(refusal.unwrap_or(CertificateRefusal::NoIssuer)),
        }
    }

    fn authenticate(
        &self,
        token: &str,
        route: &Route,
        around: Surroundings<'_>,
    ) -> Result<Arc<Identity>, DenialKind> {
        if let Some(cache) = around.cache {
            let presented = Digest::of(token);
            for issuer in self.all_accepted(route) {
                if let Some(profile) = issuer.tokens()
                    && let IssuerKeys::Usable(keys) = around.keys.keys_of(issuer.name())
                    && let Some(identity) =
                        cache.get(&presented, profile.revision(), &keys, around.now)
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
        let name = claimed.name();
        let Some(profile) = self.accepted(route, name).and_then(IssuerSpec::tokens) else {
            return Err(DenialKind::IssuerNotAccepted { name: Some(Arc::clone(name)) });
        };
        let IssuerKeys::Usable(keys) = around.keys.keys_of(name) else {
            return Err(DenialKind::IssuerUnavailable(Arc::clone(name)));
        };
        match unverified.verify(profile, &keys, around.now) {
            Ok(verified) => {
                let identity = Arc::new(Identity::of_token(verified));
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
    pub(super) fn accepted(&self, route: &Route, name: &str) -> Option<&IssuerSpec> {
        let index = self.by_name.get(name).filter(|index| route.accept.contains(index))?;
        self.parts.issuers.get(*index).filter(|issuer| !issuer.disabled)
    }

    /// The issuers that the route takes and that are not disabled.
    pub(super) fn all_accepted<'a>(
        &'a self,
        route: &'a Route,
    ) -> impl Iterator<Item = &'a IssuerSpec> {
        route.accepted(&self.parts.issuers).filter(|issuer| !issuer.disabled)
    }

    pub(super) fn is_revoked(&self, identity: &Identity) -> bool {
        let subjects = self.parts.revoked_subjects.get(&**identity.issuer());
        self.parts.revoked_tokens.contains(identity.fingerprint().as_bytes())
            || subjects.is_some_and(|subjects| subjects.contains(identity.subject()))
    }
}

/// Until when the caller is known as surely as the route wants.
fn known_until(caller: &Caller, route: &Route, now: Timestamp) -> Result<Timestamp, DenialKind> {
    let wanted = &route.step_up;
    if *wanted == StepUp::default() {
        return Ok(Timestamp::MAX);
    }
    let identity = caller.identity().ok_or(DenialKind::NoCredential)?;
    let until = wanted.met_until(identity.acr(), identity.auth_time(), now);
    until.ok_or_else(|| DenialKind::NotSureEnough(Box::new(wanted.clone())))
}

/// Whether who shows the token holds what it is bound to, if it is bound: the key of the certificate of `x5t#S256`, which
/// the connection has proven (RFC 8705 §3). A binding that we cannot check is not held.
fn is_held(token: &VerifiedToken, request: &CanonicalRequest) -> bool {
    let Some(bound) = token.confirmation() else { return true };
    let shown = request.certificate().map(|certificate| certificate.thumbprint());
    !bound.has_others()
        && bound.jwk_thumbprint().is_none()
        && bound.certificate_thumbprint().is_some_and(|thumbprint| Some(thumbprint) == shown)
}

/// What is ours on every host: [`RESERVED_PREFIX`](crate::RESERVED_PREFIX) is never a service's.
pub(super) fn is_reserved(path: &str) -> bool {
    path.strip_prefix(crate::RESERVED_PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
