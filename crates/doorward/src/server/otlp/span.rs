//! A finished request as a span, by the OpenTelemetry semantic conventions for HTTP.

use doors::FinishedRequest;
use serde_json::{Value, json};
use tokens::Timestamp;

/// `SPAN_KIND_SERVER`.
const KIND_SERVER: u8 = 2;
/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: u8 = 2;

/// The span of a request.
pub(super) fn of(request: &FinishedRequest<'_>) -> Value {
    let began = request.ended_at.minus(request.took);
    let mut attributes = vec![
        text("http.request.method", request.method.as_str()),
        text("client.address", &request.peer.ip().to_string()),
        number("client.port", request.peer.port().into()),
        text("url.scheme", request.scheme.as_str()),
        text("doorward.request_id", request.request_id),
        text("doorward.ended", request.ended),
    ];
    if let Some(route) = request.route {
        attributes.push(text("http.route", &route.path().to_string()));
        attributes.push(text("doorward.service", &route.service().name));
    }
    attributes.extend(request.status.map(|s| number("http.response.status_code", s.into())));
    attributes.extend(request.endpoint.map(|endpoint| text("doorward.endpoint", endpoint)));
    let mut span = json!({
        "traceId": hex(&request.trace.trace_id),
        "spanId": hex(&request.trace.span_id),
        "name": request.route.map_or(request.method.as_str(), |route| route.name()),
        "kind": KIND_SERVER,
        "startTimeUnixNano": nanos(began),
        "endTimeUnixNano": nanos(request.ended_at),
    });
    // A server's span is in error when the server is: 4xx is the caller's own affair.
    let failed = request.status.is_none_or(|status| status >= 500);
    if failed {
        attributes.push(text("error.type", &error_type(request)));
    }
    if let Some(members) = span.as_object_mut() {
        members.insert("attributes".to_owned(), attributes.into());
        if let Some(parent) = request.trace.parent {
            members.insert("parentSpanId".to_owned(), hex(&parent).into());
        }
        if failed {
            members.insert("status".to_owned(), json!({ "code": STATUS_ERROR }));
        }
    }
    span
}

/// The body of an `ExportTraceServiceRequest`.
pub(super) fn document(spans: Vec<Value>) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [text("service.name", "doorward"), text("service.version", version)];
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "doorward", "version": version }, "spans": spans }],
    }] })
}

fn error_type(request: &FinishedRequest<'_>) -> String {
    request.status.map_or_else(|| request.ended.to_owned(), |status| status.to_string())
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// 64-bit numbers are text in this encoding (Protocol Buffers, JSON mapping).
fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn nanos(at: Timestamp) -> String {
    u128::from(at.as_millis()).saturating_mul(1_000_000).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
