use schemars::JsonSchema;
use serde::Deserialize;

use super::service::{FirstByteTimeout, ServiceIdleTimeout, TotalTimeout};
use super::{Condition, Cors, Rate, StepUp};
use crate::config::value::{Bounded, Name, Text, Time, bound};

/// Rules that bind every route.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Defaults {
    /// A request that meets any of these is denied.
    pub(in crate::config) deny: Vec<Condition>,
    /// A request must meet all of these.
    pub(in crate::config) require: Vec<Condition>,
    /// How many requests there may be: by `address` and by `identity` over all routes together, by `route` for each by
    /// itself. Those that no route takes count for their address.
    pub(in crate::config) rates: Vec<Rate>,
}

/// A route: one way in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Route {
    /// Its name in rules, records and denials; unique.
    pub(in crate::config) name: Name,
    /// Which requests are its own.
    #[serde(rename = "match")]
    pub(in crate::config) matches: RouteMatch,
    /// Where they go: the name of a service.
    pub(in crate::config) service: String,
    /// Whose identities it takes: names of issuers and of providers. Only a route that is open to anyone goes without.
    #[serde(default)]
    pub(in crate::config) accept: Vec<String>,
    /// A request that meets any of these is permitted, unless something denies it.
    #[serde(default)]
    pub(in crate::config) allow: Vec<Condition>,
    /// A request that meets any of these is denied, here and on every narrower route.
    #[serde(default)]
    pub(in crate::config) deny: Vec<Condition>,
    /// A request must meet all of these, here and on every narrower route.
    #[serde(default)]
    pub(in crate::config) require: Vec<Condition>,
    /// What to do with `%2F` in a path segment: `refuse` with 400, or keep it `opaque`.
    #[schemars(extend("default" = "refuse"))]
    #[serde(default)]
    pub(in crate::config) encoded_slash: EncodedSlash,
    /// What to do with `//` in a path: `refuse` with 400, or `keep` it.
    #[schemars(extend("default" = "refuse"))]
    #[serde(default)]
    pub(in crate::config) empty_segments: EmptySegments,
    /// What to do with `;` in a path segment, as in `/a;v=1`: `refuse` with 400, or `keep` it.
    #[schemars(extend("default" = "refuse"))]
    #[serde(default)]
    pub(in crate::config) segment_parameters: SegmentParameters,
    /// Switch the route off: its requests are turned away, its open streams end. Its `deny` and `require` go on binding
    /// narrower routes.
    #[serde(default)]
    pub(in crate::config) disabled: bool,
    /// The longest that one permit lasts. By default as long as its token.
    pub(in crate::config) max_permit: Option<Bounded<MaxPermit>>,
    /// The timeouts in which it differs from its service.
    #[serde(default)]
    pub(in crate::config) timeouts: RouteTimeouts,
    /// Whether a request may go on as a WebSocket. It is closed when its permit ends.
    #[serde(default)]
    pub(in crate::config) websocket: bool,
    /// Whether the body of a request may come at any pace (`limits.body_rate`), as when a client of gRPC streams what happens.
    #[serde(default)]
    pub(in crate::config) slow_body: bool,
    /// Which pages of other origins may call it from a browser. By default none, and `OPTIONS` is a method like others.
    pub(in crate::config) cors: Option<Cors>,
    /// How surely callers must be known, here and on every narrower route. By default as surely as elsewhere.
    pub(in crate::config) step_up: Option<StepUp>,
    /// How many requests there may be, here and on every narrower route together.
    #[serde(default)]
    pub(in crate::config) rates: Vec<Rate>,
}

/// The timeouts in which a route differs from its service.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RouteTimeouts {
    /// For the head of the answer, from the end of the request.
    pub(in crate::config) first_byte: Option<Bounded<FirstByteTimeout>>,
    /// For the next byte, in either direction.
    pub(in crate::config) idle: Option<Bounded<ServiceIdleTimeout>>,
    /// For the whole, from the head of the request to the end of the answer.
    pub(in crate::config) total: Option<Bounded<TotalTimeout>>,
}

/// Which requests a route takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RouteMatch {
    /// `orders.example.com`, `*.example.com` (exactly one label more), or `*` (any host).
    pub(in crate::config) host: Text,
    /// `/health`, `/orders/{id}` (one segment), `/files/**` (everything below).
    pub(in crate::config) path: String,
    /// The methods, such as `[GET, HEAD]`; `"*"` stands for GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS.
    pub(in crate::config) methods: Vec<String>,
}

/// What a route does with an encoded slash in a path segment.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum EncodedSlash {
    /// It is kept as it is: never decoded, never a separator.
    Opaque,
    /// The request is refused with 400.
    #[default]
    Refuse,
}

/// What a route does with empty path segments.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum EmptySegments {
    /// They are kept and matched as empty segments.
    Keep,
    /// The request is refused with 400.
    #[default]
    Refuse,
}

/// What a route does with parameters in a path segment.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum SegmentParameters {
    /// They are kept, as part of the segment's text.
    Keep,
    /// The request is refused with 400.
    #[default]
    Refuse,
}

bound! {
    /// The longest that a permit lasts.
    MaxPermit: Time, Time::seconds(1), Time::days(30), None;
}
