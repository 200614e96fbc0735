//! What happens at the reception, in the audit log.

use bytes::Bytes;
use http::Response;
use ledger::audit::{AuditUnavailable, EndedBy, SignIn, SignInEvent};
use tokens::{Facts, SessionId, Timestamp};

use super::trouble::{Shown, Trouble};
use super::{Reception, Visit};

/// Who it is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About<'a> {
    pub(super) provider: Option<&'a str>,
    pub(super) facts: Option<&'a Facts>,
    pub(super) session: Option<SessionId>,
}

impl Reception {
    /// Puts on record what has happened.
    ///
    /// # Errors
    /// If it cannot be recorded in time: nobody may then be told that it has happened.
    pub(super) async fn record(
        &self,
        visit: &Visit,
        event: SignInEvent,
        (code, reason): (&str, Option<&str>),
        about: About<'_>,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let host = visit.request.host().to_string();
        let record = SignIn {
            request_id: &visit.id,
            at: now,
            event,
            provider: about.provider,
            subject: about.facts.map(|facts| facts.subject.as_str()),
            kind: about.facts.map(|facts| facts.kind),
            session: about.session.map(|id| *id.as_bytes()),
            peer: Some(visit.peer),
            host: Some(&host),
            code,
            reason,
            acr: about.facts.and_then(|facts| facts.acr.as_deref()),
            amr: about.facts.map_or(&[], |facts| &facts.amr),
        };
        let recorded = self.house.audit.sign_in(&record, self.house.audit_budget).await;
        recorded.map_err(|error| Trouble::ours(&error.to_string()))
    }

    /// Puts on record what has happened to a session that no visit was about; what cannot be recorded is logged.
    ///
    /// # Errors
    /// If it is not on record yet.
    pub(super) async fn record_unvisited(
        &self,
        event: SignInEvent,
        session: SessionId,
        (code, reason): (&str, Option<&str>),
        (provider, facts): (Option<&str>, Option<&Facts>),
        now: Timestamp,
    ) -> Result<(), AuditUnavailable> {
        let record = SignIn {
            request_id: &session.to_string(),
            at: now,
            event,
            provider,
            subject: facts.map(|facts| facts.subject.as_str()),
            kind: facts.map(|facts| facts.kind),
            session: Some(*session.as_bytes()),
            peer: None,
            host: None,
            code,
            reason,
            acr: facts.and_then(|facts| facts.acr.as_deref()),
            amr: facts.map_or(&[], |facts| &facts.amr),
        };
        let recorded = self.house.audit.sign_in(&record, self.house.audit_budget).await;
        recorded.inspect_err(
            |error| tracing::error!(%error, %session, code, "what became of a session is not on record"),
        )
    }

    /// Puts on record that sessions were ended.
    pub(super) async fn record_ends(
        &self,
        visit: &Visit,
        by: EndedBy,
        (provider, ended): (&str, &[SessionId]),
        now: Timestamp,
    ) {
        for session in ended {
            let about = About { provider: Some(provider), session: Some(*session), facts: None };
            let code = ("session_ended", None);
            let event = SignInEvent::SessionEnded(by);
            if let Err(trouble) = self.record(visit, event, code, about, now).await {
                tracing::error!(reason = trouble.reason, %session, "the end of a session is not on record");
            }
        }
    }

    /// The page about a trouble, which is on record if it is about a sign-in.
    pub(super) async fn tell(
        &self,
        visit: &Visit,
        trouble: &Trouble,
        now: Timestamp,
    ) -> Response<Bytes> {
        tracing::info!(
            request_id = visit.id,
            code = trouble.code,
            reason = trouble.reason,
            provider = trouble.provider.as_deref().unwrap_or_default(),
            "a visit to our pages did not end well"
        );
        if !matches!(trouble.shown, Shown::Method | Shown::Nowhere) {
            let about = About { provider: trouble.provider.as_deref(), ..About::default() };
            let why = (trouble.code, Some(trouble.reason.as_str()));
            let event = match trouble.shown {
                Shown::NotSignedOut => SignInEvent::SignOutRefused,
                _ => SignInEvent::SignInRefused,
            };
            // It was refused, and stays so.
            let _ = self.record(visit, event, why, about, now).await;
        }
        self.show(trouble, &visit.id)
    }
}
