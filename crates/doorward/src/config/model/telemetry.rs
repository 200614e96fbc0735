//! What Doorward tells about itself.

/// What Doorward tells about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// How the log is written.
    pub log_format: LogFormat,
    /// How much is logged: `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: &'static str,
    /// Where traces and metrics go, if anywhere.
    pub otlp: Option<Otlp>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// Where traces and metrics go.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// The collector's URL.
    pub endpoint: String,
    /// The part of requests that is traced, from 0 to 1.
    pub sample_ratio: f64,
}
