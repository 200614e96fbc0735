//! Traces to an OpenTelemetry collector: OTLP over HTTP, in its JSON encoding (OTLP 1.x, "OTLP/HTTP").
//!
//! A request that ends puts its span into a bounded queue and never waits; a task sends what is there, a batch at a
//! time. A collector that is slow or gone costs spans, which are counted, and nothing else.

mod connection;
mod span;

use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use doors::{FinishedRequest, TraceSink};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use self::connection::{Collector, CollectorError, ExportError};
use crate::config::Otlp;

/// How many spans may wait to be sent.
const MAX_QUEUE: usize = 8192;
/// How many spans one request to the collector carries.
const MAX_BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const BATCH_EVERY: Duration = Duration::from_secs(1);
/// How long the collector may take with one batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// The part of a trace id that is random by contract (W3C Trace Context Level 2 §3.3.1.3), in bits.
const RANDOM_BITS: u32 = 56;

/// Sends the spans of sampled requests to a collector.
#[derive(Debug)]
pub(super) struct OtlpSink {
    /// A trace whose random part is at least this is recorded.
    threshold: u64,
    queue: mpsc::Sender<Item>,
    dropped: Counter,
}

/// What the exporter is handed.
#[derive(Debug)]
enum Item {
    Span(Value),
    /// Nothing more is waited for; to be told when all before it is sent.
    Flush(SyncSender<()>),
}

impl OtlpSink {
    /// Starts the task that sends, within the current runtime, and registers what is counted.
    pub(super) fn start(otlp: &Otlp, registry: &mut Registry) -> Result<Self, CollectorError> {
        let collector = Collector::new(&otlp.endpoint)?;
        let (sent, dropped) = (Counter::default(), Counter::default());
        let own = registry.sub_registry_with_prefix("doorward");
        own.register("trace_spans_sent", "Spans that the collector took", sent.clone());
        own.register("trace_spans_dropped", "Spans that were lost", dropped.clone());
        let (queue, waiting) = mpsc::channel(MAX_QUEUE);
        let exporter = Exporter { collector, waiting, sent, dropped: dropped.clone() };
        tokio::spawn(exporter.run());
        Ok(Self { threshold: threshold(otlp.sample_ratio), queue, dropped })
    }
}

impl TraceSink for OtlpSink {
    fn samples(&self, trace_id: &[u8; 16]) -> bool {
        random_part(trace_id) >= self.threshold
    }

    fn finished(&self, request: &FinishedRequest<'_>) {
        if self.queue.try_send(Item::Span(span::of(request))).is_err() {
            self.dropped.inc();
        }
    }

    fn flush(&self, within: Duration) {
        let (tell, told) = sync_channel(1);
        if self.queue.try_send(Item::Flush(tell)).is_ok() {
            // Late or never: the spans are lost, and the process ends all the same.
            let _ = told.recv_timeout(within);
        }
    }
}

/// Sends spans, a batch at a time.
struct Exporter {
    collector: Collector,
    waiting: mpsc::Receiver<Item>,
    sent: Counter,
    dropped: Counter,
}

impl Exporter {
    async fn run(mut self) {
        let mut failing = false;
        while let Some((batch, flush)) = self.batch().await {
            self.send(batch, &mut failing).await;
            if let Some(flush) = flush {
                let _ = flush.try_send(());
            }
        }
    }

    async fn send(&self, batch: Vec<Value>, failing: &mut bool) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let sending = self.collector.post(span::document(batch).to_string());
        let sent = timeout(EXPORT_TIMEOUT, sending).await.unwrap_or(Err(ExportError::Timeout));
        match sent {
            Ok(()) => {
                self.sent.inc_by(count);
                if std::mem::take(failing) {
                    tracing::info!("the trace collector takes spans again");
                }
            }
            Err(error) => {
                self.dropped.inc_by(count);
                // Once per outage: the counter tells the rest.
                if !std::mem::replace(failing, true) {
                    tracing::warn!(%error, "the trace collector takes no spans; they are dropped");
                }
            }
        }
    }

    /// The next spans to send, and who waits for them to be; nothing when there will be none.
    async fn batch(&mut self) -> Option<(Vec<Value>, Option<SyncSender<()>>)> {
        let mut batch = Vec::new();
        let mut next = Some(self.waiting.recv().await?);
        let deadline = Instant::now() + BATCH_EVERY;
        while let Some(item) = next {
            match item {
                Item::Span(span) => batch.push(span),
                Item::Flush(flush) => return Some((batch, Some(flush))),
            }
            if batch.len() >= MAX_BATCH {
                break;
            }
            next = timeout_at(deadline, self.waiting.recv()).await.ok().flatten();
        }
        Some((batch, None))
    }
}

/// The smallest random part that is sampled at `ratio`, so that every service that samples at a ratio keeps the same
/// traces (OpenTelemetry, TraceIdRatioBased by threshold).
fn threshold(ratio: f64) -> u64 {
    let all = (1_u64 << RANDOM_BITS) as f64;
    // INVARIANT: within 0 and 2^56, which a float of 64 bits tells apart well enough.
    ((1.0 - ratio.clamp(0.0, 1.0)) * all) as u64
}

/// The last 56 bits of a trace id.
fn random_part(trace_id: &[u8; 16]) -> u64 {
    let low = u128::from_be_bytes(*trace_id) & ((1_u128 << RANDOM_BITS) - 1);
    u64::try_from(low).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_decides_on_the_random_part_of_the_trace_id() {
        let id = |low: u64| {
            let mut id = [0xFF; 16];
            id[8..].copy_from_slice(&low.to_be_bytes());
            id
        };
        let (least, most) = (id(0), id(u64::MAX));
        let samples = |ratio: f64, id: &[u8; 16]| random_part(id) >= threshold(ratio);
        assert!(samples(1.0, &least) && samples(1.0, &most));
        assert!(!samples(0.0, &least) && !samples(0.0, &most));
        assert!(!samples(0.5, &id((1 << 55) - 1)) && samples(0.5, &id(1 << 55)));
    }
}
