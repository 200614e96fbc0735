//! The body of any answer to a caller: our own words, or a service's.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::body::{BodyError, WatchedBody};
use super::busyness::Busy;

/// Any answer's body, which keeps its connection busy until it is written.
#[derive(Debug)]
pub(crate) enum DoorBody {
    /// What we say ourselves.
    Ours {
        /// It.
        body: Full<Bytes>,
        /// Held until it is written.
        _busy: Busy,
    },
    /// What a service says.
    Services(WatchedBody),
}

impl Body for DoorBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Ours { body, .. } => {
                Pin::new(body).poll_frame(context).map_err(|never| match never {})
            }
            Self::Services(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ours { body, .. } => body.is_end_stream(),
            Self::Services(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ours { body, .. } => body.size_hint(),
            Self::Services(body) => body.size_hint(),
        }
    }
}
