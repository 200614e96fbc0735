//! The one way from a door to the gate: read, judge, record. Every door goes through here, so that every door checks
//! the same.

use std::net::SocketAddr;
use std::sync::Arc;

use gate::request::{RawRequest, Scheme};
use gate::route::{Route, Sharing};
use gate::{
    Answer, CanonicalRequest, Denial, DenialKind, FoundSession, Permit, Session, Surroundings,
    Verdict,
};
use http::{HeaderValue, Version};
use tokens::{Digest, Timestamp, TokenRefusal};
use tokio::time::Instant;

use crate::in_flight::FinishedRequest;
use crate::model::{Doorway, KeysAt, Model};
use crate::recording::{Judged, Undecided, Unforwarded, record};
use crate::request_id::RequestId;
use crate::trace::TraceContext;

/// A request that may go on, with its decision on record.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) permit: Permit<Route>,
    pub(crate) model: Arc<Model>,
    pub(crate) facts: RequestFacts,
}

impl Admitted {
    /// What a browser is told about which pages may read the answer.
    pub(crate) fn sharing(&self) -> Option<Sharing> {
        self.permit.target().sharing(self.permit.request())
    }

    /// The identity to tell the service, where it asks for one.
    ///
    /// # Errors
    /// What to tell the caller, when it cannot be signed: a service that asks for identities is never asked without one.
    pub(crate) fn signed_identity(
        &self,
        doorway: &Doorway,
    ) -> Result<Option<HeaderValue>, &'static str> {
        const CANNOT: &str = "your identity cannot be passed on at the moment";
        if self.permit.target().service().identity.token_header.is_none() {
            return Ok(None);
        }
        let signer = self.model.signer.as_ref().ok_or(CANNOT)?;
        signer.sign(&self.permit, doorway.now()).map_err(|error| {
            tracing::error!(%error, "an identity could not be signed");
            CANNOT
        })
    }
}

/// What is known of a request from its first byte on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestFacts {
    pub(crate) id: RequestId,
    pub(crate) trace: TraceContext,
    pub(crate) peer: SocketAddr,
    pub(crate) scheme: Scheme,
    /// The version of HTTP that it came in.
    pub(crate) version: Version,
    pub(crate) began: Instant,
}

/// Reads, judges and records a request.
///
/// # Errors
/// The answer for the caller, when it does not go on; the denial is then on record, and told to the operator's log.
pub(crate) async fn judge(
    doorway: &Doorway,
    model: Arc<Model>,
    raw: &RawRequest<'_>,
    facts: RequestFacts,
) -> Result<Admitted, Answer> {
    let verdict = match CanonicalRequest::read(raw, &model.reading) {
        Ok(request) => judge_in_time(doorway, &model, request, (raw, &facts)).await,
        Err(_) => {
            let now = doorway.now();
            let keys = KeysAt { model: &model, now };
            model.gate.admit(
                raw,
                &model.reading,
                Surroundings { now, keys: &keys, cache: None, sessions: None },
            )
        }
    };
    match verdict {
        Verdict::Permit(permit) => {
            let mut unforwarded = Unforwarded::new(doorway, &facts, &permit);
            let recorded = record(doorway, &model, &facts, &Judged::of_permit(&permit)).await;
            unforwarded.told(&recorded);
            drop(unforwarded);
            let admitted = Admitted { permit, model, facts };
            recorded.map_err(|answer| answer.shared(admitted.sharing()))?;
            Ok(admitted)
        }
        Verdict::Preflight(preflight) => {
            let answer = preflight.answer();
            record(doorway, &model, &facts, &Judged::of_preflight(&preflight, answer.status))
                .await?;
            Err(answer)
        }
        Verdict::Denial(denial) => {
            let answer = denial.answer();
            tracing::info!(
                request_id = facts.id.as_str(),
                status = answer.status.as_u16(),
                route = denial.route().map_or("", |route| route.name()),
                policies = denial.policies().join(","),
                reason = denial.reason(),
                "denied"
            );
            record(doorway, &model, &facts, &Judged::of_denial(&denial, answer.status, raw))
                .await?;
            if facts.trace.sampled {
                doorway.traces.finished(&FinishedRequest {
                    trace: facts.trace,
                    request_id: facts.id.as_str(),
                    method: raw.method,
                    scheme: facts.scheme,
                    route: denial.route().map(|route| &**route),
                    endpoint: None,
                    status: Some(answer.status.as_u16()),
                    took: facts.began.elapsed(),
                    ended_at: doorway.now(),
                    ended: "denied",
                    peer: facts.peer,
                });
            }
            Err(answer)
        }
    }
}

