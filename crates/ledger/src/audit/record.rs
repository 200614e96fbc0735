//! What the doors tell the audit log: what was decided, and how it ended. Plain data, borrowed for the call.

use std::net::SocketAddr;
use std::time::Duration;

use tokens::{Fingerprint, SubjectKind, Texts, Timestamp};

/// A decision: what the gate said to one request, recorded before anything is forwarded.
///
/// There is no field for a query string, a header or a body: they may carry secrets, and never reach the log.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// The request's id, unique for as long as the log is kept; the outcome repeats it.
    pub request_id: &'a str,
    /// When the gate decided.
    pub at: Timestamp,
    /// Which door the request came through, such as `proxy` or `ext_authz`.
    pub door: &'a str,
    /// The route that took the request, if one did.
    pub route: Option<&'a str>,
    /// The service that the route leads to.
    pub service: Option<&'a str>,
    /// The method, as judged.
    pub method: &'a str,
    /// The canonical host, as judged; a port that is not the default one stands behind a colon.
    pub host: &'a str,
    /// The canonical path, as judged, without the query.
    pub path: &'a str,
    /// Who is at the other end: the caller, or the one that a trusted peer names.
    pub peer: SocketAddr,
    /// What the gate said.
    pub verdict: Verdict,
    /// Why, in one stable word, such as `permit`, `no_permit` or `rate_limited`.
    pub code: &'a str,
    /// Why, in words for the operator, never for the caller; without secrets.
    pub reasons: &'a [&'a str],
    /// The ids of the policies that determined the verdict.
    pub policies: &'a [&'a str],
    /// The version of the policy set that was asked.
    pub policy_set: &'a str,
    /// Who is calling, if anybody was authenticated.
    pub identity: Option<Subject<'a>>,
    /// The trace that the request belongs to.
    pub trace: Option<Trace>,
    /// How long the gate took; recorded in microseconds.
    pub took: Duration,
}

/// What the gate said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be forwarded; an outcome follows.
    Allow,
    /// It was a question to us, and is answered; nothing is forwarded, and there is no outcome.
    Answer {
        /// The HTTP status of the answer.
        status: u16,
    },
    /// It is not forwarded; there is no outcome.
    Deny {
        /// The HTTP status of the answer.
        status: u16,
    },
}

impl Verdict {
    /// The word in records: `allow`, `answer` or `deny`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Answer { .. } => "answer",
            Self::Deny { .. } => "deny",
        }
    }

    /// The HTTP status of the answer, where it is ours.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Allow => None,
            Self::Answer { status } | Self::Deny { status } => Some(status),
        }
    }
}

/// An evaluation: what was decided for others to enforce, recorded before they are told.
///
/// There is no field for properties and circumstances: they may carry secrets, and never reach the log.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'a> {
    /// The id of the request that asks; its decision and outcome have it too.
    pub request_id: &'a str,
    /// The request's id by which the one who asks knows it, if it has told one.
    pub asked_as: Option<&'a str>,
    /// The evaluation's number within the request; the first has number 0.
    pub number: usize,
    /// When it was decided.
    pub at: Timestamp,
    /// Which door the request came through.
    pub door: &'a str,
    /// The route that took the request.
    pub route: &'a str,
    /// The service that it was asked of.
    pub service: &'a str,
    /// Who is at the other end.
    pub peer: SocketAddr,
    /// Who asks.
    pub identity: Subject<'a>,
    /// Who would act, as type and id; none if it was not said.
    pub subject: Option<(&'a str, &'a str)>,
    /// What it would do; none if it was not said.
    pub action: Option<&'a str>,
    /// To what, as type and id; none if it was not said.
    pub resource: Option<(&'a str, &'a str)>,
    /// Whether it may be done.
    pub permitted: bool,
    /// Why, in one stable word, such as `permit` or `no_permit`.
    pub code: &'a str,
    /// Why it may not be done, in words for the operator.
    pub reason: Option<&'a str>,
    /// The ids of the policies that determined it.
    pub policies: &'a [&'a str],
    /// The version of the policy set that was asked.
    pub policy_set: &'a str,
    /// The trace that the request belongs to.
    pub trace: Option<Trace>,
}

/// An outcome: how an allowed request ended.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// The request's id, as in its decision.
    pub request_id: &'a str,
    /// When it ended.
    pub at: Timestamp,
    /// Which door it came through.
    pub door: &'a str,
    /// The route that took it.
    pub route: Option<&'a str>,
    /// The service that it went to.
    pub service: Option<&'a str>,
    /// The method.
    pub method: &'a str,
    /// Who is at the other end.
    pub peer: SocketAddr,
    /// Who called; of its facts only issuer, subject and kind are repeated.
    pub identity: Option<Subject<'a>>,
    /// The HTTP status of the answer that the caller got; `None` if it got none.
    pub status: Option<u16>,
    /// Bytes of the request's body that were forwarded.
    pub bytes_in: u64,
    /// Bytes of the answer's body that were passed on.
    pub bytes_out: u64,
    /// From the first byte of the request to the end.
    pub took: Duration,
    /// The endpoint that answered, or should have.
    pub endpoint: Option<&'a str>,
    /// How it ended.
    pub ended: Ended,
    /// The trace that the request belongs to.
    pub trace: Option<Trace>,
}

/// How a forwarded request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The decision could not be recorded within its budget, so nothing was forwarded: 503.
    AuditUnavailable,
    /// The caller went away.
    ClientGone,
    /// The whole answer was passed on.
    Completed,
    /// The permit reached its end while the stream was open.
    PermitEnded,
    /// The identity, its token or its grant was revoked while the stream was open.
    Revoked,
    /// The process was told to stop while the stream was open.
    ShuttingDown,
    /// The service failed, before or during its answer.
    UpstreamFailed,
    /// The service did not answer in time.
    UpstreamTimedOut,
}

impl Ended {
    /// The word in records, such as `client_gone`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuditUnavailable => "audit_unavailable",
            Self::ClientGone => "client_gone",
            Self::Completed => "completed",
            Self::PermitEnded => "permit_ended",
            Self::Revoked => "revoked",
            Self::ShuttingDown => "shutting_down",
            Self::UpstreamFailed => "upstream_failed",
            Self::UpstreamTimedOut => "upstream_timed_out",
        }
    }
}

/// Who is calling, in the facts that were verified.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The issuer's name in the configuration.
    pub issuer: &'a str,
    /// The subject as its issuer wrote it.
    pub subject: &'a str,
    /// What it is.
    pub kind: SubjectKind,
    /// Its groups, as its issuer names them.
    pub groups: Texts<'a>,
    /// Who acts for it, the current actor first (RFC 8693 §4.1).
    pub actors: &'a [Actor<'a>],
    /// The OAuth client that the token was issued to.
    pub client_id: Option<&'a str>,
    /// The session that it came through, by its public id; never the cookie.
    pub session: Option<[u8; 16]>,
    /// What its credential is known by.
    pub credential: Option<Credential>,
}

/// What vouches for a caller, by its fingerprint.
#[derive(Clone, Copy, Debug)]
pub enum Credential {
    /// A client certificate.
    Certificate(Fingerprint),
    /// A token.
    Token(Fingerprint),
}

/// One who acts for a subject.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// Who knows the actor; the subject's issuer, if it is not said.
    pub issuer: Option<&'a str>,
    /// The actor as that issuer wrote it.
    pub subject: &'a str,
}

/// The place of a request in a distributed trace (W3C Trace Context §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The whole trace.
    pub trace_id: [u8; 16],
    /// Our span in it.
    pub span_id: [u8; 8],
}
