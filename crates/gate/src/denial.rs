//! The denial: why a request does not go through, in words for the operator and in others for the caller.

use std::sync::Arc;

use http::Method;
use tokens::{CertificateRefusal, TokenRefusal};

use crate::identity::Identity;
use crate::request::{CanonicalRequest, RequestRefusal};
use crate::route::{Exceeded, PreflightRefusal, Route, StepUp};
use crate::session::SessionRefusal;

/// A request that does not go through.
#[derive(Debug)]
pub struct Denial {
    pub(crate) kind: DenialKind,
    pub(crate) request: Option<CanonicalRequest>,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) policies: Box<[Arc<str>]>,
    pub(crate) errors: Box<[(Arc<str>, String)]>,
}

/// Why a request does not go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DenialKind {
    /// The connection has shown a client certificate that is nobody's here, and nothing else.
    BadCertificate(CertificateRefusal),
    /// The request has more than one reading.
    BadRequest(RequestRefusal),
    /// The credential does not verify.
    BadToken(TokenRefusal),
    /// A page of another origin may have sent it in the name of somebody who is signed in.
    CrossOrigin,
    /// A `forbid` holds, or no `permit` does.
    Forbidden(Forbidding),
    /// The token's issuer is not one of ours, or not one that the route takes, or disabled.
    IssuerNotAccepted {
        /// The issuer's name, when it is one of ours.
        name: Option<Arc<str>>,
    },
    /// The keys of the token's issuer cannot be had, or are too old to trust.
    IssuerUnavailable(Arc<str>),
    /// The path is known, with other methods.
    MethodNotAllowed(Vec<Method>),
    /// The route takes no anonymous caller, and no credential was shown.
    NoCredential,
    /// No route takes this host and path.
    NoRoute,
    /// The caller is known, and not as surely as the route wants (RFC 9470).
    NotSureEnough(Box<StepUp>),
    /// A browser asks whether a page may send a request, and it may not.
    PreflightRefused(PreflightRefusal),
    /// There were too many requests.
    RateLimited(Exceeded),
    /// The proxy that asks cannot be answered, as it asks.
    Relay(RelayRefusal),
    /// The token, the client certificate or its subject was revoked.
    Revoked,
    /// The token is bound to a proof of possession, which was not shown.
    SenderConstrained,
    /// A session was shown that does not count, and nothing else.
    SessionRefused(SessionRefusal),
    /// The session is not at hand; the ledger may have it.
    SessionNotAtHand,
    /// Nobody can say whether the session still stands.
    SessionsUnavailable,
    /// The token names a key that its issuer's current set does not hold; newer keys may.
    UnknownKey {
        /// The issuer, by name.
        issuer: Arc<str>,
        /// The refusal to give when there are no newer keys.
        refusal: TokenRefusal,
    },
    /// The token is for other audiences than the service's.
    WrongAudience {
        /// The service's audience.
        expected: Arc<str>,
        /// The token's audiences.
        found: Vec<String>,
    },
}

/// Why a proxy that asks about a request cannot be answered. It is its operator's to mend, and not the caller's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayRefusal {
    /// It would pass a cookie of ours on, and with it whoever's session that is.
    #[error(
        "the proxy would pass on our cookie; have it take `Cookie` from the answer, and say `cookies: from_answer` under `listen.forward_auth`"
    )]
    CookiesNotTaken,
    /// It is answered here, and nobody else can be what it is forwarded to.
    #[error("it is answered here, and a proxy cannot forward it")]
    Inside,
    /// A policy reads headers, of which the proxy does not tell one line from several.
    #[error(
        "policies read headers, and the proxy joins those of one name; have it send them as they came"
    )]
    JoinedHeaders,
    /// It takes the request for another route.
    #[error("the proxy takes it for the route `{told}`, and it belongs to `{found}`")]
    Route {
        /// The route that it names.
        told: Box<str>,
        /// The route that takes the request.
        found: Arc<str>,
    },
    /// It sends the request to another service.
    #[error("the proxy sends it to the service `{told}`, and it belongs to `{found}`")]
    Service {
        /// The service that it names.
        told: Box<str>,
        /// The service of the route that takes the request.
        found: Arc<str>,
    },
}

