//! Forward-auth: a proxy asks by HTTP, in headers of its own, and takes the status of the answer for the verdict.

mod original;

use std::sync::Arc;

use bytes::Bytes;
use gate::Answer;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

pub use self::original::Caller;

use super::{Desk, Verdict};
use crate::answer::{Manner, respond};

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
        let told = original::read(self.caller, request.into_parts().0);
        let Verdict { id, manner, granted } = self.desk.judge(DOOR, told, Instant::now()).await;
        match granted {
            Ok(granted) => {
                let mut response = Response::new(Full::default());
                response.headers_mut().extend(granted.set.into_iter().chain(granted.answer));
                response
            }
            Err(answer) => {
                // What counts for the proxy is the status.
                let manner = if manner == Manner::Grpc { Manner::Problem } else { manner };
                let status = self.caller.refusal(answer.status);
                respond(&Answer { status, ..answer }, &id, manner)
            }
        }
    }
}
