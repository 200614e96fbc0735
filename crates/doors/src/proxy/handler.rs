//! One request: from hyper's hands to the gate's, and on.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use gate::request::{RawRequest, Scheme};
use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::DoorBody;
use super::connection::Busy;
use super::pool::Pool;
use super::{forward, own};
use crate::answer::respond;
use crate::judge::{RequestFacts, Unread, judge, record_unread};
use crate::metrics::Metrics;
use crate::model::Doorway;
use crate::request_id::RequestIds;
use crate::trace::TraceContext;

/// The door's name in records.
const DOOR: &str = "proxy";

/// Answers the requests of one data thread.
#[derive(Debug)]
pub(crate) struct Handler {
    doorway: Arc<Doorway>,
    ids: RequestIds,
    pool: Arc<Pool>,
}

impl Handler {
    pub(crate) fn new(doorway: Arc<Doorway>, ids: RequestIds) -> Self {
        Self { doorway, ids, pool: Arc::default() }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.doorway.metrics
    }

    /// Closes the connections to endpoints that nothing needs any more.
    pub(crate) fn tidy(&self) {
        self.pool.tidy(&self.doorway.model.load(), Instant::now());
    }

    /// Puts on record that something came which is no request.
    pub(crate) async fn record_unread(&self, peer: SocketAddr, unread: Unread) {
        let facts = RequestFacts {
            id: self.ids.next(self.doorway.now()),
            trace: TraceContext::of(&HeaderMap::new(), &self.ids, |_| false),
            peer,
            began: Instant::now(),
        };
        record_unread(&self.doorway, &facts, DOOR, unread).await;
    }

    /// Answers a request; `last` says that it is to be the connection's last one.
    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        last: bool,
        busy: Busy,
    ) -> Result<Response<DoorBody>, Infallible> {
        let model = self.doorway.model.load_full();
        let (parts, body) = request.into_parts();
        let facts = RequestFacts {
            id: self.ids.next(self.doorway.now()),
            trace: TraceContext::of(&parts.headers, &self.ids, |id| {
                self.doorway.traces.samples(id)
            }),
            peer,
            began: Instant::now(),
        };
        let ours = |response: Response<Full<Bytes>>, busy| {
            response.map(|body| DoorBody::Ours { body, _busy: busy })
        };
        let uri = &parts.uri;
        let own = own::answer(&model, &parts.method, uri.path(), self.doorway.now());
        let mut response = if let Some(response) = own {
            ours(response, busy)
        } else {
            let raw = RawRequest {
                method: &parts.method,
                // An absolute target does not stand in for `Host` (RFC 9112 §3.2.2).
                target_authority: uri.authority().filter(|_| parts.headers.contains_key(HOST)),
                target_scheme: uri.scheme_str(),
                path: uri.path(),
                query: uri.query(),
                headers: &parts.headers,
                peer: peer.ip(),
                scheme: Scheme::Http,
                door: DOOR,
            };
            let forwarded = match judge(&self.doorway, model, &raw, facts).await {
                Ok(admitted) => {
                    forward::forward(admitted, body, &busy, &self.doorway, &self.pool).await
                }
                Err(answer) => Err(answer),
            };
            match forwarded {
                Ok(response) => response.map(DoorBody::Services),
                Err(answer) => ours(respond(&answer, &facts.id), busy),
            }
        };
        if last {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}