/// Why the policies deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forbidding {
    /// A `forbid` holds: those named.
    ByRule,
    /// A `forbid` could not be evaluated, each with why.
    ByError(Vec<(Arc<str>, String)>),
    /// No `permit` holds; `permit`s that could not be evaluated, each with why.
    NoPermit(Vec<(Arc<str>, String)>),
}

impl Denial {
    pub(crate) fn new(kind: DenialKind) -> Self {
        Self {
            kind,
            request: None,
            route: None,
            identity: None,
            policies: Box::default(),
            errors: Box::default(),
        }
    }

    /// A request that could not be read.
    pub(crate) fn unread(refusal: RequestRefusal) -> Self {
        Self::new(DenialKind::BadRequest(refusal))
    }

    pub(crate) fn with_request(mut self, request: CanonicalRequest) -> Self {
        self.request = Some(request);
        self
    }

    pub(crate) fn on(mut self, route: &Arc<Route>) -> Self {
        self.route = Some(Arc::clone(route));
        self
    }

    pub(crate) fn by(mut self, identity: &Arc<Identity>) -> Self {
        self.identity = Some(Arc::clone(identity));
        self
    }

    /// A request that came too early, before anyone knows whose it is.
    #[must_use]
    pub fn too_early(
        exceeded: Exceeded,
        request: CanonicalRequest,
        route: Option<&Arc<Route>>,
    ) -> Self {
        let policies = Box::from([Arc::clone(exceeded.rate.id())]);
        let denial = Self { policies, ..Self::new(DenialKind::RateLimited(exceeded)) };
        Self { route: route.cloned(), ..denial.with_request(request) }
    }

    /// This denial's request came too early besides, which counts more: who is denied is limited too.
    #[must_use]
    pub fn limited(self, exceeded: Exceeded) -> Self {
        let policies = Box::from([Arc::clone(exceeded.rate.id())]);
        Self { kind: DenialKind::RateLimited(exceeded), policies, errors: Box::default(), ..self }
    }

    /// Why.
    #[must_use]
    pub const fn kind(&self) -> &DenialKind {
        &self.kind
    }

    /// The request, if it has one reading.
    #[must_use]
    pub fn request(&self) -> Option<&CanonicalRequest> {
        self.request.as_ref()
    }

    /// The request back, to be judged again with newer keys.
    ///
    /// # Errors
    /// The denial itself, for a request that has no one reading.
    pub fn retry(mut self) -> Result<CanonicalRequest, Self> {
        self.request.take().ok_or(self)
    }

    /// The route that took the request, if one did.
    #[must_use]
    pub const fn route(&self) -> Option<&Arc<Route>> {
        self.route.as_ref()
    }

