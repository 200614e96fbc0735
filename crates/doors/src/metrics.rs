//! What is counted. Names are fixed; see docs/metrics.md.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use federation::metadata::Report;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::at_hand::AtHand;

/// Counters of the doors.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) decisions: AtHand<DecisionLabels>,
    pub(crate) evaluations: Family<EvaluationLabels, Counter>,
    pub(crate) outcomes: AtHand<OutcomeLabels>,
    pub(crate) decision_seconds: Histogram,
    pub(crate) request_seconds: Histogram,
    pub(crate) connections: Gauge,
    pub(crate) connections_refused: Counter,
    pub(crate) connections_evicted: Counter,
    pub(crate) http2_refused: Family<RefusedLabels, Counter>,
    pub(crate) proxy_headers_refused: Counter,
    pub(crate) requests_shed: Counter,
    pub(crate) tls_handshakes_failed: Counter,
    pub(crate) in_flight: Gauge,
    pub(crate) endpoint_up: Family<EndpointLabels, Gauge>,
    pub(crate) upstream_retries: Family<ServiceLabels, Counter>,
    pub(crate) upstream_retries_refused: Family<ServiceLabels, Counter>,
    pub(crate) upstream_refused: Family<ServiceLabels, Counter>,
    pub(crate) name_lookup_failures: Family<ServiceLabels, Counter>,
    pub(crate) rate_limited: Family<RateLabels, Counter>,
    pub(crate) rate_keys: Family<RateByLabels, Gauge>,
    pub(crate) rate_overflows: Family<RateByLabels, Counter>,
    acme_orders: Family<OrderLabels, Counter>,
    saml_metadata: Family<MetadataLabels, Counter>,
}

/// A name of the configuration, or an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Name(pub(crate) Option<Arc<str>>);

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.0.as_deref().unwrap_or_default())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DecisionLabels {
    pub(crate) door: &'static str,
    pub(crate) route: Name,
    pub(crate) verdict: &'static str,
    pub(crate) code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EvaluationLabels {
    pub(crate) verdict: &'static str,
    pub(crate) code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OutcomeLabels {
    pub(crate) service: Name,
    pub(crate) status: u16,
    pub(crate) ended: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EndpointLabels {
    pub(crate) service: String,
    pub(crate) endpoint: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ServiceLabels {
    pub(crate) service: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RefusedLabels {
    pub(crate) what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RateLabels {
    pub(crate) rate: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RateByLabels {
    pub(crate) by: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OrderLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MetadataLabels {
    provider: String,
    outcome: &'static str,
}

impl Metrics {
    /// Counters, told to `registry`.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let decision_bounds = [25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 5e-3, 25e-3, 0.1, 1.0];
        let request_bounds =
            [1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
        let all = &mut registry.sub_registry_with_prefix("doorward");
        Self {
            decisions: at_hand(all, "decisions", "Requests judged, by verdict and reason"),
            evaluations: counted(
                all,
                "evaluations",
                "Decisions for others to enforce, by verdict and reason",
            ),
            outcomes: at_hand(all, "outcomes", "Requests forwarded, by how they ended"),
            decision_seconds: timed(
                all,
                "decision_seconds",
                "Time from a request's head to its recorded decision",
                &decision_bounds,
            ),
            request_seconds: timed(
                all,
                "request_seconds",
                "Time from a forwarded request's head to the end of its answer",
                &request_bounds,
            ),
            connections: counted(all, "connections", "Open connections from callers"),
            connections_refused: counted(
                all,
                "connections_refused",
                "Connections closed at once because there were too many, or too much to do",
            ),
            connections_evicted: counted(
                all,
                "connections_evicted",
                "Idle connections closed because there were too many and a new one came",
            ),
            http2_refused: counted(
                all,
                "http2_refused",
                "What HTTP/2 itself refused: requests, heads that are too large, and whole connections",
            ),
            proxy_headers_refused: counted(
                all,
                "proxy_headers_refused",
                "Connections of trusted peers that did not begin with a good PROXY protocol header",
            ),
            requests_shed: counted(
                all,
                "requests_shed",
                "Requests turned away unjudged because there was too much to do",
            ),
            tls_handshakes_failed: counted(
                all,
                "tls_handshakes_failed",
                "Connections that came to no agreement on TLS",
            ),
            in_flight: counted(all, "requests_in_flight", "Requests being forwarded"),
            endpoint_up: counted(all, "endpoint_up", "Whether an endpoint takes requests"),
            upstream_retries: counted(
                all,
                "upstream_retries",
                "Requests sent to another endpoint, because nothing was done or it may be done twice",
            ),
            upstream_retries_refused: counted(
                all,
                "upstream_retries_refused",
                "Requests not sent again because too many were being sent again",
            ),
            upstream_refused: counted(
                all,
                "upstream_refused",
                "Requests refused because too many were under way and waiting at their service",
            ),
            name_lookup_failures: counted(
                all,
                "name_lookup_failures",
                "Lookups of endpoints' names that failed",
            ),
            rate_limited: counted(all, "rate_limited", "Requests that came too early for a rate"),
            rate_keys: counted(all, "rate_keys", "Callers whose requests are being counted"),
            rate_overflows: counted(
                all,
                "rate_overflows",
                "Requests counted together with others because there was no room for their caller",
            ),
            acme_orders: counted(all, "acme_orders", "Orders of certificates, by how they ended"),
            saml_metadata: counted(
                all,
                "saml_metadata",
                "Looks at the metadata of providers with SAML, by what came of them",
            ),
        }
    }

    /// An order of a certificate has ended.
    pub fn acme_order_ended(&self, outcome: &'static str) {
        self.acme_orders.get_or_create(&OrderLabels { outcome }).inc();
    }

    /// The metadata of a provider with SAML was looked at.
    pub fn saml_metadata(&self, provider: &str, report: Report) {
        let labels = MetadataLabels { provider: provider.to_owned(), outcome: report.name() };
        self.saml_metadata.get_or_create(&labels).inc();
    }
}

fn counted<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn at_hand<L>(registry: &mut Registry, name: &str, help: &str) -> AtHand<L>
where
    L: Clone + Eq + std::hash::Hash + EncodeLabelSet + fmt::Debug + Send + Sync + 'static,
{
    let counters = AtHand::default();
    registry.register(name, help, counters.family().clone());
    counters
}

fn timed(registry: &mut Registry, name: &str, help: &str, bounds: &[f64]) -> Histogram {
    let metric = Histogram::new(bounds.iter().copied());
    registry.register(name, help, metric.clone());
    metric
}
