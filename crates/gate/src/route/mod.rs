//! Routes: the only ways in. A request belongs to the most specific route that takes it, whatever their order.

mod cors;
mod host_pattern;
mod overlap;
mod pattern;
mod rate;
mod step_up;
mod tree;

use std::sync::Arc;
use std::time::Duration;

use http::Method;

pub use cors::{PreflightRefusal, Sharing};
pub use host_pattern::{HostPattern, HostPatternError};
pub use pattern::{PathPattern, PatternError, Segment};
pub use rate::{Exceeded, Rate};
pub use step_up::StepUp;

pub(crate) use cors::{Asked, Cors, Origins};
pub(crate) use overlap::broader_routes;
pub(crate) use tree::{Found, RouteTree};

use http::HeaderName;

use crate::request::{CanonicalRequest, RequestRefusal};
use crate::spec::{EmptySegments, EncodedSlash, IdentityField, SegmentParameters};

/// A route, checked and ready to be matched.
///
/// There may be tens of thousands, and then few are in the processor's cache: what every judgement reads comes first and
/// stays together.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Route {
    pub(crate) service: Arc<Service>,
    /// Whose identities it takes: the places of these issuers in the specification of its gate, which another gate may
    /// have in another order. Routes that take the same issuers share one list.
    pub(crate) accept: Arc<[usize]>,
    /// It still takes its requests, so that no broader route does, and turns them all away; its `deny` and `require`
    /// still bind narrower routes.
    pub(crate) disabled: bool,
    pub(crate) encoded_slash: EncodedSlash,
    pub(crate) empty_segments: EmptySegments,
    pub(crate) segment_parameters: SegmentParameters,
    pub(crate) credentials: Credentials,
    pub(crate) public: bool,
    pub(crate) websocket: bool,
    pub(crate) slow_body: bool,
    pub(crate) max_permit: Option<Duration>,
    /// How surely callers must be known: as it says, and as broader routes do.
    pub(crate) step_up: StepUp,
    pub(crate) name: Arc<str>,
    /// The defaults' and those of broader routes first.
    pub(crate) rates: Vec<Arc<Rate>>,
    /// Routes with the same methods share one list.
    pub(crate) methods: Arc<[Method]>,
    pub(crate) host: HostPattern,
    pub(crate) path: PathPattern,
    pub(crate) cors: Option<Cors>,
}

/// What a route can know a caller by: what its issuers issue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) certificates: bool,
    pub(crate) sessions: bool,
    /// Whether somebody can sign in for it: a provider whose sessions count is not disabled.
    pub(crate) sign_in: bool,
    pub(crate) tokens: bool,
}

/// A service, as the gate knows it.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: Arc<str>,
    /// The only audience that opens it.
    pub audience: Arc<str>,
    /// How the caller's identity is told to it.
    pub identity: ToldIdentity,
    /// Its place in the specification.
    pub index: usize,
    /// Whether it is answered here: it has no endpoint, and nothing is forwarded to it.
    pub inside: bool,
}

/// How a service is told who is calling, with the names that headers have.
#[derive(Clone, Debug, Default)]
pub struct ToldIdentity {
    /// The header that carries the signed identity, if any.
    pub token_header: Option<HeaderName>,
    /// Plain headers, each with what it carries.
    pub headers: Box<[(HeaderName, IdentityField)]>,
    /// Whether the caller's own credential goes on to the service.
    pub forward_credential: bool,
}

impl Route {
    /// Whether a request may go on as a WebSocket.
    #[must_use]
    pub const fn websocket(&self) -> bool {
        self.websocket
    }

    /// Whether the body of a request may come at any pace.
    #[must_use]
    pub const fn slow_body(&self) -> bool {
        self.slow_body
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Which hosts it takes.
    #[must_use]
    pub const fn host(&self) -> &HostPattern {
        &self.host
    }

    /// Which paths it takes.
    #[must_use]
    pub const fn path(&self) -> &PathPattern {
        &self.path
    }

    /// Which methods it takes.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// Where its requests go.
    #[must_use]
    pub const fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Those of its gate's issuers whose identities it takes; `all` are in the order of the specification.
    pub(crate) fn accepted<'a, T>(&'a self, all: &'a [T]) -> impl Iterator<Item = &'a T> {
        self.accept.iter().filter_map(|index| all.get(*index))
    }

    /// The rates that a request with this method counts against: its own, those of broader routes, and the defaults'.
    pub fn rates(&self, method: &Method) -> impl Iterator<Item = &Arc<Rate>> {
        self.rates.iter().filter(|rate| rate.counts(method))
    }

    /// What a browser is told about which pages may read the answer to a request; none where that is the service's to
    /// say.
    #[must_use]
    pub fn sharing(&self, request: &CanonicalRequest) -> Option<Sharing> {
        self.cors.as_ref().filter(|_| !self.disabled).map(|cors| cors.sharing(request))
    }

    /// Refuses what a route has to ask for and this one has not.
    pub(crate) fn admit(&self, request: &CanonicalRequest) -> Result<(), RequestRefusal> {
        let keep = (self.encoded_slash, self.empty_segments, self.segment_parameters);
        refuse_traits(request, keep)
    }
}

/// Refuses the paths that only a route's option admits, for a request that has no route.
pub(crate) fn admit_without_route(request: &CanonicalRequest) -> Result<(), RequestRefusal> {
    let keep = (EncodedSlash::Refuse, EmptySegments::Refuse, SegmentParameters::Refuse);
    refuse_traits(request, keep)
}

fn refuse_traits(
    request: &CanonicalRequest,
    (slash, empty, parameters): (EncodedSlash, EmptySegments, SegmentParameters),
) -> Result<(), RequestRefusal> {
    let traits = request.path().traits();
    if traits.encoded_slash && slash == EncodedSlash::Refuse {
        return Err(RequestRefusal::EncodedSlash);
    }
    if traits.empty_segment && empty == EmptySegments::Refuse {
        return Err(RequestRefusal::EmptySegment);
    }
    if traits.segment_parameters && parameters == SegmentParameters::Refuse {
        return Err(RequestRefusal::SegmentParameters);
    }
    Ok(())
}
