//! What the process tells about itself as it goes: logs, and traces.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use doors::{FinishedRequest, TraceSink};
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

use super::otlp::OtlpSink;
use crate::config::{LogFormat, Otlp, Telemetry};

/// Begins to write logs, to standard error; in colours only where a person looks on.
pub fn init_logs(telemetry: &Telemetry) {
    let filter = EnvFilter::try_from_env("DOORWARD_LOG")
        .unwrap_or_else(|_| EnvFilter::new(telemetry.log_level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // Another subscriber may be there already, in a test.
    let _ = match telemetry.log_format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_target(false).try_init(),
    };
}

/// Where traces go. To be called within the control runtime, which sends them.
pub(super) fn trace_sink(otlp: Option<&Otlp>, registry: &mut Registry) -> Arc<dyn TraceSink> {
    match otlp.map(|otlp| OtlpSink::start(otlp, registry)) {
        None => Arc::new(Nowhere),
        Some(Ok(sink)) => Arc::new(sink),
        Some(Err(error)) => {
            // Requests do not wait for a collector, and so neither does the start.
            tracing::error!(%error, key = "telemetry.otlp.endpoint", "no traces are sent");
            Arc::new(Nowhere)
        }
    }
}

#[derive(Debug)]
struct Nowhere;

impl TraceSink for Nowhere {
    fn samples(&self, _: &[u8; 16]) -> bool {
        false
    }

    fn finished(&self, _: &FinishedRequest<'_>) {}

    fn flush(&self, _: Duration) {}
}
