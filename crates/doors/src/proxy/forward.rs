//! Forwarding: what was judged, to the service that the route names, and the answer back.

use std::sync::Arc;

use gate::{Answer, CanonicalRequest};
use http::header::{HOST, TE};
use http::{HeaderMap, HeaderValue, Response, Uri, Version};
use hyper::body::{Body, Incoming};

use super::attempt::{Attempt, Head};
use super::body::UploadLimits;
use super::busyness::Busy;
use super::door_body::DoorBody;
use super::failure::Failure;
use super::pool::Pool;
use super::service::Service;
use super::service_headers::upstream_headers;
use super::tunnel::WebSocket;
use crate::answer::is_grpc;
use crate::in_flight::InFlight;
use crate::judge::Admitted;
use crate::model::Doorway;

/// Uses a permit: sends the request that was judged, and nothing else, and gives back the service's answer.
///
/// # Errors
/// The answer for the caller when the service gives none. Either way the outcome is recorded.
pub(crate) async fn forward(
    admitted: Admitted,
    body: Incoming,
    websocket: Option<WebSocket>,
    busy: &Busy,
    doorway: &Arc<Doorway>,
    pool: &Arc<Pool>,
) -> Result<Response<DoorBody>, Answer> {
    let signed = admitted.signed_identity(doorway).map_err(Failure::Incapable);
    let Admitted { permit, model, facts } = admitted;
    let (mut request, watch) = permit.redeem();
    let route = Arc::clone(watch.target());
    let service = model.services.get(route.service().index);
    let own = model.route_timeouts.get(route.name()).copied().unwrap_or_default();
    let timeouts = service.map(|service| service.options.timeouts.on(own));
    let total = timeouts.and_then(|timeouts| timeouts.total);
    let (door, method) = (request.door(), request.method().clone());
    let in_flight = InFlight::new(Arc::clone(doorway), watch, facts, door, method, total);
    busy.forwards(&in_flight);
    let sent = async {
        let (Some(service), Some(timeouts)) = (service, timeouts) else {
            return Err(Failure::BadGateway);
        };
        let mut headers = upstream_headers(
            &mut request,
            in_flight.watch(),
            &route,
            signed?,
            &facts,
            &model.telling,
        );
        let target = target(&request, service, &mut headers)?;
        // What the route does not take, and what the service's protocol does not have, is not asked for.
        let websocket = match websocket {
            Some(asked) if route.websocket() && !service.speaks_http2() => {
                asked.ask(&mut headers);
                Some(asked)
            }
            // There is no other answer that could be meant: any success would say that the WebSocket is there.
            Some(asked) if asked.is_in_http2() => return Err(Failure::NoWebSocket),
            _ => None,
        };
        if let Some(most) = model.max_body.filter(|most| body.size_hint().lower() > *most) {
            return Err(Failure::TooLarge(most));
        }
        let (caller, within) = (in_flight.watch().caller(), timeouts.first_byte);
        let Some(slot) = pool.slots(service).slot(&request, caller, within).await else {
            service.counts(|metrics| &metrics.upstream_refused);
            return Err(Failure::Busy);
        };
        let body = Some(body).filter(|body| !body.is_end_stream());
        let attempt = Attempt {
            doorway,
            pool,
            service,
            in_flight: &in_flight,
            busy,
            head: Head { method: request.method().clone(), target, headers },
            timeouts,
            limits: UploadLimits {
                most: model.max_body,
                rate: if route.slow_body() { 0 } else { model.body_rate },
                idle_timeout: timeouts.idle,
            },
            websocket,
        };
        let mut response = attempt.run(body, slot).await?;
        let version = if service.speaks_http2() { Version::HTTP_2 } else { Version::HTTP_11 };
        model.telling.via(response.headers_mut(), version);
        Ok(response)
    };
    sent.await.map_err(|failure| failure.tell(&in_flight))
}

/// The target as the service's protocol has it: with HTTP/2 the host is part of it (RFC 9113 §8.3.1), and no header.
fn target(
    request: &CanonicalRequest,
    service: &Service,
    headers: &mut HeaderMap,
) -> Result<Uri, Failure> {
    // INVARIANT: a canonical target parses, and a canonical host is an authority; were it not so, nothing is forwarded.
    let cannot = Failure::Incapable("the request cannot be forwarded");
    let target: Uri = request.target().parse().map_err(|_| cannot)?;
    let Some(scheme) = service.http2_scheme() else { return Ok(target) };
    headers.remove(HOST);
    if is_grpc(headers) {
        // Without it, servers of gRPC take us for a proxy that loses trailers.
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    let mut parts = target.into_parts();
    parts.scheme = Some(scheme);
    parts.authority = request.host().to_string().parse().ok();
    Uri::from_parts(parts).map_err(|_| cannot)
}
