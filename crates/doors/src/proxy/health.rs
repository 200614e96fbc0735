//! Probes: asking each endpoint of a service, from time to time, whether it is well.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, TE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ledger::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::dial::Dialled;
use super::endpoint::Endpoint;
use super::endpoint_stream::{EndpointStream, Interim};
use super::grpc_health;
use super::service::Service;
use crate::service_options::HealthCheck;

/// The most bytes that are read of the answer to a probe.
const MAX_ANSWER: usize = 4096;

/// Probes a service's endpoints for as long as it is polled. Ends at once for a service that is not to be probed.
pub async fn probe(service: Arc<Service>, clock: Arc<dyn Clock>) {
    let Some(health) = service.options.health.clone() else {
        return;
    };
    let mut ticks = interval(health.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Beside each other: one that hangs is no reason to ask the others later.
        let mut probes = JoinSet::new();
        for endpoint in service.endpoints().iter().cloned() {
            let (check, within) = (health.check.clone(), health.timeout);
            probes.spawn(async move {
                let well = is_well(&endpoint, &check, within).await;
                (endpoint, well)
            });
        }
        while let Some(Ok((endpoint, well))) = probes.join_next().await {
            let changed = endpoint.probed(well, (health.fall, health.rise), clock.now());
            let (service, endpoint) = (&service.options.name, &*endpoint.name);
            match (changed, well) {
                (true, true) => tracing::info!(endpoint, service, "an endpoint is well again"),
                (true, false) => tracing::warn!(endpoint, service, "an endpoint fails its checks"),
                (false, false) => tracing::debug!(endpoint, service, "a check failed"),
                (false, true) => {}
            }
        }
    }
}

async fn is_well(endpoint: &Endpoint, check: &HealthCheck, within: Duration) -> bool {
    let asked = timeout(within, async {
        match endpoint.dial.connect(within).await.ok()? {
            _ if *check == HealthCheck::Tcp => Some(true),
            Dialled::Plain(stream) => ask(endpoint, check, stream).await,
            Dialled::Socket(stream) => ask(endpoint, check, stream).await,
            Dialled::Tls(stream) => ask(endpoint, check, stream).await,
        }
    });
    matches!(asked.await, Ok(Some(true)))
}

async fn ask<S>(endpoint: &Endpoint, check: &HealthCheck, stream: S) -> Option<bool>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let dial = &endpoint.dial;
    let mut question = question(check, &dial.authority, dial.http2, dial.tls.is_some())?;
    let interim = Interim::default();
    let stream = TokioIo::new(EndpointStream::new(stream, interim.clone()));
    if dial.http2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.ok()?;
        let answer = async { is_good(check, sender.send_request(question).await).await };
        return tokio::select! { well = answer => well, _ = connection => None };
    }
    interim.count(&mut question);
    let (mut sender, connection) = http1::handshake(stream).await.ok()?;
    let answer = async { is_good(check, sender.send_request(question).await).await };
    tokio::select! { well = answer => well, _ = connection => None }
}

/// What a probe sends; nothing when it cannot be written.
fn question(
    check: &HealthCheck,
    authority: &str,
    http2: bool,
    tls: bool,
) -> Option<Request<Full<Bytes>>> {
    let path = match check {
        HealthCheck::Grpc(_) => grpc_health::PATH,
        HealthCheck::Path(path) => path,
        HealthCheck::Tcp => return None,
    };
    let request = if http2 {
        // With HTTP/2 the host is part of the target (RFC 9113 §8.3.1).
        let scheme = if tls { "https" } else { "http" };
        Request::builder().uri(format!("{scheme}://{authority}{path}"))
    } else {
        Request::builder().uri(path).header(HOST, HeaderValue::from_str(authority).ok()?)
    };
    match check {
        HealthCheck::Grpc(service) => request
            .method(Method::POST)
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .body(Full::new(grpc_health::question(service))),
        HealthCheck::Path(_) | HealthCheck::Tcp => request.body(Full::default()),
    }
    .ok()
}

/// Whether the answer says that it is well.
async fn is_good(check: &HealthCheck, answer: hyper::Result<Response<Incoming>>) -> Option<bool> {
    let (head, body) = answer.ok()?.into_parts();
    if !head.status.is_success() {
        return Some(false);
    }
    if !matches!(check, HealthCheck::Grpc(_)) {
        return Some(true);
    }
    let body = Limited::new(body, MAX_ANSWER).collect().await.ok()?.to_bytes();
    Some(grpc_health::is_serving(&body))
}
