//! A service's answer on its way to the caller: its head, and what its body or its WebSocket goes on over.

use std::sync::Arc;

use bytes::Bytes;
use http::header::SEC_WEBSOCKET_ACCEPT;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;

use super::attempt::Attempt;
use super::body::{Lease, WatchedBody};
use super::door_body::DoorBody;
use super::endpoint::{Endpoint, UnderWay};
use super::failure::Failure;
use super::sender::Sender;
use super::service_headers::{remove_hop_by_hop, settle_length};
use super::slots::Slot;
use super::tunnel::{Tunnel, WebSocket};
use crate::answer::X_REQUEST_ID;

/// An answer, and where it comes from.
pub(super) struct Answered {
    pub(super) response: Response<Incoming>,
    pub(super) sender: Sender,
    pub(super) under_way: UnderWay,
}

impl Attempt<'_> {
    /// Passes an answer on, or goes on as a WebSocket if that is what was asked for.
    pub(super) fn answered(
        &mut self,
        mut answered: Answered,
        endpoint: &Endpoint,
        slot: Slot,
    ) -> Result<Response<DoorBody>, Failure> {
        self.in_flight.went_to(&endpoint.name);
        settle_length(answered.response.headers_mut())?;
        let status = answered.response.status();
        let asked = self.websocket.take();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let agreed = asked.filter(|asked| asked.is_agreed(answered.response.headers()));
            let agreed = agreed.ok_or(Failure::BadGateway)?;
            return Ok(self.switched(answered, agreed, slot));
        }
        if status.is_success() && asked.is_some_and(|asked| asked.is_in_http2()) {
            // Passed on, it would say that the WebSocket is there.
            return Err(Failure::BadGateway);
        }
        Ok(self.answer(answered, endpoint, slot).map(DoorBody::Services))
    }

    fn switched(&self, answered: Answered, asked: WebSocket, slot: Slot) -> Response<DoorBody> {
        let Answered { mut response, sender, under_way } = answered;
        let in_http2 = asked.is_in_http2();
        let status = if in_http2 { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS };
        self.in_flight.answered(status.as_u16());
        let tunnel = Tunnel {
            caller: asked.upgrade,
            in_http2,
            service: hyper::upgrade::on(&mut response),
            in_flight: Arc::clone(self.in_flight),
            idle_timeout: self.timeouts.idle,
            sender,
            slot,
            under_way,
            busy: self.busy.hand_over(),
        };
        tokio::spawn(tunnel.run());
        let (mut parts, _) = response.into_parts();
        remove_hop_by_hop(&mut parts.headers);
        parts.status = status;
        if in_http2 {
            // RFC 8441 §5.1: there is no key to accept.
            parts.headers.remove(SEC_WEBSOCKET_ACCEPT);
        } else {
            WebSocket::name(&mut parts.headers);
        }
        self.identify(&mut parts.headers);
        let body = DoorBody::Ours { body: Full::new(Bytes::new()), _busy: self.busy.clone() };
        Response::from_parts(parts, body)
    }

    fn identify(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::from_str(self.in_flight.facts().id.as_str()) {
            headers.insert(X_REQUEST_ID, id);
        }
    }

    fn answer(&self, answered: Answered, endpoint: &Endpoint, slot: Slot) -> Response<WatchedBody> {
        let Answered { response, sender, under_way } = answered;
        let (mut parts, body) = response.into_parts();
        self.in_flight.answered(parts.status.as_u16());
        // Ours is the connection to the caller, and so is its version.
        parts.version = Version::HTTP_11;
        remove_hop_by_hop(&mut parts.headers);
        self.identify(&mut parts.headers);
        let lease = Lease {
            sender,
            endpoint: endpoint.id,
            pool: Arc::clone(self.pool),
            service: Arc::clone(self.service),
            slot,
            _under_way: under_way,
        };
        let idle = self.timeouts.idle;
        Response::from_parts(
            parts,
            WatchedBody::down(body, Arc::clone(self.in_flight), idle, lease, self.busy.clone()),
        )
    }
}
