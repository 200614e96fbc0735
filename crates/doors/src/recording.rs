//! What goes on record of a judgement, and of what came instead of a request.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use gate::request::RawRequest;
use gate::route::Route;
use gate::{Answer, Caller, CanonicalRequest, Credential, Denial, Permit, Preflight};
use http::StatusCode;
use ledger::audit::{self, Actor, Decision, Ended, Outcome, Subject};

use crate::answer::unavailable;
use crate::judge::RequestFacts;
use crate::metrics::{DecisionLabels, Name};
use crate::model::{Doorway, Model};
use crate::proxy::refusals::Refused;

/// A judgement, as records tell it.
pub(crate) struct Judged<'a> {
    verdict: audit::Verdict,
    code: &'static str,
    reason: Option<String>,
    method: &'a str,
    host: String,
    path: &'a str,
    door: &'static str,
    client: IpAddr,
    route: Option<&'a Route>,
    caller: Option<&'a gate::Identity>,
    policies: &'a [Arc<str>],
}

impl<'a> Judged<'a> {
    pub(crate) fn of_permit(permit: &'a Permit<Route>) -> Self {
        let request = permit.request();
        Self {
            verdict: audit::Verdict::Allow,
            code: "permit",
            reason: None,
            method: request.method().as_str(),
            host: request.host().to_string(),
            path: request.path().as_str(),
            door: request.door(),
            client: request.client(),
            route: Some(permit.target()),
            caller: match permit.caller() {
                Caller::Anonymous => None,
                Caller::Known(identity) => Some(identity),
            },
            policies: permit.policies(),
        }
    }

    pub(crate) fn of_preflight(preflight: &'a Preflight, status: StatusCode) -> Self {
        let request = preflight.request();
        Self {
            verdict: audit::Verdict::Answer { status: status.as_u16() },
            code: Preflight::CODE,
            reason: None,
            method: request.method().as_str(),
            host: request.host().to_string(),
            path: request.path().as_str(),
            door: request.door(),
            client: request.client(),
            route: Some(preflight.route()),
            caller: None,
            policies: &[],
        }
    }

    pub(crate) fn of_denial(
        denial: &'a Denial,
        status: StatusCode,
        raw: &'a RawRequest<'_>,
    ) -> Self {
        let request = denial.request();
        Self {
            verdict: audit::Verdict::Deny { status: status.as_u16() },
            code: denial.code(),
            reason: Some(denial.reason()),
            method: raw.method.as_str(),
            // What has no one reading is recorded without one.
            host: request.map_or_else(String::new, |request| request.host().to_string()),
            path: request.map_or("", |request| request.path().as_str()),
            door: raw.door,
            client: request.map_or(raw.peer, CanonicalRequest::client),
            route: denial.route().map(|route| &**route),
            caller: denial.identity().map(|identity| &**identity),
            policies: denial.policies(),
        }
    }
}

/// Puts a judgement on record.
///
/// # Errors
/// The answer for the caller, when it cannot be; nothing is then forwarded.
pub(crate) async fn record(
    doorway: &Doorway,
    model: &Model,
    facts: &RequestFacts,
    judged: &Judged<'_>,
) -> Result<(), Answer> {
    let policies: Vec<&str> = judged.policies.iter().map(AsRef::as_ref).collect();
    let reasons: Vec<&str> = judged.reason.as_deref().into_iter().collect();
    let actors = judged.caller.map(actors_of).unwrap_or_default();
    let decision = Decision {
        request_id: facts.id.as_str(),
        at: doorway.now(),
        door: judged.door,
        route: judged.route.map(|route| &**route.name()),
        service: judged.route.map(|route| &*route.service().name),
        method: judged.method,
        host: &judged.host,
        path: judged.path,
        peer: SocketAddr::new(judged.client, facts.peer.port()),
        verdict: judged.verdict,
        code: judged.code,
        reasons: &reasons,
        policies: &policies,
        policy_set: &model.policy_set,
        identity: judged.caller.map(|identity| subject_of(identity, &actors)),
        trace: Some(facts.trace.for_audit()),
        took: facts.began.elapsed(),
    };
    let recorded = doorway.audit.decide(&decision, model.audit_budget).await;
    doorway.metrics.decision_seconds.observe(facts.began.elapsed().as_secs_f64());
    let labels = DecisionLabels {
        door: judged.door,
        route: Name(judged.route.map(|route| Arc::clone(route.name()))),
        verdict: judged.verdict.name(),
        code: if recorded.is_ok() { judged.code } else { "audit_unavailable" },
    };
    doorway.metrics.decisions.count(&labels);
    recorded.map_err(|error| {
        tracing::error!(request_id = facts.id.as_str(), %error, "a decision could not be recorded");
        unavailable("the request could not be recorded, and so was not served")
    })
}

/// A denial that may yet be lifted. When the caller leaves before that is known, it goes on record as it is.
pub(crate) struct Undecided<'a> {
    doorway: &'a Doorway,
    model: &'a Model,
    raw: &'a RawRequest<'a>,
    facts: &'a RequestFacts,
    denial: Option<&'a Denial>,
}

