//! One request: from hyper's hands to the gate's, and on.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use gate::Answer;
use gate::request::{RawRequest, Scheme};
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::DoorBody;
use super::connection::Busy;
use super::pool::Pool;
use super::{forward, own};
use crate::answer::respond;
use crate::judge::{RequestFacts, judge};
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
    header_bytes: usize,
}

impl Handler {
    pub(crate) fn new(doorway: Arc<Doorway>, ids: RequestIds, header_bytes: usize) -> Self {
        Self { doorway, ids, pool: Arc::default(), header_bytes }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.doorway.metrics
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
        let ours =
            |response: Response<Full<Bytes>>, busy| response.map(|body| DoorBody::ours(body, busy));
        let uri = &parts.uri;
        let length = uri.path_and_query().map_or(0, |target| target.as_str().len());
        let mut response = if length > model.max_target {
            let detail = format!("the request target has more than {} bytes", model.max_target);
            let answer = Answer::new(StatusCode::URI_TOO_LONG, "URI Too Long", detail);
            ours(respond(&answer, &facts.id), busy)
        } else if head_bytes(&parts) > self.header_bytes {
            let detail = format!("the request's head has more than {} bytes", self.header_bytes);
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            let answer = Answer::new(status, "Request Header Fields Too Large", detail);
            ours(respond(&answer, &facts.id), busy)
        } else if let Some(response) =
            own::answer(&model, &parts.method, uri.path(), self.doorway.now())
        {
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
                Ok(admitted) => forward::forward(admitted, body, &self.doorway, &self.pool).await,
                Err(answer) => Err(answer),
            };
            match forwarded {
                Ok(response) => response.map(|body| DoorBody::services(body, busy)),
                Err(answer) => ours(respond(&answer, &facts.id), busy),
            }
        };
        if last {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

/// How long a request's head is when it is written without a byte too many.
fn head_bytes(parts: &http::request::Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let request_line = parts.method.as_str().len() + target + " ".len() + " HTTP/1.1\r\n".len();
    let fields = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    request_line + fields.sum::<usize>() + "\r\n".len()
}