    /// The caller, if its token was verified.
    #[must_use]
    pub const fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref()
    }

    /// The ids of the policies that deny.
    #[must_use]
    pub fn policies(&self) -> &[Arc<str>] {
        &self.policies
    }

    /// The policies that could not be evaluated, each with why.
    #[must_use]
    pub fn errors(&self) -> &[(Arc<str>, String)] {
        &self.errors
    }

    /// The reason in words for the operator: for logs and records, never for the caller.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.kind {
            DenialKind::BadCertificate(refusal) => refusal.to_string(),
            DenialKind::BadRequest(refusal) => refusal.to_string(),
            DenialKind::BadToken(refusal) | DenialKind::UnknownKey { refusal, .. } => {
                refusal.to_string()
            }
            DenialKind::CrossOrigin => {
                "a page of another origin sent it with somebody's session".to_owned()
            }
            DenialKind::Forbidden(Forbidding::ByRule) => "a rule denies it".to_owned(),
            DenialKind::Forbidden(Forbidding::ByError(errors)) => {
                format!("a rule that denies could not be evaluated{}", told(errors))
            }
            DenialKind::Forbidden(Forbidding::NoPermit(errors)) => {
                format!("no rule allows it{}", told(errors))
            }
            DenialKind::IssuerNotAccepted { name: Some(name) } => {
                format!("the issuer `{name}` is disabled or not accepted on this route")
            }
            DenialKind::IssuerNotAccepted { name: None } => {
                "the token is from an unlisted issuer".to_owned()
            }
            DenialKind::IssuerUnavailable(name) => {
                format!("there are no usable keys of the issuer `{name}`")
            }
            DenialKind::MethodNotAllowed(_) => "the path takes other methods only".to_owned(),
            DenialKind::NoCredential => "no credential was shown".to_owned(),
            DenialKind::NotSureEnough(wanted) => not_sure_enough(wanted),
            DenialKind::NoRoute => "no route takes this host and path".to_owned(),
            DenialKind::PreflightRefused(refusal) => refusal.to_string(),
            DenialKind::RateLimited(exceeded) => {
                format!("there were too many requests by {}", exceeded.rate.by().name())
            }
            DenialKind::Relay(refusal) => refusal.to_string(),
            DenialKind::Revoked => "the credential or its subject was revoked".to_owned(),
            DenialKind::SenderConstrained => {
                "the token is bound to a proof of possession, which was not shown".to_owned()
            }
            DenialKind::SessionRefused(refusal) => refusal.to_string(),
            DenialKind::SessionNotAtHand | DenialKind::SessionsUnavailable => {
                "it cannot be confirmed that the session still stands".to_owned()
            }
            DenialKind::WrongAudience { expected, found } => {
                format!(
                    "the token is for `{}`, and this service is `{expected}`",
                    found.join("`, `")
                )
            }
        }
    }

    /// A stable label for metrics and records.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.kind {
            DenialKind::BadCertificate(_) => "bad_certificate",
            DenialKind::BadRequest(refusal) => refusal.code(),
            DenialKind::BadToken(refusal) | DenialKind::UnknownKey { refusal, .. } => {
                refusal.code()
            }
            DenialKind::CrossOrigin => "cross_origin",
            DenialKind::Forbidden(Forbidding::ByRule) => "forbidden",
            DenialKind::Forbidden(Forbidding::ByError(_)) => "forbid_unknown",
            DenialKind::Forbidden(Forbidding::NoPermit(_)) => "no_permit",
            DenialKind::IssuerNotAccepted { .. } => "issuer_not_accepted",
            DenialKind::IssuerUnavailable(_) => "issuer_unavailable",
            DenialKind::MethodNotAllowed(_) => "method_not_allowed",
            DenialKind::NoCredential => "no_credential",
            DenialKind::NoRoute => "no_route",
            DenialKind::NotSureEnough(_) => "step_up",
            DenialKind::PreflightRefused(refusal) => refusal.code(),
            DenialKind::RateLimited(_) => "rate_limited",
            DenialKind::Relay(RelayRefusal::CookiesNotTaken) => "cookies_not_taken",
            DenialKind::Relay(RelayRefusal::Inside) => "answered_here",
            DenialKind::Relay(RelayRefusal::JoinedHeaders) => "joined_headers",
            DenialKind::Relay(RelayRefusal::Route { .. }) => "route_disagrees",
            DenialKind::Relay(RelayRefusal::Service { .. }) => "service_disagrees",
            DenialKind::Revoked => "revoked",
            DenialKind::SenderConstrained => "sender_constrained",
            DenialKind::SessionRefused(refusal) => refusal.code(),
            DenialKind::SessionNotAtHand | DenialKind::SessionsUnavailable => {
                "sessions_unavailable"
            }
            DenialKind::WrongAudience { .. } => "wrong_audience",
        }
    }
}

fn not_sure_enough(wanted: &StepUp) -> String {
    let acr = if wanted.acr.is_empty() {
        String::new()
    } else {
        format!(" with `{}`", wanted.acr.join("` or `"))
    };
    let age = wanted.max_age.map(|age| format!(" in the last {} seconds", age.as_secs()));
    format!("the route wants a sign-in{acr}{}", age.unwrap_or_default())
}

fn told(errors: &[(Arc<str>, String)]) -> String {
    let told = errors.iter().map(|(id, why)| format!(" (`{id}`: {why})"));
    told.collect()
}
