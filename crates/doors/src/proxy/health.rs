//! Probes: asking each endpoint of a service, from time to time, whether it is well.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::dial::Dialled;
use super::endpoint::Endpoint;
use super::service::Service;

/// Probes a service's endpoints for as long as it is polled. Ends at once for a service that is not to be probed.
pub async fn probe(service: Arc<Service>) {
    let Some((path, every, within)) = service.options.health.clone() else {
        return;
    };
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for endpoint in &service.endpoints {
            let well = is_well(endpoint, &path, within).await;
            if !well {
                tracing::warn!(
                    endpoint = &*endpoint.name,
                    service = service.options.name,
                    "a probe failed"
                );
            }
            endpoint.probed(well);
        }
    }
}

async fn is_well(endpoint: &Endpoint, path: &str, within: Duration) -> bool {
    let asked = timeout(within, async {
        match endpoint.dial.connect(within).await.ok()? {
            Dialled::Plain(stream) => ask(endpoint, path, stream).await,
            Dialled::Tls(stream) => ask(endpoint, path, stream).await,
        }
    });
    matches!(asked.await, Ok(Some(status)) if status.is_success())
}

async fn ask<S>(endpoint: &Endpoint, path: &str, stream: S) -> Option<StatusCode>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (stream, body) = (TokioIo::new(stream), Empty::<Bytes>::new());
    if endpoint.dial.http2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.ok()?;
        let scheme = if endpoint.dial.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}{path}", endpoint.name);
        let request = Request::get(url).body(body).ok()?;
        return tokio::select! {
            response = sender.send_request(request) => Some(response.ok()?.status()),
            _ = connection => None,
        };
    }
    let (mut sender, connection) = http1::handshake(stream).await.ok()?;
    let host = HeaderValue::from_str(&endpoint.name).ok()?;
    let request = Request::get(path).header(header::HOST, host).body(body).ok()?;
    tokio::select! {
        response = sender.send_request(request) => Some(response.ok()?.status()),
        _ = connection => None,
    }
}
