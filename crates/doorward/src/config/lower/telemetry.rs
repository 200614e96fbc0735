use crate::config::file::{self, LogFormat, LogLevel};
use crate::config::model;

pub(super) fn lower(telemetry: file::Telemetry) -> model::Telemetry {
    let sampled = |otlp: &file::Otlp| otlp.sample_ratio.unwrap_or(file::SampleRatio::DEFAULT).0;
    model::Telemetry {
        log_format: match telemetry.log.format {
            LogFormat::Json => model::LogFormat::Json,
            LogFormat::Text => model::LogFormat::Text,
        },
        log_level: match telemetry.log.level {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        },
        otlp: telemetry.otlp.map(|otlp| model::Otlp {
            sample_ratio: sampled(&otlp),
            endpoint: otlp.endpoint.as_str().to_owned(),
        }),
    }
}
