//! What a gate is built from: plain data, as written by an operator, not yet checked against itself.
//!
//! The configuration file is read into these; [`Gate::build`](crate::Gate::build) checks them against each other and
//! makes the immutable model that requests are judged by. Every error it returns names a [`Place`], which the
//! configuration maps back to a line.

mod condition;
mod cors;
mod evaluation;
mod issuer;
mod place;
mod provider;
mod rate;

use std::time::Duration;

pub use crate::route::StepUp;

pub use condition::{ClaimTest, Condition, MatchValue};
pub use cors::CorsSpec;
pub use evaluation::{EvaluationSpec, KindSpec};
pub use issuer::{Identities, IssuerSpec};
pub use place::{Place, Step};
pub use provider::ProviderSpec;
pub use rate::{RateBy, RateSpec};

/// Everything the gate judges by.
#[derive(Clone, Debug, Default)]
pub struct GateSpec {
    /// Whose tokens and client certificates are believed.
    pub issuers: Vec<IssuerSpec>,
    /// What stands behind the door.
    pub services: Vec<ServiceSpec>,
    /// Rules that bind every route.
    pub defaults: Defaults,
    /// The only ways in.
    pub routes: Vec<RouteSpec>,
    /// Cedar policies beside the short form, one entry per file.
    pub policies: Vec<PolicyFile>,
    /// What has been revoked by hand.
    pub revoked: Revoked,
    /// What is decided for others to enforce, if anything is.
    pub evaluation: Option<EvaluationSpec>,
}

/// A service: what stands behind the door.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// Its name in routes, rules and records.
    pub name: String,
    /// The only audience that opens it; no two services share one.
    pub audience: String,
    /// How the caller's identity is told to it.
    pub identity: IdentityForward,
}

/// How a service is told who is calling.
#[derive(Clone, Debug, Default)]
pub struct IdentityForward {
    /// The header that carries the signed identity, if any.
    pub token_header: Option<String>,
    /// Plain headers in the names that the application expects, each with what it carries.
    pub headers: Vec<(String, IdentityField)>,
    /// Whether the caller's own credential goes on to the service.
    pub forward_credential: bool,
}

/// A fact about the caller that a plain header can carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityField {
    /// A declared claim, by name.
    Claim(String),
    /// All groups, separated by commas.
    Groups,
    /// The issuer's name in the configuration.
    Issuer,
    /// `user`, `workload` or `agent`.
    Kind,
    /// All scopes, separated by spaces.
    Scopes,
    /// The subject as its issuer wrote it.
    Subject,
}

/// Rules that bind every route.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// A request that meets any of these is denied.
    pub deny: Vec<Condition>,
    /// A request must meet all of these.
    pub require: Vec<Condition>,
    /// How many requests there may be, over all routes together.
    pub rates: Vec<RateSpec>,
}

/// A route: one way in.
#[derive(Clone, Debug, Default)]
pub struct RouteSpec {
    /// Its name in rules, records and denials; unique.
    pub name: String,
    /// Which requests are its own.
    pub matches: RouteMatch,
    /// Where they go, by service name.
    pub service: String,
    /// Whose identities it takes, by issuer name; empty only on routes that are open to anyone.
    pub accept: Vec<String>,
    /// A request that meets any of these is permitted, unless something denies it.
    pub allow: Vec<Condition>,
    /// A request that meets any of these is denied, here and on every narrower route.
    pub deny: Vec<Condition>,
    /// A request must meet all of these, here and on every narrower route.
    pub require: Vec<Condition>,
    /// What to do with `%2F` and `%252F` in a path segment.
    pub encoded_slash: EncodedSlash,
    /// What to do with `//`.
    pub empty_segments: EmptySegments,
    /// What to do with `;` in a path segment.
    pub segment_parameters: SegmentParameters,
    /// A disabled route turns away all its requests and ends open streams. No broader route takes them over, and its
    /// `deny` and `require` go on binding narrower routes: disabling never widens.
    pub disabled: bool,
    /// The longest that one permit lasts, whatever its token says; bounded by the token's own end.
    pub max_permit: Option<Duration>,
    /// Whether a request may go on as a WebSocket (RFC 6455).
    pub websocket: bool,
    /// Whether the body of a request may come at any pace.
    pub slow_body: bool,
    /// Which pages of other origins may call it from a browser; none for none.
    pub cors: Option<CorsSpec>,
    /// How surely callers must be known, here and on every narrower route; none for no more than elsewhere.
    pub step_up: Option<StepUp>,
    /// How many requests there may be, here and on every narrower route together.
    pub rates: Vec<RateSpec>,
}

/// Which requests a route takes.
#[derive(Clone, Debug, Default)]
pub struct RouteMatch {
    /// `orders.example.com`, `*.example.com` (exactly one label), or `*` (any host).
    pub host: String,
    /// `/orders/{id}`, `/files/**`, `/health`.
    pub path: String,
    /// Exact method tokens; `*` means the standard ones (GET HEAD POST PUT PATCH DELETE OPTIONS).
    pub methods: Vec<String>,
}

/// What a route does with an encoded slash in a path segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncodedSlash {
    /// It is kept as it is: never decoded, never a separator.
    Opaque,
    /// The request is refused with 400.
    #[default]
    Refuse,
}

/// What a route does with empty path segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptySegments {
    /// They are kept and matched as empty segments.
    Keep,
    /// The request is refused with 400.
    #[default]
    Refuse,
}

/// What a route does with parameters in a path segment (`/a;v=1`, RFC 3986 §3.3). Some servers drop them before they
/// route, others do not, so that `/admin;x/users` may or may not be `/admin/users`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SegmentParameters {
    /// They are kept, as part of the segment's text.
    Keep,
    /// The request is refused with 400.
    #[default]
    Refuse,
}

/// One file of Cedar policies.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// Its name in policy ids and errors, such as `policies/orders.cedar`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What has been revoked by hand, in the configuration.
#[derive(Clone, Debug, Default)]
pub struct Revoked {
    /// Subjects, each as (issuer name, subject).
    pub subjects: Vec<(String, String)>,
    /// Tokens and client certificates, each as 64 hexadecimal digits: the audit log's `token` or `certificate`.
    pub tokens: Vec<String>,
}
