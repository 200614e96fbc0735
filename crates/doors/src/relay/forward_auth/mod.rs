//! Forward-auth: a proxy asks by HTTP, in headers of its own, and takes the status of the answer for the verdict.

mod original;

use std::sync::Arc;

use bytes::Bytes;
use gate::Answer;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

pub use self::original::Caller;

use self::original::Original;
use super::Desk;
use super::ask::ask;
use crate::answer::{Manner, respond};
use crate::judge::RequestFacts;
use crate::recording::{Unread, record_unread};
use crate::trace::TraceContext;

/// The door's name in records.
const DOOR: &str = "forward_auth";

/// The door.
#[derive(Debug)]
pub(super) struct ForwardAuth {
    desk: Arc<Desk>,
    caller: Caller,
}

impl ForwardAuth {
    pub(super) const fn new(desk: Arc<Desk>, caller: Caller) -> Self {
        Self { desk, caller }
    }

    /// Answers a question: 200 with the headers for the service, or what the caller is to be told.
    pub(super) async fn call(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let began = Instant::now();
        let doorway = &self.desk.doorway;
        let id = self.desk.ids.next(doorway.now());
        let original = match Original::read(self.caller, request.into_parts().0) {
            Ok(original) => original,
            Err(error) => {
                let facts = self.desk.facts_of_nothing(id, began);
                let reason = format!("what was asked about is no request: {error}");
                record_unread(doorway, &facts, DOOR, Unread::told(reason)).await;
                let detail = "this is no request";
                let answer = Answer::new(StatusCode::BAD_REQUEST, "Bad Request", detail);
                let status = self.caller.refusal(answer.status);
                return respond(&Answer { status, ..answer }, &id, Manner::Problem);
            }
        };
        let facts = RequestFacts {
            id,
            trace: TraceContext::of(original.headers(), &self.desk.ids, |id| {
                doorway.traces.samples(id)
            }),
            peer: original.peer,
            scheme: original.scheme,
            version: original.version,
            began,
        };
        match ask(doorway, &original.raw(), facts).await {
            Ok(granted) => {
                let mut response = Response::new(Full::default());
                response.headers_mut().extend(granted.set.into_iter().chain(granted.answer));
                response
            }
            Err(answer) => {
                let manner = match Manner::of(original.version, original.headers()) {
                    // What counts for the proxy is the status.
                    Manner::Grpc => Manner::Problem,
                    manner => manner,
                };
                let status = self.caller.refusal(answer.status);
                respond(&Answer { status, ..answer }, &id, manner)
            }
        }
    }
}