/// Judges a request that came no earlier than it may. Its address and its route are counted before anything about its
/// credential costs time, whose it is once that is known.
async fn judge_in_time(
    doorway: &Doorway,
    model: &Model,
    request: CanonicalRequest,
    told: (&RawRequest<'_>, &RequestFacts),
) -> Verdict {
    let now = told.1.began;
    if let Some(counted) = model.gate.counted(&request)
        && let Err(exceeded) = doorway.rates.arrive(counted.rates(), &request, counted.route, now)
    {
        return Verdict::Denial(Denial::too_early(exceeded, request, counted.route));
    }
    match judge_read(doorway, model, request, told).await {
        Verdict::Permit(permit) => {
            let (route, request) = (permit.target(), permit.request());
            let identity = permit.caller().identity().map(|identity| &**identity);
            let rates = route.rates(request.method());
            match doorway.rates.identified(rates, request, identity, now) {
                Ok(()) => Verdict::Permit(permit),
                Err(exceeded) => Verdict::Denial(permit.limited(exceeded)),
            }
        }
        Verdict::Denial(denial) => Verdict::Denial(denied_in_time(doorway, denial, now)),
        verdict @ Verdict::Preflight(_) => verdict,
    }
}

/// Counts who is known and denied like who is known and permitted. A credential that was refused counts for nobody: who
/// has stolen one that is bound to its owner's key could use up what its owner may send.
fn denied_in_time(doorway: &Doorway, denial: Denial, now: Instant) -> Denial {
    let known = denial.request().zip(denial.route()).zip(denial.identity());
    let Some(((request, route), identity)) =
        known.filter(|_| matches!(denial.kind(), DenialKind::Forbidden(_)))
    else {
        return denial;
    };
    let rates = route.rates(request.method());
    match doorway.rates.identified(rates, request, Some(identity), now) {
        Ok(()) => denial,
        Err(exceeded) => denial.limited(exceeded),
    }
}

/// Judges; when the token names a key that its issuer may have published since, judges once more with fresh keys, and when
/// the session is not at hand, once it was read.
async fn judge_read(
    doorway: &Doorway,
    model: &Model,
    request: CanonicalRequest,
    (raw, facts): (&RawRequest<'_>, &RequestFacts),
) -> Verdict {
    let verdict = judge_once(doorway, model, request, doorway.sessions());
    let Verdict::Denial(denial) = verdict else {
        return verdict;
    };
    match denial.kind() {
        DenialKind::UnknownKey {
            issuer,
            refusal: TokenRefusal::UnknownKey { kid: Some(kid), .. },
        } => {
            let Some(keys) = model.keys.get(issuer) else {
                return Verdict::Denial(denial);
            };
            let kid = kid.to_string();
            let undecided = Undecided::new(doorway, model, (raw, facts), &denial);
            let found = Box::pin(keys.refetch_for_unknown_key(&kid, doorway.now())).await;
            undecided.decided();
            if found != ledger::keys::RefetchOutcome::Found {
                return Verdict::Denial(denial);
            }
            judge_again(doorway, model, denial, doorway.sessions())
        }
        DenialKind::SessionNotAtHand => {
            let shown = denial.request().and_then(CanonicalRequest::session).cloned();
            let Some((sessions, cookie)) = doorway.sessions.as_ref().zip(shown) else {
                return Verdict::Denial(denial);
            };
            let undecided = Undecided::new(doorway, model, (raw, facts), &denial);
            let read = Box::pin(sessions.load(&cookie)).await;
            undecided.decided();
            let told = match read {
                Ok(true) => return judge_again(doorway, model, denial, doorway.sessions()),
                Ok(false) => FoundSession::Ended,
                Err(_) => FoundSession::Unavailable,
            };
            judge_again(doorway, model, denial, Some(&Told(told)))
        }
        _ => Verdict::Denial(denial),
    }
}

fn judge_again(
    doorway: &Doorway,
    model: &Model,
    denial: Denial,
    sessions: Option<&dyn gate::Sessions>,
) -> Verdict {
    match denial.retry() {
        Ok(request) => judge_once(doorway, model, request, sessions),
        Err(denial) => Verdict::Denial(denial),
    }
}

fn judge_once(
    doorway: &Doorway,
    model: &Model,
    request: CanonicalRequest,
    sessions: Option<&dyn gate::Sessions>,
) -> Verdict {
    let now = doorway.now();
    let keys = KeysAt { model, now };
    let cache = Some(&doorway.cache);
    model.gate.judge(request, Surroundings { now, keys: &keys, cache, sessions })
}

/// Sessions of which all is the same that is known.
struct Told(FoundSession);

impl gate::Sessions for Told {
    fn find(&self, _cookie: &Digest, _now: Timestamp) -> FoundSession {
        self.0.clone()
    }

    fn stands(&self, _session: &Session, _now: Timestamp) -> bool {
        false
    }
}
