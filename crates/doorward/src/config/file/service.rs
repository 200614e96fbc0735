use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Bounded, Carried, Count, EndpointUrl, HeaderName, Text, Time, bound};

/// The endpoints of a service.
pub(in crate::config) type Endpoints = Vec<EndpointUrl>;

/// A service: what stands behind the door.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Service {
    /// The only audience that opens it: a token must have it in `aud`. No two services share one.
    pub(in crate::config) audience: Text,
    /// Its addresses, such as `http://10.0.0.11:9001`, `https://orders.internal:8443` or `unix:/run/orders.sock`. At least
    /// one. A name stands for all addresses that DNS has for it (IPv4; IPv6 when there are none), for as long as it says:
    /// each is an endpoint of its own.
    pub(in crate::config) endpoints: Endpoints,
    /// How much each endpoint is given beside the others, in their order: with `[1, 3]`, a quarter and three quarters. By
    /// default all are given the same.
    pub(in crate::config) weights: Option<Vec<Bounded<Weight>>>,
    /// How long an endpoint that comes up takes from a tenth of its share to all of it.
    #[serde(default)]
    pub(in crate::config) slow_start: Bounded<SlowStart>,
    /// What is spoken with its endpoints: `http1`, or `http2` (for gRPC, and for services that take nothing else).
    #[schemars(extend("default" = "http1"))]
    #[serde(default)]
    pub(in crate::config) protocol: Protocol,
    /// How TLS is spoken with its `https` endpoints. Without it the system's authorities are believed.
    pub(in crate::config) tls: Option<ServiceTls>,
    /// How endpoints are checked. Without it they are judged by the requests they answer alone.
    pub(in crate::config) health: Option<Health>,
    /// When an endpoint is left alone for what it answers. One that cannot be reached or breaks off is left alone at once,
    /// for half a second, and for twice as long each further time, up to ten seconds.
    #[serde(default)]
    pub(in crate::config) ejection: Ejection,
    /// Which requests are sent once more, to another endpoint: those without a body that may be done twice (GET, HEAD, PUT,
    /// DELETE, OPTIONS, TRACE), when their connection breaks, no answer comes in time, or the answer is one of these. Without
    /// this key too; never with `at_most: 0`.
    #[serde(default)]
    pub(in crate::config) retry: Retry,
    /// How it is told who is calling.
    #[serde(default)]
    pub(in crate::config) identity: ServiceIdentity,
    /// Whether the caller's own credential goes on to it. Whoever runs the service can then act as the caller.
    #[serde(default)]
    pub(in crate::config) forward_credential: bool,
    /// How long it is waited for.
    #[serde(default)]
    pub(in crate::config) timeouts: Timeouts,
    /// How many requests each data thread has under way at the service at a time, each (but with HTTP/2) on a connection of
    /// its own.
    #[serde(default)]
    pub(in crate::config) max_connections: Bounded<MaxConnections>,
    /// So many of `max_connections`, of a hundred, one caller may have under way at a time, and always one: an identity, or
    /// an address (IPv6: a /64) for callers without. Its further requests wait, as many as this is of `max_pending`, and
    /// always one where any may; the next is answered with 503.
    #[serde(default)]
    pub(in crate::config) caller_share: Bounded<CallerShare>,
    /// How many requests of each data thread may wait for a connection, for a second at most, and for 10 ms while there has
    /// been a queue for 100 ms: what waits longer makes all others wait too. The next is answered with 503.
    #[serde(default)]
    pub(in crate::config) max_pending: Bounded<MaxPending>,
    /// With HTTP/2, how many requests are under way at a time on one connection; no more than the service allows on one.
    #[serde(default)]
    pub(in crate::config) max_streams: Bounded<MaxStreams>,
}

/// What is spoken with a service.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2: by ALPN over TLS, with prior knowledge without.
    Http2,
}

/// How TLS is spoken with a service.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ServiceTls {
    /// A file in PEM with the authorities to believe, instead of the system's.
    pub(in crate::config) ca: Option<String>,
    /// The name that its certificate must be for. By default the host of the endpoint.
    pub(in crate::config) server_name: Option<Text>,
    /// The SPIFFE ID that its certificate must have, such as `spiffe://corp.example/orders`, in place of a name. Takes `ca`:
    /// the authorities of the trust domain.
    pub(in crate::config) spiffe_id: Option<Text>,
    /// Files in PEM with the certificate to show and its private key, for services that ask who we are (mTLS).
    pub(in crate::config) certificates: Vec<String>,
}

