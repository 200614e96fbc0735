//! Decisions for others to enforce (AuthZEN Authorization API 1.0): a service that stands inside the door.
//!
//! Who may ask is a route's to say, as for every other service: what comes here was read, judged and recorded, and the
//! permit is used up by being answered. What is asked about is put to the gate's evaluator, whose decisions are on record
//! before they are told, and open nothing here.

mod asked;
mod decision_point;
pub(crate) mod fuzz;
mod told;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gate::{Answer, Caller, CanonicalRequest, Evaluation, Evaluator, Identity};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use ledger::audit::{self, Ended};
use tokio::time::timeout;

use self::asked::{Asked, Semantic};
use self::decision_point::Endpoint;
pub use self::decision_point::{DecisionPoint, DecisionPointError};
use crate::answer::{Manner, X_REQUEST_ID, respond, unavailable};
use crate::in_flight::InFlight;
use crate::judge::Admitted;
use crate::metrics::EvaluationLabels;
use crate::model::{Doorway, Model};
use crate::recording::{actors_of, subject_of};

/// The most bytes of a question, or of many in one.
pub(crate) const MAX_BODY_BYTES: usize = 128 << 10;
/// From the first byte of a question's body to its last.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers what was admitted on a route to the service inside. Who asks for a WebSocket over HTTP/2 would take any success
/// for one, and gets none.
pub(crate) async fn answer(
    admitted: Admitted,
    body: Incoming,
    asks_for_websocket: bool,
    doorway: &Arc<Doorway>,
) -> Response<Full<Bytes>> {
    let sharing = admitted.sharing();
    let Admitted { permit, model, facts } = admitted;
    let (request, watch) = permit.redeem();
    let method = request.method().clone();
    let in_flight = InFlight::new(Arc::clone(doorway), watch, facts, request.door(), method, None);
    let asking = Asking { doorway, model: &model, request: &request, in_flight: &in_flight };
    let answered = if asks_for_websocket {
        Err(bad_request("there is no WebSocket here"))
    } else {
        asking.answer(body).await
    };
    let (mut response, ended) = match answered {
        Ok(told) => (success(told), Ended::Completed),
        Err(answer) => {
            let failed = answer.status.is_server_error();
            let ended = if failed { Ended::UpstreamFailed } else { Ended::Completed };
            (respond(&answer, &facts.id, Manner::Message), ended)
        }
    };
    if let Ok(id) = HeaderValue::from_str(facts.id.as_str()) {
        response.headers_mut().entry(X_REQUEST_ID).or_insert(id);
    }
    if let Some(sharing) = sharing {
        sharing.write(response.headers_mut());
    }
    in_flight.answered(response.status().as_u16());
    in_flight.sent(usize::try_from(response.body().size_hint().lower()).unwrap_or(usize::MAX));
    in_flight.end(ended);
    response
}

/// What is told, and for how long it may be kept.
struct Told {
    body: Bytes,
    cache: &'static str,
}

fn success(told: Told) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(told.body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(told.cache));
    response
}

/// A request that is being answered.
struct Asking<'a> {
    doorway: &'a Arc<Doorway>,
    model: &'a Model,
    request: &'a CanonicalRequest,
    in_flight: &'a Arc<InFlight>,
}

