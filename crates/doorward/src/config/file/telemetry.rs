use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::FetchUrl;

/// What Doorward tells about itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Telemetry {
    /// The log, on standard error.
    pub(in crate::config) log: Log,
    /// Traces and metrics over OpenTelemetry. By default none.
    pub(in crate::config) otlp: Option<Otlp>,
}

/// The log.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Log {
    /// `text` or `json`.
    #[schemars(extend("default" = "text"))]
    pub(in crate::config) format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    #[schemars(extend("default" = "info"))]
    pub(in crate::config) level: LogLevel,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    #[default]
    Text,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum LogLevel {
    /// What needs a person.
    Error,
    /// And what may soon.
    Warn,
    /// And what changes.
    #[default]
    Info,
    /// And what happens within.
    Debug,
    /// And every step of it.
    Trace,
}

/// Where traces and metrics go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Otlp {
    /// The collector, such as `http://127.0.0.1:4318`.
    pub(in crate::config) endpoint: FetchUrl,
    /// The part of requests that is traced, from 0 to 1.
    pub(in crate::config) sample_ratio: Option<SampleRatio>,
}

/// The part of requests that is traced.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct SampleRatio(pub(in crate::config) f64);

impl SampleRatio {
    pub(in crate::config) const DEFAULT: Self = Self(0.01);
}

impl<'de> Deserialize<'de> for SampleRatio {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        if (0.0..=1.0).contains(&value) {
            return Ok(Self(value));
        }
        let side = if value < 0.0 { "too small" } else { "too large" };
        let complaint = crate::config::decode::Complaint::new(format!("`{value}` is {side}"));
        Err(serde::de::Error::custom(complaint.help("write a value from `0` to `1`")))
    }
}

impl JsonSchema for SampleRatio {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ratio".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "number", "minimum": 0, "maximum": 1, "default": 0.01, "x-least": 0, "x-most": 1
        })
    }
}