impl<'a> Undecided<'a> {
    pub(crate) const fn new(
        doorway: &'a Doorway,
        model: &'a Model,
        (raw, facts): (&'a RawRequest<'a>, &'a RequestFacts),
        denial: &'a Denial,
    ) -> Self {
        Self { doorway, model, raw, facts, denial: Some(denial) }
    }

    /// Whoever waits goes on, and records what becomes of it.
    pub(crate) fn decided(mut self) {
        self.denial = None;
    }
}

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        let Some(denial) = self.denial else { return };
        let status = denial.answer().status;
        let judged = Judged::of_denial(denial, status, self.raw);
        let mut recorded = pin!(record(self.doorway, self.model, self.facts, &judged));
        // The first step puts it in the queue, from which it is written; nobody is there to be told that it was.
        let _ = recorded.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
}

/// A permit whose decision is being recorded. When the caller leaves meanwhile, or the log cannot take it in time, the
/// decision may still be written, as an allow: then its outcome says that nothing was forwarded.
pub(crate) struct Unforwarded<'a> {
    doorway: &'a Doorway,
    facts: &'a RequestFacts,
    permit: &'a Permit<Route>,
    ended: Option<(Ended, Option<StatusCode>)>,
}

impl<'a> Unforwarded<'a> {
    pub(crate) const fn new(
        doorway: &'a Doorway,
        facts: &'a RequestFacts,
        permit: &'a Permit<Route>,
    ) -> Self {
        Self { doorway, facts, permit, ended: Some((Ended::ClientGone, None)) }
    }

    /// What recording came to; once it has succeeded, the request is forwarded, and its outcome is another's to tell.
    pub(crate) fn told(&mut self, recorded: &Result<(), Answer>) {
        self.ended =
            recorded.as_ref().err().map(|answer| (Ended::AuditUnavailable, Some(answer.status)));
    }
}

impl Drop for Unforwarded<'_> {
    fn drop(&mut self) {
        let Some((ended, status)) = self.ended else { return };
        let request = self.permit.request();
        let route = self.permit.target();
        self.doorway.audit.outcome(&Outcome {
            request_id: self.facts.id.as_str(),
            at: self.doorway.now(),
            door: request.door(),
            route: Some(route.name()),
            service: Some(&route.service().name),
            method: request.method().as_str(),
            peer: self.facts.peer,
            identity: None,
            status: status.map(|status| status.as_u16()),
            bytes_in: 0,
            bytes_out: 0,
            took: self.facts.began.elapsed(),
            endpoint: None,
            ended,
            trace: Some(self.facts.trace.for_audit()),
        });
    }
}

/// What came instead of a request.
#[derive(Debug)]
pub(crate) struct Unread {
    status: StatusCode,
    code: &'static str,
    reason: String,
}

impl Unread {
    /// What a connection that failed received, if that is why it failed.
    pub(crate) fn of(error: &hyper::Error) -> Option<Self> {
        let (status, code) = if error.is_parse_too_large() {
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large")
        } else if error.is_parse() && !error.is_parse_version_h2() {
            (StatusCode::BAD_REQUEST, "malformed")
        } else {
            return None;
        };
        Some(Self { status, code, reason: format!("what came is no HTTP request: {error}") })
    }

    /// What a proxy asked about and is no request.
    pub(crate) const fn told(reason: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "malformed", reason }
    }

    /// What HTTP/2 refused by itself.
    pub(crate) fn refused(refused: Refused) -> Self {
        let (status, code, reason) = match refused {
            Refused::Head => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head_too_large",
                "the head of a request of HTTP/2 is too large".to_owned(),
            ),
            Refused::Request(reason) => (
                StatusCode::BAD_REQUEST,
                "malformed",
                format!("what came is no HTTP/2 request: {}", h2::Reason::from(reason)),
            ),
            Refused::Connection(reason) => (
                StatusCode::BAD_REQUEST,
                "malformed",
                format!("the connection broke HTTP/2: {}", h2::Reason::from(reason)),
            ),
        };
        Self { status, code, reason }
    }
}

/// Puts on record that something came which could not be read as a request. The parser has answered it.
pub(crate) async fn record_unread(
    doorway: &Doorway,
    facts: &RequestFacts,
    door: &'static str,
    unread: Unread,
) {
    let Unread { status, code, reason } = unread;
    let model = doorway.model.load_full();
    tracing::info!(request_id = facts.id.as_str(), status = status.as_u16(), reason, "denied");
    let judged = Judged {
        verdict: audit::Verdict::Deny { status: status.as_u16() },
        code,
        reason: Some(reason),
        method: "-",
        host: String::new(),
        path: "",
        door,
        client: facts.peer.ip(),
        route: None,
        caller: None,
        policies: &[],
    };
    // The caller has its answer; that the log cannot take this is in the log and the metrics.
    let _ = record(doorway, &model, facts, &judged).await;
}

/// Who called, as records tell it.
pub(crate) fn subject_of<'a>(identity: &'a gate::Identity, actors: &'a [Actor<'a>]) -> Subject<'a> {
    Subject {
        issuer: identity.issuer(),
        subject: identity.subject(),
        kind: identity.kind(),
        groups: identity.groups(),
        actors,
        client_id: identity.client_id(),
        session: identity.session().map(|session| *session.id.as_bytes()),
        credential: match identity.credential() {
            Credential::Certificate(certificate) => {
                Some(audit::Credential::Certificate(certificate.fingerprint()))
            }
            Credential::Session(_) => None,
            Credential::Token(token) => Some(audit::Credential::Token(token.fingerprint())),
        },
    }
}

/// Who acts for the caller, as records tell it.
pub(crate) fn actors_of(identity: &gate::Identity) -> Vec<Actor<'_>> {
    identity
        .actors()
        .iter()
        .map(|actor| Actor { issuer: actor.issuer(), subject: actor.subject() })
        .collect()
}