impl Asking<'_> {
    async fn answer(&self, body: Incoming) -> Result<Told, Answer> {
        let inside = self.model.decision_point.as_ref().zip(self.model.gate.evaluator());
        let (point, evaluator) = inside.ok_or_else(nothing_here)?;
        let endpoint = point.endpoint(self.request.path().as_str()).ok_or_else(nothing_here)?;
        if !endpoint.methods().contains(self.request.method()) {
            return Err(Answer {
                allow: endpoint.methods().to_vec(),
                ..Answer::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "Method Not Allowed",
                    "this path does not take this method",
                )
            });
        }
        if endpoint == Endpoint::Metadata {
            return Ok(Told { body: point.metadata(), cache: "public, max-age=300" });
        }
        // Who may ask is known by a credential, whatever the route says.
        let Caller::Known(caller) = self.in_flight.watch().caller() else {
            return Err(Answer {
                challenge: Some("Bearer realm=\"doorward\"".into()),
                ..Answer::new(
                    StatusCode::UNAUTHORIZED,
                    "Unauthorized",
                    "who asks has to show a credential",
                )
            });
        };
        if !is_json(self.request.headers()) {
            return Err(bad_request("`Content-Type` is not `application/json`"));
        }
        let bytes = self.read(body).await?;
        if !self.in_flight.stands() {
            let detail = "what permitted the request ended before it was answered";
            return Err(Answer::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail));
        }
        let document = asked::parse(&bytes).map_err(|error| {
            bad_request(&format!("the body is not JSON that can be read: {error}"))
        })?;
        let asked =
            Asked::read(&document, endpoint).map_err(|why| bad_request(&why.to_string()))?;
        let evaluations = self.evaluate(evaluator, &asked, caller).await;
        self.record(&asked, &evaluations, caller).await?;
        let body = told::body(&asked, &evaluations, point.tells_reasons());
        Ok(Told { body: Bytes::from(body), cache: "no-store" })
    }

    /// The whole body, within its bounds.
    async fn read(&self, body: Incoming) -> Result<Bytes, Answer> {
        let most = self.model.max_body.unwrap_or(u64::MAX).min(MAX_BODY_BYTES as u64);
        let too_large = || {
            let detail = format!("the request's body has more than {most} bytes");
            Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "Content Too Large", detail)
        };
        if body.size_hint().lower() > most {
            return Err(too_large());
        }
        let most_in_memory = usize::try_from(most).unwrap_or(MAX_BODY_BYTES);
        let read = timeout(BODY_TIMEOUT, Limited::new(body, most_in_memory).collect()).await;
        let Ok(read) = read else {
            let detail = "the request's body came too slowly";
            return Err(Answer::new(StatusCode::REQUEST_TIMEOUT, "Request Timeout", detail));
        };
        match read {
            Ok(read) => {
                let bytes = read.to_bytes();
                self.in_flight.received(bytes.len());
                Ok(bytes)
            }
            Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
            Err(_) => Err(bad_request("the request's body is malformed or broke off")),
        }
    }

    /// The decisions, as far as the semantic asks for them.
    async fn evaluate(
        &self,
        evaluator: &Evaluator,
        asked: &Asked<'_>,
        caller: &Identity,
    ) -> Vec<Evaluation> {
        let mut evaluations = Vec::with_capacity(asked.items.len());
        for item in &asked.items {
            let evaluation = match item.matter() {
                Ok(matter) => evaluator.evaluate(&matter, caller, self.doorway.now()),
                Err(why) => Evaluation::malformed(why),
            };
            let permitted = evaluation.is_permitted();
            evaluations.push(evaluation);
            match asked.semantic {
                Semantic::DenyOnFirstDeny if !permitted => break,
                Semantic::PermitOnFirstPermit if permitted => break,
                _ => {}
            }
            // The thread's other requests are not to wait for all of them.
            tokio::task::yield_now().await;
        }
        evaluations
    }

    /// Puts them on record, all before any is told.
    async fn record(
        &self,
        asked: &Asked<'_>,
        evaluations: &[Evaluation],
        caller: &Identity,
    ) -> Result<(), Answer> {
        let facts = self.in_flight.facts();
        let route = self.in_flight.watch().target();
        let actors = actors_of(caller);
        let policies: Vec<Vec<&str>> = evaluations
            .iter()
            .map(|evaluation| evaluation.policies().iter().map(AsRef::as_ref).collect())
            .collect();
        let asked_as = echoed(self.request.headers()).and_then(|id| id.to_str().ok());
        let told = asked.items.iter().zip(evaluations).zip(&policies).enumerate();
        let records: Vec<_> = told
            .map(|(number, ((item, evaluation), policies))| audit::Evaluation {
                request_id: facts.id.as_str(),
                asked_as,
                number,
                at: self.doorway.now(),
                door: self.request.door(),
                route: route.name(),
                service: &route.service().name,
                peer: facts.peer,
                identity: subject_of(caller, &actors),
                subject: item.subject.map(|thing| (thing.kind, thing.id)),
                action: item.action.map(|thing| thing.kind),
                resource: item.resource.map(|thing| (thing.kind, thing.id)),
                permitted: evaluation.is_permitted(),
                code: evaluation.code(),
                reason: evaluation.reason(),
                policies,
                policy_set: &self.model.policy_set,
                trace: Some(facts.trace.for_audit()),
            })
            .collect();
        let recorded = self.doorway.audit.evaluate(&records, self.model.audit_budget).await;
        for record in &records {
            let labels = EvaluationLabels {
                verdict: if record.permitted { "allow" } else { "deny" },
                code: match evaluations.get(record.number) {
                    Some(evaluation) if recorded.is_ok() => evaluation.code(),
                    _ => "audit_unavailable",
                },
            };
            self.doorway.metrics.evaluations.get_or_create(&labels).inc();
        }
        recorded.map_err(|error| {
            tracing::error!(request_id = facts.id.as_str(), %error, "evaluations could not be recorded");
            unavailable("the decision could not be recorded, and so is not told")
        })
    }
}

/// The id by which the one who asks knows the request, if it has told one.
pub(crate) fn echoed(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut all = headers.get_all(X_REQUEST_ID).iter();
    all.next().filter(|_| all.next().is_none())
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let only = all.next().filter(|_| all.next().is_none()).and_then(|kind| kind.to_str().ok());
    let kind = only.map(|kind| kind.split_once(';').map_or(kind, |(kind, _)| kind).trim());
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}

fn bad_request(detail: &str) -> Answer {
    Answer::new(StatusCode::BAD_REQUEST, "Bad Request", detail)
}

fn nothing_here() -> Answer {
    Answer::new(StatusCode::NOT_FOUND, "Not Found", "there is nothing here")
}
