//! Envoy's external authorization (`envoy.service.auth.v3.Authorization`): Envoy asks about a request before it forwards it.

mod attributes;
mod certificates;
mod grpc;
mod reply;
mod wire;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use prost::Message as _;
use tokio::time::{Instant, timeout};

use self::attributes::AttributeError;
pub(crate) use self::certificates::Certificates;
use self::grpc::Code;
use self::wire::CheckRequest;
use super::link::Link;
use super::proxy_tls::ProxyTls;
use super::told::Told;
use super::{Desk, Verdict};
use crate::answer::{Manner, response};

/// The door's name in records.
const DOOR: &str = "ext_authz";

/// The method that Envoy calls.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// The method that probes call (`grpc.health.v1`).
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// `HealthCheckResponse { status: SERVING }`.
const SERVING: [u8; 2] = [1 << 3, 1];

/// What a question tells of a request; nothing if it is no question.
pub(crate) fn told(
    question: Bytes,
    certificates: &Certificates,
) -> Option<Result<Told, AttributeError>> {
    let question = CheckRequest::decode(question).ok()?;
    Some(attributes::read(question.attributes.unwrap_or_default(), certificates))
}

/// The longest that an answer takes. It takes long only when the keys of an issuer, or the audit log, are waited for.
const LONGEST: Duration = Duration::from_secs(10);

/// The door.
#[derive(Debug)]
pub(super) struct ExtAuthz {
    desk: Arc<Desk>,
    certificates: Certificates,
}

impl ExtAuthz {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self { desk, certificates: Certificates::default() }
    }

    /// How TLS is spoken with Envoy, if it is.
    pub(super) fn tls(&self) -> Option<Arc<ProxyTls>> {
        self.desk.doorway.model.load().ext_authz_tls.clone()
    }

    /// Answers a call.
    pub(super) async fn call(
        &self,
        request: Request<Incoming>,
        link: &Link,
    ) -> Response<impl Body<Data = Bytes, Error = Infallible> + use<>> {
        let began = Instant::now();
        if let Err(unknown) = link.may_ask(self.tls().as_deref(), self.desk.doorway.now()) {
            self.desk.unknown(DOOR, &unknown, began).await;
            return grpc::answer(Err(Code::PermissionDenied));
        }
        let patience = grpc::deadline(request.headers()).map_or(LONGEST, |own| own.min(LONGEST));
        let answered = async {
            match request.uri().path() {
                CHECK => match grpc::question(request).await {
                    Ok(question) => self.check(question, began).await,
                    Err(code) => Err(self.unread(code, began).await),
                },
                // Whoever is answered here is asked about nothing in particular: the whole gate is alive.
                HEALTH => match grpc::question(request).await?.as_ref() {
                    [] => Ok(SERVING.to_vec()),
                    _ => Err(Code::NotFound),
                },
                _ => Err(Code::Unimplemented),
            }
        };
        grpc::answer(timeout(patience, answered).await.unwrap_or(Err(Code::DeadlineExceeded)))
    }

    async fn check(&self, question: Bytes, began: Instant) -> Result<Vec<u8>, Code> {
        let Some(told) = told(question, &self.certificates) else {
            return Err(self.unread(Code::InvalidArgument, began).await);
        };
        let Verdict { id, manner, granted } = self.desk.judge(DOOR, told, began).await;
        let reply = match granted {
            Ok(granted) => reply::granted(granted),
            // Envoy turns the status into one of gRPC by itself, and the body into its message.
            Err(answer) if manner == Manner::Grpc => {
                let detail = Bytes::from(answer.detail.clone());
                reply::denied(&response(&answer, &id, Manner::Problem).map(|_| detail))
            }
            Err(answer) => reply::denied(&response(&answer, &id, manner)),
        };
        Ok(reply.encode_to_vec())
    }

    /// Puts on record that Envoy asked what cannot be read, and denies it therefore.
    async fn unread(&self, code: Code, began: Instant) -> Code {
        let reason = format!("what was asked is no question: {code:?}");
        self.desk.unread(DOOR, reason, began).await;
        code
    }
}
