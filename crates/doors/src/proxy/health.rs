//! Probes: asking each endpoint of a service, from time to time, whether it is well.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

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
        let address = (endpoint.host.trim_matches(['[', ']']), endpoint.port);
        let stream = TcpStream::connect(address).await.ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let mut request = Request::get(path).body(Empty::<Bytes>::new()).ok()?;
        request.headers_mut().insert(header::HOST, HeaderValue::from_str(&endpoint.name).ok()?);
        tokio::select! {
            response = sender.send_request(request) => Some(response.ok()?.status()),
            _ = connection => None,
        }
    });
    matches!(asked.await, Ok(Some(status)) if status.is_success())
}
