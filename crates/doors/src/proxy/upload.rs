//! The body of a request to a service.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::body::{BodyError, UploadLimits, WatchedBody};
use super::busyness::Busy;
use crate::in_flight::InFlight;

/// The caller's body on its way to the service, if there is one. Most requests have none, and are moved often until they
/// are sent.
#[derive(Debug)]
pub(crate) struct Upload(Option<Box<WatchedBody>>);

impl Upload {
    /// What came with the request. Without a body, its upload is done.
    pub(crate) fn new(
        incoming: Option<Incoming>,
        request: &Arc<InFlight>,
        limits: UploadLimits,
        busy: &Busy,
    ) -> Self {
        let Some(incoming) = incoming else {
            request.upload_done();
            return Self(None);
        };
        let body = WatchedBody::up(incoming, Arc::clone(request), limits, busy.clone());
        Self(Some(Box::new(body)))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