/// How the endpoints of a service are checked: exactly one of `path`, `grpc` and `tcp`, each by itself and beside the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Health {
    /// The path that a healthy endpoint answers with a status from 200 to 299.
    pub(in crate::config) path: Option<String>,
    /// The name that a healthy endpoint says `SERVING` for (gRPC health checking); `""` asks for the endpoint as a whole.
    pub(in crate::config) grpc: Option<String>,
    /// `true`: a healthy endpoint takes connections, TLS included.
    pub(in crate::config) tcp: Option<bool>,
    /// How often.
    #[serde(default)]
    pub(in crate::config) every: Bounded<HealthEvery>,
    /// How long the answer is waited for; at most `every`.
    #[serde(default)]
    pub(in crate::config) timeout: Bounded<HealthTimeout>,
    /// So many checks in a row that fail take an endpoint out.
    #[serde(default)]
    pub(in crate::config) fall: Bounded<Fall>,
    /// So many checks in a row that succeed take it back.
    #[serde(default)]
    pub(in crate::config) rise: Bounded<Rise>,
}

/// When an endpoint is left alone for what it answers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Ejection {
    /// After so many answers in a row that say it cannot serve (500, 502, 503, 504, `UNAVAILABLE` of gRPC) or that do not
    /// come in time. Never for `0`.
    pub(in crate::config) errors: Bounded<EjectionErrors>,
    /// So many of its endpoints, of a hundred, may be left alone for it at a time, and always one.
    pub(in crate::config) at_most: Bounded<EjectionAtMost>,
}

/// Which requests are sent once more, to another endpoint.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Retry {
    /// The answers after which another endpoint is asked, if one is up.
    #[schemars(extend("default" = [502, 503, 504]))]
    pub(in crate::config) statuses: Option<Vec<Bounded<RetryStatus>>>,
    /// So many of the requests under way, of a hundred, may be sent once more at a time, and always three. None for `0`.
    pub(in crate::config) at_most: Bounded<RetryAtMost>,
}

/// How a service is told who is calling.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ServiceIdentity {
    /// The header that carries the signed identity, by custom `Doorward-Identity`.
    pub(in crate::config) token: Option<HeaderName>,
    /// Plain headers in the names that the application expects, each with what it carries: `subject`, `issuer`, `kind`,
    /// `groups`, `scopes` or `claim:<name>`.
    pub(in crate::config) headers: BTreeMap<HeaderName, Carried>,
}

/// How long a service is waited for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Timeouts {
    /// For a connection.
    pub(in crate::config) connect: Bounded<ConnectTimeout>,
    /// For the head of the answer, from the end of the request.
    pub(in crate::config) first_byte: Bounded<FirstByteTimeout>,
    /// For the next byte, in either direction. Also how long an unused connection is kept.
    pub(in crate::config) idle: Bounded<ServiceIdleTimeout>,
    /// For the whole, from the head of the request to the end of the answer. By default as long as bytes flow.
    pub(in crate::config) total: Option<Bounded<TotalTimeout>>,
}

bound! {
    /// How much an endpoint is given.
    Weight: Count, Count(1), Count(1_000), None;
    /// How long an endpoint's share grows.
    SlowStart: Time, Time::millis(0), Time::minutes(15), Some(Time::seconds(0));
    /// Checks in a row that take an endpoint out.
    Fall: Count, Count(1), Count(100), Some(Count(2));
    /// Checks in a row that take it back.
    Rise: Count, Count(1), Count(100), Some(Count(1));
    /// Bad answers in a row after which an endpoint is left alone.
    EjectionErrors: Count, Count(0), Count(10_000), Some(Count(5));
    /// The part of endpoints that may be left alone for their answers.
    EjectionAtMost: Count, Count(1), Count(100), Some(Count(50));
    /// An answer after which another endpoint is asked.
    RetryStatus: Count, Count(500), Count(599), None;
    /// The part of requests that may be sent once more.
    RetryAtMost: Count, Count(0), Count(100), Some(Count(20));
    /// How long a request may take in all.
    TotalTimeout: Time, Time::millis(10), Time::hours(24), None;
    /// Connections of one data thread to one endpoint.
    MaxConnections: Count, Count(1), Count(65_535), Some(Count(512));
    /// The part of connections that one caller may have.
    CallerShare: Count, Count(1), Count(100), Some(Count(50));
    /// Requests of one data thread that wait for a connection.
    MaxPending: Count, Count(0), Count(1_000_000), Some(Count(1_024));
    /// Requests at a time on one connection of HTTP/2.
    MaxStreams: Count, Count(1), Count(10_000), Some(Count(100));
    /// How often an endpoint is checked.
    HealthEvery: Time, Time::millis(100), Time::minutes(10), Some(Time::seconds(5));
    /// How long the answer to a check is waited for.
    HealthTimeout: Time, Time::millis(10), Time::minutes(1), Some(Time::seconds(2));
    /// How long a connection is waited for.
    ConnectTimeout: Time, Time::millis(10), Time::minutes(1), Some(Time::seconds(3));
    /// How long the head of an answer is waited for.
    FirstByteTimeout: Time, Time::millis(10), Time::hours(1), Some(Time::seconds(60));
    /// How long the next byte is waited for.
    ServiceIdleTimeout: Time, Time::millis(10), Time::hours(24), Some(Time::seconds(60));
}
