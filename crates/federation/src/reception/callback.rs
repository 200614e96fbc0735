//! Somebody comes back from a provider with OpenID Connect or OAuth 2.0.

use bytes::Bytes;
use gate::{SESSION_COOKIE, SessionCookie};
use http::Response;
use ledger::audit::SignInEvent;
use ledger::state::{EndReason, Ending, NewSession, Purpose, Secrets};
use tokens::{Digest, SessionId, Timestamp};

use super::choosing::wish;
use super::cookies::{self, CHOICE, CHOICE_KEPT};
use super::page::with_cookie;
use super::records::About;
use super::seals::{Asked, Begun, SealBroken, Underway};
use super::trouble::Trouble;
use super::{Offered, Reception, Visit, place};
use crate::provider::{Answer, Flow, Named, Provider, SignIn};
use crate::sessions::Kept;

impl Reception {
    pub(super) async fn callback(
        &self,
        visit: &Visit,
        name: &str,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let query = visit.request.query().unwrap_or_default();
        let answer = Answer::parse(query)
            .map_err(|error| Trouble::refused("answer_unreadable", &error.to_string()))?;
        let (underway, until): (Underway, _) =
            self.underway.open(answer.state(), now).map_err(|broken| match broken {
                SealBroken::NotOurs => Trouble::refused("state_forged", "`state` is not ours"),
                SealBroken::Over => Trouble::refused("state_over", "`state` is too old"),
            })?;
        let Underway { begun, nonce, verifier } = underway;
        let at_provider = |trouble: Trouble| trouble.at(&begun.provider);
        Self::is_expected(visit, name, &begun).map_err(at_provider)?;
        // From here on it is the browser that began: it may be told where it wanted to go.
        let again = |trouble: Trouble| {
            let asked = &begun.asked;
            at_provider(trouble).again_at(&asked.origin, &asked.to)
        };
        let (offered, provider) = self.oauth_of(&begun).map_err(again)?;
        // Before anything is used up: who does not get in can try again.
        let calls = self.calls.get(offered.name());
        let _place = place(calls, |calls| &calls.answered).await.map_err(again)?;
        let ledger = self.house.sessions.ledger();
        let state = Digest::of(answer.state());
        let first = ledger.use_once(Purpose::SignIn, state, until, now).await;
        if !first.map_err(|error| again(Trouble::ledger(&error)))? {
            return Err(again(Trouble::refused("state_replayed", "`state` was used before")));
        }
        let flow = Flow { state: answer.state().to_owned(), nonce, verifier };
        let finished = provider.finish(answer, &flow, &wish(&begun.asked), now).await;
        let signed_in = finished.map_err(|refusal| again(Trouble::not_finished(&refusal)))?;
        let signed_in = (signed_in, now);
        self.welcome(visit, offered, signed_in, &begun.asked, now).await.map_err(again)
    }

    /// Begins a session for who has signed in, as the provider vouched for at that moment, and lets them on.
    pub(super) async fn welcome(
        &self,
        visit: &Visit,
        offered: &Offered,
        signed_in: (SignIn, Timestamp),
        asked: &Asked,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let (id, cookie) = self.open_session(visit, offered, signed_in, now).await?;
        let response = self.let_on(asked, id, now)?;
        let lasts = Some(self.options.lifetime);
        let response = with_cookie(response, cookies::set(SESSION_COOKIE, cookie.value(), lasts));
        Ok(with_cookie(response, cookies::set(CHOICE, offered.name(), Some(CHOICE_KEPT))))
    }

    /// Whether an answer has come to the place of its provider, in the browser that began.
    fn is_expected(visit: &Visit, name: &str, begun: &Begun) -> Result<(), Trouble> {
        if name != begun.provider {
            let reason = "the answer came to the place of another provider";
            return Err(Trouble::refused("provider_other", reason));
        }
        if visit.browser_digest().as_deref() != Some(begun.browser.as_str()) {
            let reason = "another browser began the sign-in, or this one keeps no cookies";
            return Err(Trouble::refused("browser_other", reason));
        }
        Ok(())
    }

