//! Traces: what a collector is sent for a request that was served.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testbed::{Place, Recorder, client, clock};

const CONFIG: &str = r#"
telemetry:
  otlp: { endpoint: "http://{collector}", sample_ratio: {ratio} }
services:
  app:
    audience: app
    endpoints: ["http://{service}"]
routes:
  - name: things
    match: { host: "*", path: "/things/{id}", methods: [GET] }
    service: app
    allow: [{ anyone: true }]
"#;

const PATIENCE: Duration = Duration::from_secs(15);
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn configured(place: &Place, collector: &Recorder, service: &Recorder, ratio: &str) -> Result<()> {
    place.configure(
        &CONFIG
            .replace("{collector}", &collector.address().to_string())
            .replace("{service}", &service.address().to_string())
            .replace("{ratio}", ratio),
    )
}

fn request(traceparent: &str) -> String {
    let connection = "Connection: close\r\n\r\n";
    format!("GET /things/7?secret=1 HTTP/1.1\r\nHost: app.test\r\n{traceparent}{connection}")
}

#[test]
fn a_served_request_is_a_span_of_its_callers_trace() -> Result<()> {
    let (collector, service) = (Recorder::start()?, Recorder::start()?);
    let place = Place::new()?;
    configured(&place, &collector, &service, "0.0")?;
    let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
    let traceparent = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
    // The caller's word on sampling counts, whatever our ratio; without it, nothing is sampled at 0.
    assert_eq!(client::ask(place.http(), &request(""))?.status, 200);
    assert_eq!(client::ask(place.http(), &request(&traceparent))?.status, 200);
    let posted = clock::until("a batch of spans", PATIENCE, || {
        Ok(collector.take().requests.into_iter().next())
    })?;
    assert_eq!((posted.method(), posted.target()), ("POST", "/v1/traces"));
    assert_eq!(posted.values("content-type"), ["application/json"]);
    let mut document: Value = serde_json::from_slice(&posted.message.body)?;
    let span = document
        .pointer_mut("/resourceSpans/0/scopeSpans/0/spans/0")
        .context("expected a span")?
        .as_object_mut()
        .context("expected an object")?;
    let time = |span: &serde_json::Map<String, Value>, key: &str| -> Result<u128> {
        Ok(span.get(key).and_then(Value::as_str).context("expected a time")?.parse()?)
    };
    let (began, ended) = (time(span, "startTimeUnixNano")?, time(span, "endTimeUnixNano")?);
    assert!(began <= ended && ended / 1_000_000_000 <= u128::from(clock::epoch_seconds()) + 1);
    assert_eq!(span["spanId"].as_str().map(str::len), Some(16));
    for changing in ["startTimeUnixNano", "endTimeUnixNano", "spanId"] {
        span.remove(changing);
    }
    let changing = ["client.port", "doorward.request_id", "doorward.endpoint"];
    let attributes = span["attributes"].as_array_mut().context("expected attributes")?;
    attributes.retain(|one| !changing.iter().any(|name| one["key"] == *name));
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let version = env!("CARGO_PKG_VERSION");
    let expected = json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", "doorward"), text("service.version", version)] },
        "scopeSpans": [{
            "scope": { "name": "doorward", "version": version },
            "spans": [{
                "traceId": TRACE, "parentSpanId": PARENT, "name": "things", "kind": 2,
                "attributes": [
                    text("http.request.method", "GET"),
                    text("client.address", "127.0.0.1"),
                    text("url.scheme", "http"),
                    text("doorward.ended", "completed"),
                    text("http.route", "/things/{id}"),
                    text("doorward.service", "app"),
                    { "key": "http.response.status_code", "value": { "intValue": "200" } },
                ],
            }],
        }],
    }] });
    assert_eq!(document, expected, "{document:#}");
    gateway.stop()
}

#[test]
fn a_collector_that_is_gone_costs_spans_and_no_request() -> Result<()> {
    let (collector, service) = (Recorder::start()?, Recorder::start()?);
    let place = Place::new()?;
    configured(&place, &collector, &service, "1.0")?;
    let _ = collector.stop();
    let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
    assert_eq!(client::ask(place.http(), &request(""))?.status, 200);
    clock::until("a span to be counted as dropped", PATIENCE, || {
        let metrics = client::get(place.admin(), "/metrics")?.text();
        Ok(metrics.contains("doorward_trace_spans_dropped_total 1\n").then_some(()))
    })?;
    assert!(!place.log().contains('\u{1b}'), "a log that no terminal reads has no colours");
    gateway.stop()
}

#[test]
fn a_denial_is_a_span_and_the_last_spans_are_sent_before_the_process_ends() -> Result<()> {
    let (collector, service) = (Recorder::start()?, Recorder::start()?);
    let place = Place::new()?;
    configured(&place, &collector, &service, "1.0")?;
    let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
    let nowhere = "GET /nowhere HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n";
    assert_eq!(client::ask(place.http(), nowhere)?.status, 404);
    gateway.stop()?;
    let posted = collector.take().requests;
    let [posted] = posted.as_slice() else { anyhow::bail!("expected one batch of spans") };
    let document: Value = serde_json::from_slice(&posted.message.body)?;
    let span = document.pointer("/resourceSpans/0/scopeSpans/0/spans/0");
    let span = span.context("expected a span")?;
    assert_eq!(span["name"], "GET");
    let attributes = span["attributes"].as_array().context("expected attributes")?;
    let denied = json!({ "key": "doorward.ended", "value": { "stringValue": "denied" } });
    let status = json!({ "key": "http.response.status_code", "value": { "intValue": "404" } });
    assert!(attributes.contains(&denied) && attributes.contains(&status), "{span:#}");
    Ok(())
}
