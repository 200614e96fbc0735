//! Forwarding: what was judged, to the service that the route names, and the answer back.

use std::sync::{Arc, Mutex};

use gate::route::Route;
use gate::{Answer, CanonicalRequest, Permit};
use http::header::{HOST, TE};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use hyper::body::{Body, Incoming};
use ledger::audit::Ended;
use tokens::Timestamp;
use tokio::time::timeout;

use super::attempt::{Attempt, Head};
use super::body::DoorBody;
use super::busyness::Busy;
use super::pool::Pool;
use super::service_headers::upstream_headers;
use super::tunnel::WebSocket;
use crate::answer::Manner;
use crate::in_flight::InFlight;
use crate::judge::Admitted;
use crate::model::{Doorway, Model};

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
    let Admitted { permit, model, facts } = admitted;
    let signed = signed_identity(&model, &permit, doorway.now());
    let (request, watch) = permit.redeem();
    let method = request.method().clone();
    let in_flight =
        InFlight::new(Arc::clone(doorway), watch, facts, request.door(), method.clone());
    busy.forwards(&in_flight);
    let signed = signed.inspect_err(|answer| {
        in_flight.answered(answer.status.as_u16());
        in_flight.end(Ended::UpstreamFailed);
    })?;
    let route = Arc::clone(in_flight.watch().target());
    let service = model
        .services
        .get(route.service().index)
        .ok_or_else(|| bad_gateway(&in_flight, Ended::UpstreamFailed))?;
    let mut headers = upstream_headers(&request, in_flight.watch(), &route, signed, &facts);
    let mut target = target(&request).inspect_err(|answer| {
        in_flight.answered(answer.status.as_u16());
        in_flight.end(Ended::UpstreamFailed);
    })?;
    if let Some(scheme) = service.http2_scheme() {
        target = for_http2(target, &request, scheme, &mut headers)?;
    }
    // What the route does not take, and what the service's protocol does not have, is not asked for.
    let websocket = websocket.filter(|_| route.websocket() && !service.speaks_http2());
    if websocket.is_some() {
        WebSocket::name(&mut headers);
    }
    let head = Head { method, target, headers };
    if let Some(most) = model.max_body
        && body.size_hint().lower() > most
    {
        in_flight.answered(StatusCode::PAYLOAD_TOO_LARGE.as_u16());
        in_flight.end(Ended::Completed);
        return Err(too_large(most));
    }
    let waited = timeout(service.options.first_byte_timeout, pool.slot(service)).await;
    let Ok(Some(slot)) = waited else {
        in_flight.answered(StatusCode::SERVICE_UNAVAILABLE.as_u16());
        in_flight.end(Ended::UpstreamFailed);
        return Err(unavailable("the service has too many requests waiting"));
    };
    let body = Some(body).filter(|body| !body.is_end_stream());
    let attempt = Attempt {
        doorway,
        pool,
        service,
        in_flight: &in_flight,
        busy,
        max_body: model.max_body,
        websocket: Mutex::new(websocket),
    };
    attempt.run(&head, body, slot).await
}

/// The identity to tell the service, where it asks for one.
fn signed_identity(
    model: &Model,
    permit: &Permit<Route>,
    now: Timestamp,
) -> Result<Option<HeaderValue>, Answer> {
    if permit.target().service().identity.token_header.is_none() {
        return Ok(None);
    }
    let cannot = || unavailable("your identity cannot be passed on at the moment");
    // A service that asks for identities is never asked without one.
    let signer = model.signer.as_ref().ok_or_else(cannot)?;
    signer.sign(permit, now).map_err(|error| {
        tracing::error!(%error, "an identity could not be signed");
        cannot()
    })
}

fn target(request: &CanonicalRequest) -> Result<Uri, Answer> {
    // INVARIANT: a canonical target parses; were it not to, nothing is forwarded.
    request.target().parse().map_err(|_| unavailable("the request cannot be forwarded"))
}

/// The target and the headers as HTTP/2 has them: the host is part of the target (RFC 9113 §8.3.1).
fn for_http2(
    target: Uri,
    request: &CanonicalRequest,
    scheme: http::uri::Scheme,
    headers: &mut HeaderMap,
) -> Result<Uri, Answer> {
    headers.remove(HOST);
    if Manner::of(headers) == Manner::Grpc {
        // Without it, servers of gRPC take us for a proxy that loses trailers.
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    let mut parts = target.into_parts();
    parts.scheme = Some(scheme);
    parts.authority = request.host().to_string().parse().ok();
    // INVARIANT: a canonical host is an authority; were it not to be, nothing is forwarded.
    Uri::from_parts(parts).map_err(|_| unavailable("the request cannot be forwarded"))
}

pub(super) fn bad_gateway(in_flight: &InFlight, ended: Ended) -> Answer {
    let answer = if ended == Ended::UpstreamTimedOut {
        Answer::new(
            StatusCode::GATEWAY_TIMEOUT,
            "Gateway Timeout",
            "the service did not answer in time",
        )
    } else {
        Answer::new(StatusCode::BAD_GATEWAY, "Bad Gateway", "the service could not be reached")
    };
    in_flight.answered(answer.status.as_u16());
    in_flight.end(ended);
    answer
}

/// The permit ended or was revoked before there was anything to pass on; how, the in-flight request knows.
pub(super) fn permit_over(in_flight: &InFlight) -> Answer {
    let detail = "what permitted the request ended before it was served";
    in_flight.answered(StatusCode::UNAUTHORIZED.as_u16());
    Answer::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail)
}

fn unavailable(detail: &str) -> Answer {
    Answer {
        retry_after: Some(1),
        ..Answer::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", detail)
    }
}

pub(super) fn too_large(most: u64) -> Answer {
    let detail = format!("the request's body has more than {most} bytes");
    Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "Content Too Large", detail)
}
