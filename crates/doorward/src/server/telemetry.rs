//! What the process tells about itself as it goes: logs, and traces.

use std::sync::Arc;

use doors::{FinishedRequest, TraceSink};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Otlp, Telemetry};
use crate::entropy::Entropy;

/// Begins to write logs, to standard error.
pub fn init_logs(telemetry: &Telemetry) {
    let filter = EnvFilter::try_from_env("DOORWARD_LOG")
        .unwrap_or_else(|_| EnvFilter::new(telemetry.log_level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Another subscriber may be there already, in a test.
    let _ = match telemetry.log_format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_target(false).try_init(),
    };
}

/// Where traces go.
pub(super) fn trace_sink(_otlp: Option<&Otlp>, _entropy: &Entropy) -> Arc<dyn TraceSink> {
    Arc::new(Nowhere)
}

#[derive(Debug)]
struct Nowhere;

impl TraceSink for Nowhere {
    fn samples(&self, _: &[u8; 16]) -> bool {
        false
    }

    fn finished(&self, _: &FinishedRequest<'_>) {}
}