    /// The provider where it was begun, as it was then.
    pub(super) fn offered_of(&self, begun: &Begun) -> Result<&Offered, Trouble> {
        let offered = self.offered(&begun.provider);
        offered.filter(|offered| offered.revision == begun.revision).ok_or_else(Trouble::changed)
    }

    fn oauth_of(&self, begun: &Begun) -> Result<(&Offered, &Provider), Trouble> {
        let offered = self.offered_of(begun)?;
        let provider = offered.provider.oauth();
        Ok((offered, provider.ok_or(Trouble::METHOD)?))
    }

    /// Begins a session, in place of the one that the browser had here, and tells its id and its cookie.
    async fn open_session(
        &self,
        visit: &Visit,
        offered: &Offered,
        (signed_in, vouched_at): (SignIn, Timestamp),
        now: Timestamp,
    ) -> Result<(SessionId, SessionCookie), Trouble> {
        let random = &*self.house.random;
        let id = SessionId::random(random).map_err(|_| Trouble::ours("there is no randomness"))?;
        let cookie = self.house.sessions.new_cookie(random);
        let cookie = cookie.map_err(|_| Trouble::ours("there is no randomness"))?;
        let before = self.session_here(visit, now).await?;
        let SignIn { facts, provider_session, ends_at, keepsakes } = signed_in;
        let lasts = now.plus(self.options.lifetime);
        let refresh_at = offered.refresh_at(keepsakes.refresh_token.is_some(), now);
        if offered.refresh.is_some() && refresh_at.is_none() {
            tracing::warn!(
                provider = offered.name(),
                "the provider gives no refresh token: its sessions end when they would be refreshed"
            );
        }
        let kept = Kept {
            facts,
            revision: offered.revision.clone(),
            fresh_until: offered.fresh_until(now),
        };
        let new = NewSession {
            id,
            cookie: *cookie.digest(),
            host: visit.request.host().name().to_owned(),
            provider: offered.name().to_owned(),
            subject: kept.facts.subject.clone(),
            provider_session,
            alias: keepsakes.named.as_ref().map(Named::alias),
            facts: kept.to_bytes(),
            secrets: keepsakes.to_bytes().map(Secrets::new),
            vouched_at,
            began_at: now,
            ends_at: ends_at.map_or(lasts, |ends_at| ends_at.min(lasts)),
            idle: self.options.idle,
            refresh_at,
            replaces: before.map(|session| session.id),
        };
        let ledger = self.house.sessions.ledger();
        let started = ledger.start_session(new, now).await;
        if !started.map_err(|error| Trouble::ledger(&error))? {
            let reason = "the provider or an operator has ended the session before it began";
            return Err(Trouble::refused("ended_meanwhile", reason));
        }
        let about =
            About { provider: Some(offered.name()), facts: Some(&kept.facts), session: Some(id) };
        let (event, code) = (SignInEvent::SignedIn, ("signed_in", None));
        let recorded = self.record(visit, event, code, about, now).await;
        if recorded.is_err() {
            // Nobody has its cookie, and nobody gets it.
            let _ = ledger.end_sessions(&Ending::Session(id), EndReason::SignedOut, now).await;
        }
        recorded.map(|()| (id, cookie))
    }
}

impl Offered {
    /// Until when its word is taken, if it is to be asked anew: whether it can be or not.
    pub(super) fn fresh_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.refresh.map(|every| now.plus(every).plus(self.grace))
    }

    /// When the provider is to be asked anew about a session.
    pub(super) fn refresh_at(&self, possible: bool, now: Timestamp) -> Option<Timestamp> {
        self.refresh.filter(|_| possible).map(|every| now.plus(every))
    }
}
