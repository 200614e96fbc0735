use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::config::decode::Complaint;
use crate::config::value::{Bounded, Count, Quantity, Size, Time, Written, bound};

/// What one caller may ask of the listener.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Limits {
    /// The head of a request, all headers together. A larger one is answered with 431.
    pub(in crate::config) header_bytes: Bounded<HeaderBytes>,
    /// How many headers a request may have. One with more is answered with 431.
    pub(in crate::config) headers: Bounded<Headers>,
    /// How many requests may be under way at a time on one connection of HTTP/2.
    pub(in crate::config) streams: Bounded<Streams>,
    /// The path and query of a request. A longer one is answered with 414.
    pub(in crate::config) uri_bytes: Bounded<UriBytes>,
    /// The body of a request, or `unlimited`. A larger one is answered with 413.
    pub(in crate::config) body_bytes: BodyBytes,
    /// How many bytes of a request's body must come per second, on average over any 10 s in which they are waited for, until
    /// its service begins to answer. A slower one is answered with 408. `0B` takes any pace; so do routes that say
    /// `slow_body: true`.
    pub(in crate::config) body_rate: Bounded<BodyRate>,
    /// How many bytes of answers a caller must take per second, on average over any 20 s in which they wait for it. From one
    /// that takes less, its connection is closed, or with HTTP/2 its stream. Time in which the service sends nothing does
    /// not count. `0B` takes any pace.
    pub(in crate::config) answer_rate: Bounded<AnswerRate>,
    /// How many connections are open at a time. The one that has been idle longest, for a second at least, gives way to a
    /// further one, which waits a second for that; when all are at work, the further one is closed at once.
    pub(in crate::config) connections: Bounded<Connections>,
    /// How many requests are under way at a time, over all data threads. Further ones are answered with 503 at once, unjudged.
    /// By default 4096 for each data thread.
    pub(in crate::config) requests: Option<Bounded<Requests>>,
    /// How long the head of a request may take to arrive.
    pub(in crate::config) header_timeout: Bounded<HeaderTimeout>,
    /// How long a connection may be idle between requests.
    pub(in crate::config) idle_timeout: Bounded<IdleTimeout>,
    /// How long a caller may take nothing of what it is sent. Then its connection is closed.
    pub(in crate::config) write_timeout: Bounded<WriteTimeout>,
    /// After this many requests a connection is closed, so that load spreads anew.
    pub(in crate::config) requests_per_connection: Bounded<RequestsPerConnection>,
    /// How long open requests may take to end when Doorward stops.
    pub(in crate::config) drain: Bounded<Drain>,
    /// How many addresses, and how many identities, `rates` remember at a time. Those for whom there is no room share
    /// what one of them may send.
    pub(in crate::config) rate_keys: Bounded<RateKeys>,
}

/// The largest body of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::config) enum BodyBytes {
    Limited(Size),
    #[default]
    Unlimited,
}

impl BodyBytes {
    const LEAST: Size = Size::bytes(0);
    const MOST: Size = Size::gib(1_024);
}

impl<'de> Deserialize<'de> for BodyBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyBytesVisitor)
    }
}

struct BodyBytesVisitor;

impl serde::de::Visitor<'_> for BodyBytesVisitor {
    type Value = BodyBytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let help = "write `unlimited`, or a number and its unit: `10MiB`";
        fmt::Display::fmt(&Complaint::new("a size or `unlimited`").help(help), f)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<BodyBytes, E> {
        if text == "unlimited" {
            return Ok(BodyBytes::Unlimited);
        }
        let size = Size::read(text).map_err(E::custom)?;
        if size > BodyBytes::MOST {
            let complaint = Complaint::new(format!("`{size}` is too large")).help(format!(
                "write a value from `{}` to `{}`, or `unlimited`",
                BodyBytes::LEAST,
                BodyBytes::MOST
            ));
            return Err(E::custom(complaint));
        }
        Ok(BodyBytes::Limited(size))
    }
}

impl JsonSchema for BodyBytes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "size or unlimited".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "size or `unlimited`",
            "anyOf": [Size::schema(), { "const": "unlimited" }],
            "default": "unlimited",
            "x-least": Self::LEAST.json(),
            "x-most": Self::MOST.json(),
        })
    }
}

bound! {
    /// The head of a request.
    HeaderBytes: Size, Size::kib(4), Size::mib(1), Some(Size::kib(32));
    /// The headers of a request.
    Headers: Count, Count(10), Count(1_000), Some(Count(100));
    /// Requests at a time on one connection.
    Streams: Count, Count(1), Count(10_000), Some(Count(128));
    /// The path and query of a request.
    UriBytes: Size, Size::bytes(256), Size::kib(32), Some(Size::kib(8));
    /// The least pace of a request's body, in a second.
    BodyRate: Size, Size::bytes(0), Size::mib(1), Some(Size::bytes(240));
    /// The least pace at which answers are taken, in a second.
    AnswerRate: Size, Size::bytes(0), Size::mib(1), Some(Size::bytes(240));
    /// Open connections.
    Connections: Count, Count(1), Count(1_000_000), Some(Count(10_000));
    /// Requests under way.
    Requests: Count, Count(1), Count(10_000_000), None;
    /// How long the head of a request may take.
    HeaderTimeout: Time, Time::millis(100), Time::minutes(5), Some(Time::seconds(10));
    /// How long a connection may be idle.
    IdleTimeout: Time, Time::millis(100), Time::hours(1), Some(Time::seconds(75));
    /// How long a caller may take nothing of what it is sent.
    WriteTimeout: Time, Time::millis(100), Time::hours(1), Some(Time::seconds(60));
    /// Requests on one connection.
    RequestsPerConnection: Count, Count(1), Count(1_000_000_000), Some(Count(100_000));
    /// How long open requests may take to end.
    Drain: Time, Time::seconds(0), Time::hours(1), Some(Time::seconds(30));
    /// Addresses, and identities, that are counted at a time.
    RateKeys: Count, Count(1_000), Count(10_000_000), Some(Count(100_000));
}
