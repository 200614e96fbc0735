//! Forward-auth: a proxy asks by HTTP, in headers of its own, and takes the status of the answer for the verdict.

pub(crate) mod original;

use std::sync::Arc;

use bytes::Bytes;
use gate::Answer;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

pub use self::original::{Asking, Caller};

use super::link::Link;
use super::proxy_tls::ProxyTls;
use super::{Desk, Verdict};
use crate::answer::{Manner, respond};

/// The door's name in records.
const DOOR: &str = "forward_auth";

/// The door.
#[derive(Debug)]
pub(super) struct ForwardAuth {
    desk: Arc<Desk>,
    asking: Asking,
}

impl ForwardAuth {
    pub(super) const fn new(desk: Arc<Desk>, asking: Asking) -> Self {
        Self { desk, asking }
    }

    /// How TLS is spoken with the proxy, if it is.
    pub(super) fn tls(&self) -> Option<Arc<ProxyTls>> {
        self.desk.doorway.model.load().forward_auth_tls.clone()
    }

    /// Puts on record that a connection has ended because what came on it could not be read. That was refused already.
    pub(super) async fn ended(&self, error: &hyper::Error) {
        if error.is_parse() {
            let reason = format!("what was asked is no question: {error}");
            self.desk.unread(DOOR, reason, Instant::now()).await;
        }
    }

    /// Answers a question: 200 with the headers for the service, or what the caller is to be told.
    pub(super) async fn call(
        &self,
        request: Request<Incoming>,
        link: &Link,
    ) -> Response<Full<Bytes>> {
        let began = Instant::now();
        if let Err(unknown) = link.may_ask(self.tls().as_deref(), self.desk.doorway.now()) {
            let id = self.desk.unknown(DOOR, &unknown, began).await;
            let answer = Answer::new(StatusCode::FORBIDDEN, "Forbidden", "this proxy may not ask");
            return respond(&answer, &id, Manner::Problem);
        }
        let told = original::read(self.asking, request.into_parts().0);
        let Verdict { id, manner, granted } = self.desk.judge(DOOR, told, began).await;
        match granted {
            Ok(granted) => {
                let mut response = Response::new(Full::default());
                response.headers_mut().extend(granted.set.into_iter().chain(granted.answer));
                response
            }
            Err(answer) => {
                // What counts for the proxy is the status.
                let manner = if manner == Manner::Grpc { Manner::Problem } else { manner };
                let status = self.asking.caller.refusal(answer.status);
                // What nginx passes on as another status is called by that one's name.
                let renamed = status != answer.status;
                let title = status.canonical_reason().filter(|_| renamed);
                let title = title.unwrap_or(answer.title);
                let mut response = respond(&Answer { status, title, ..answer }, &id, manner);
                self.asking.caller.tell(&mut response);
                response
            }
        }
    }
}
