//! How a service is reached: what an operator says of it, checked.

use std::time::Duration;

use http::StatusCode;

use crate::proxy::Dial;

/// How a service is reached.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// Its name.
    pub name: String,
    /// Its endpoints; at least one.
    pub endpoints: Vec<EndpointOptions>,
    /// How its endpoints are probed, if they are.
    pub health: Option<Health>,
    /// How long it is waited for.
    pub timeouts: Timeouts,
    /// The most connections per data thread.
    pub max_connections: usize,
    /// The most requests per data thread that wait for a connection.
    pub max_pending: usize,
    /// So many of `max_connections`, of a hundred, one caller may have at a time, and always one.
    pub caller_share_percent: usize,
    /// The most requests at a time on one connection of HTTP/2. At least 1.
    pub max_streams: usize,
    /// How long an endpoint that comes up takes to get all of its share; zero for at once.
    pub slow_start: Duration,
    /// When an endpoint rests for what it answers.
    pub ejection: Ejection,
    /// What is sent again to another endpoint.
    pub retry: Retry,
}

/// One address of a service, or a name that stands for several.
#[derive(Clone, Debug)]
pub struct EndpointOptions {
    /// Where it is, and what is spoken with it.
    pub dial: Dial,
    /// How much it is given beside the others: of two with 1 and 3, a quarter and three quarters. 1 to 1000.
    pub weight: u32,
}

/// How long a service is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the head of the answer, from the end of the request.
    pub first_byte: Duration,
    /// For the next byte, either way; also how long an unused connection is kept.
    pub idle: Duration,
    /// From the head of the request to the end of the answer; without it, as long as bytes flow.
    pub total: Option<Duration>,
}

/// The timeouts in which a route differs from its service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteTimeouts {
    /// For the head of the answer.
    pub first_byte: Option<Duration>,
    /// For the next byte, either way.
    pub idle: Option<Duration>,
    /// For the whole.
    pub total: Option<Duration>,
}

impl Timeouts {
    /// These, but for those that a route has of its own.
    #[must_use]
    pub fn on(self, route: RouteTimeouts) -> Self {
        Self {
            connect: self.connect,
            first_byte: route.first_byte.unwrap_or(self.first_byte),
            idle: route.idle.unwrap_or(self.idle),
            total: route.total.or(self.total),
        }
    }
}

/// How the endpoints of a service are probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is asked.
    pub check: HealthCheck,
    /// How often.
    pub every: Duration,
    /// How long the answer is waited for; at most `every`.
    pub timeout: Duration,
    /// So many probes in a row that fail take an endpoint out. At least 1.
    pub fall: u32,
    /// So many probes in a row that succeed take it back. At least 1.
    pub rise: u32,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthCheck {
    /// That this service of the endpoint is `SERVING` (gRPC Health Checking Protocol, `grpc.health.v1`); the empty name is
    /// the endpoint's own.
    Grpc(String),
    /// That this path is answered with a status from 200 to 299.
    Path(String),
    /// That a connection can be made, TLS included.
    Tcp,
}

/// When an endpoint rests for what it answers. One that cannot be reached, or breaks off before it answers, rests at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// After so many answers in a row that say it cannot serve (500, 502, 503, 504, `UNAVAILABLE` of gRPC) or that did not
    /// come in time; never for 0.
    pub errors: u32,
    /// So many of the endpoints, of a hundred, may rest for it at a time, and always one.
    pub at_most_percent: usize,
}

/// What is sent again to another endpoint: only what has no body and may be done twice (RFC 9110 §9.2.2), and only once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The answers that another endpoint is asked after.
    pub statuses: Vec<StatusCode>,
    /// So many of the requests under way, of a hundred, may be sent again at a time, and always three. None for 0.
    pub at_most_percent: usize,
}
