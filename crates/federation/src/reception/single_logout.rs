//! Single logout with a provider that speaks SAML ([profiles] §4.4): it asks us to sign somebody out, or has done what we
//! asked of it. Sessions are found by the names that the provider gave them, not by a cookie: a page of the provider may
//! ask in a frame, where none comes.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use ledger::audit::EndedBy;
use ledger::state::{EndReason, Ending, Purpose};
use tokens::{Digest, SessionId, Timestamp};

use super::seals::{Leaving, SIGN_IN_WITHIN};
use super::trouble::Trouble;
use super::{Offered, Reception, Visit, place};
use crate::pages::Html;
use crate::provider::{Brought, Named, SamlProvider, Sent, SignOut, SignOutMessage, unguessable};

impl Reception {
    /// How to send the browser to the provider, which is to sign out whom it called so.
    pub(super) fn ask_to_end(
        &self,
        provider: &SamlProvider,
        named: &Named,
        now: Timestamp,
    ) -> Option<Sent> {
        let random = &*self.house.random;
        let leaving = Leaving {
            provider: provider.options().name.to_string(),
            request: message_id(random).ok()?,
        };
        let state = self.leaving.close(&leaving, now.plus(SIGN_IN_WITHIN), random).ok()?;
        provider.end_session(named, (&leaving.request, &state), now)
    }

    /// Something has come to the place where a provider with SAML signs people out.
    pub(super) async fn single_logout(
        &self,
        visit: &Visit,
        (offered, provider): (&Offered, &Arc<SamlProvider>),
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let at_provider = |trouble: Trouble| trouble.at(offered.name());
        let calls = self.calls.get(offered.name());
        let _place = place(calls, |calls| &calls.logouts).await.map_err(at_provider)?;
        let brought = brought(visit).map_err(at_provider)?;
        let party = Arc::clone(provider);
        let message = self.verified(move || party.sign_out_message(brought, now)).await;
        let message = message.map_err(at_provider)?;
        match message.map_err(|refusal| at_provider(Trouble::not_ended(&refusal)))? {
            SignOutMessage::Request(request) => {
                let ended = self.end_as_asked(visit, offered, &request, now).await;
                let trouble = ended.as_ref().err().map(|trouble| trouble.code);
                if let Err(trouble) = ended {
                    // The provider is told by the answer.
                    drop(self.tell(visit, &at_provider(trouble), now).await);
                }
                let done = trouble.is_none();
                self.answer_request((offered, provider), &request, done, now).map_err(at_provider)
            }
            SignOutMessage::Answer(message, state) => {
                let leaving = state.and_then(|state| self.leaving.open(&state, now).ok());
                let asked = leaving.filter(|(it, _): &(Leaving, _)| it.provider == offered.name());
                let unasked =
                    || Trouble::sign_out_refused("state_forged", "`RelayState` is not ours");
                let (leaving, _) = asked.ok_or_else(|| at_provider(unasked()))?;
                let party = Arc::clone(provider);
                let answered = move || party.signed_out(&message, &leaving.request, now);
                let done = self.verified(answered).await.map_err(at_provider)?;
                if let Err(refusal) = &done {
                    let trouble = at_provider(Trouble::not_ended(refusal));
                    drop(self.tell(visit, &trouble, now).await);
                }
                // Anybody can have brought it here.
                if self.is_signed_in(visit, now).await.map_err(at_provider)? {
                    return self.signed_out(visit, now).await.map_err(at_provider);
                }
                Ok(self.signed_out_page(&offered.title, done.is_ok()))
            }
        }
    }

    /// Ends the sessions that a request names, which counts once.
    async fn end_as_asked(
        &self,
        visit: &Visit,
        offered: &Offered,
        request: &SignOut,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let ledger = self.house.sessions.ledger();
        let mark = Digest::of(&format!("{} {}", offered.name(), request.id));
        let first = ledger.use_once(Purpose::LogoutToken, mark, request.until, now).await;
        if !first.map_err(|error| Trouble::ledger(&error))? {
            return Err(Trouble::sign_out_refused("logout_request_replayed", "it was used before"));
        }
        let provider = || offered.name().to_owned();
        let mut endings: Vec<_> = request
            .sessions
            .iter()
            .map(|session| Ending::ProviderSession {
                provider: provider(),
                session: session.clone(),
                subject: None,
            })
            .collect();
        if endings.is_empty() {
            endings.push(Ending::Alias { provider: provider(), alias: request.alias });
        }
        let mut ended: Vec<SessionId> = Vec::new();
        for which in endings {
            let some = ledger.end_sessions(&which, EndReason::ProviderLogout, now).await;
            ended.extend(some.map_err(|error| Trouble::ledger(&error))?);
        }
        self.record_ends(visit, EndedBy::Provider, (offered.name(), &ended), now).await;
        Ok(())
    }

    /// Tells the provider what has become of its request.
    fn answer_request(
        &self,
        (offered, provider): (&Offered, &SamlProvider),
        request: &SignOut,
        done: bool,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let id = message_id(&*self.house.random)?;
        let title = &offered.title;
        match (provider.answer(request, done, &id, now), done) {
            (Some(sent), true) => {
                let text = format!("You are signed out here. Let {title} know it.");
                self.send(&sent, &("Signed out", text))
            }
            (Some(sent), false) => {
                let text = format!("You may still be signed in here. Let {title} know it.");
                self.send(&sent, &("The sign-out did not work", text))
            }
            (None, true) => Ok(self.signed_out_page(title, true)),
            (None, false) => {
                let reason = "the provider has no place to be told that it did not work";
                Err(Trouble::sign_out_refused("sign_out_failed", reason))
            }
        }
    }

    /// The page at the end.
    fn signed_out_page(&self, provider: &str, done: bool) -> Response<Bytes> {
        let content = if done {
            Html::default().paragraph("You are signed out. You can close this window.")
        } else {
            let text = format!(
                "You are signed out here. {provider} does not say that you are signed out there too."
            );
            Html::default().paragraph(&text)
        };
        self.page(StatusCode::OK, "Signed out", &content, None)
    }
}

/// What a browser brings.
fn brought(visit: &Visit) -> Result<Brought, Trouble> {
    if visit.method() != Method::POST {
        return Ok(Brought::Query(visit.request.query().unwrap_or_default().to_owned()));
    }
    let unreadable = || Trouble::sign_out_refused("saml_unreadable", "the form has no one reading");
    let mut form = visit.form().ok_or_else(unreadable)?;
    Ok(Brought::Form {
        request: form.take("SAMLRequest"),
        answer: form.take("SAMLResponse"),
        relay_state: form.take("RelayState"),
    })
}

/// The ID of a message: an NCName that nobody can guess.
fn message_id(random: &dyn aws_lc_rs::rand::SecureRandom) -> Result<String, Trouble> {
    let text = unguessable(random).map_err(|error| Trouble::ours(&error.to_string()))?;
    Ok(format!("_{text}"))
}
