//! Where somebody signs in: nowhere, if they are signed in; at the one provider there is; or where they choose.

use bytes::Bytes;
use gate::route::StepUp;
use gate::{FoundSession, Session, Sessions as _};
use http::{Response, StatusCode};
use tokens::{Digest, Timestamp};

use super::assertion::request_id;
use super::cookies::CHOICE;
use super::page::{redirect, with_cookie};
use super::seals::{Asked, Begun, SIGN_IN_WITHIN, SealBroken, Underway};
use super::trouble::Trouble;
use super::{Offered, Reception, Visit, place};
use crate::form::{Form, Parameters};
use crate::pages::Html;
use crate::provider::{Flow, Party, SamlProvider, Wish, unguessable};

/// The longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3).
const MAX_EMAIL_BYTES: usize = 254;

impl Reception {
    pub(super) async fn choose(
        &self,
        visit: &Visit,
        sealed: &str,
        mut query: Parameters,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let (asked, _): (Asked, _) =
            self.asked.open(sealed, now).map_err(|broken| match broken {
                SealBroken::NotOurs => {
                    Trouble::refused("request_forged", "the request is not ours")
                }
                SealBroken::Over => Trouble::refused("request_over", "the request is too old"),
            })?;
        let again = |trouble: Trouble| trouble.again_at(&asked.origin, &asked.to);
        if let Some(session) = self.session_here(visit, now).await.map_err(again)?
            && self.will_do(&session, &asked, now)
        {
            return self.let_on(&asked, session.id, now);
        }
        let offers = || asked.providers.iter().filter_map(|name| self.offered(name));
        let email = query.take("email").filter(|email| email.len() <= MAX_EMAIL_BYTES);
        let (chosen, note) = match (query.take("provider"), &email) {
            (Some(name), _) => (offers().find(|offered| offered.name() == name), None),
            (None, Some(email)) => {
                let found = offers().find(|offered| offered.takes(email));
                (found, Some("No provider is known for that address. Choose one below."))
            }
            (None, None) => (offers().next().filter(|_| offers().count() == 1), None),
        };
        match chosen {
            Some(offered) => {
                let begun = self.begin(visit, offered, asked.clone(), email, now).await;
                match begun {
                    Err(trouble) if offers().count() > 1 => {
                        let trouble = trouble.at(offered.name());
                        // It is on record; the others may work.
                        drop(self.tell(visit, &trouble, now).await);
                        let note = format!("{} cannot be reached at the moment.", offered.title);
                        Ok(self.offer(
                            visit,
                            sealed,
                            &asked,
                            Some(&note),
                            StatusCode::SERVICE_UNAVAILABLE,
                        ))
                    }
                    begun => begun.map_err(|trouble| again(trouble.at(offered.name()))),
                }
            }
            None if offers().next().is_none() => {
                let reason = "no provider that was asked for signs people in";
                Err(again(Trouble::ours(reason)))
            }
            None => Ok(self.offer(visit, sealed, &asked, note, StatusCode::OK)),
        }
    }

    /// The session that the browser has here.
    pub(super) async fn session_here(
        &self,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Option<Session>, Trouble> {
        let Some(cookie) = visit.request.session() else { return Ok(None) };
        let sessions = &self.house.sessions;
        let mut found = sessions.find(cookie.digest(), now);
        if matches!(found, FoundSession::NotAtHand) {
            if !sessions.load(cookie).await.map_err(|error| Trouble::ledger(&error))? {
                return Ok(None);
            }
            found = sessions.find(cookie.digest(), self.house.clock.now());
        }
        let identity = match found {
            FoundSession::Known(identity) => identity,
            FoundSession::Ended => return Ok(None),
            FoundSession::NotAtHand | FoundSession::Unavailable => {
                return Err(Trouble::ledger(&"it cannot be asked at the moment"));
            }
        };
        let here = |session: &&Session| *session.host == *visit.request.host().name();
        Ok(identity.session().filter(here).cloned())
    }

    /// Whether a session is what somebody is to sign in for.
    fn will_do(&self, session: &Session, asked: &Asked, now: Timestamp) -> bool {
        let same =
            |offered: &Offered| session.revision == tokens::Revision::of_text(&offered.revision);
        let (acr, auth_time) = (session.facts.acr.as_deref(), session.facts.auth_time);
        asked.providers.iter().any(|name| **name == *session.provider)
            && self.offered(&session.provider).is_some_and(same)
            && asked.step_up().met_until(acr, auth_time, now).is_some()
    }

    /// Sends the browser to a provider.
    async fn begin(
        &self,
        visit: &Visit,
        offered: &Offered,
        asked: Asked,
        email: Option<String>,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let provider = match &offered.provider {
            Party::OAuth(provider) => provider,
            Party::Saml(provider) => {
                return self.begin_saml(visit, (offered, provider), asked, now).await;
            }
        };
        let (browser, cookie) = self.known_browser(visit)?;
        let secret = || {
            let text = unguessable(&*self.house.random);
            text.map_err(|error| Trouble::ours(&error.to_string()))
        };
        let (nonce, verifier) = (secret()?, secret()?);
        let wish = Wish { login_hint: email, ..wish(&asked) };
        let begun = Begun::at(offered, asked, &browser);
        let underway = Underway { begun, nonce: nonce.clone(), verifier: verifier.clone() };
        let until = now.plus(SIGN_IN_WITHIN);
        let state = self.underway.close(&underway, until, &*self.house.random);
        let state = state.map_err(|_| Trouble::ours("nothing can be sealed"))?;
        let flow = Flow { state, nonce, verifier };
        // It may be asked first (RFC 9126), and anybody can begin.
        let _place = place(self.calls.get(offered.name()), |calls| &calls.begun).await?;
        let sent = provider.begin(&wish, &flow, now).await;
        let to = sent.map_err(|error| Trouble::not_begun(error.code(), &error))?;
        let response =
            redirect(&to).ok_or_else(|| Trouble::ours("no way leads to the provider"))?;
        Ok(with_cookie(response, cookie))
    }

    /// Sends the browser to a provider with SAML.
    async fn begin_saml(
        &self,
        visit: &Visit,
        (offered, provider): (&Offered, &SamlProvider),
        asked: Asked,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let (browser, cookie) = self.known_browser(visit)?;
        let until = now.plus(SIGN_IN_WITHIN);
        let state = self.saml_state.close(until, offered.name(), &*self.house.random);
        let state = state.map_err(|_| Trouble::ours("nothing can be sealed"))?;
        let wish = wish(&asked);
        let begun = Begun::at(offered, asked, &browser);
        let underway = self.keep_underway(visit, begun, &state, until, now)?;
        let _place = place(self.calls.get(offered.name()), |calls| &calls.begun).await?;
        let sent = provider.begin(&wish, (&request_id(&state), &state), now);
        let sent = sent.map_err(|error| Trouble::not_begun(error.code(), &error))?;
        let words = ("Sign in", format!("You sign in with {}.", offered.title));
        let response = self.send(&sent, &words)?;
        Ok(with_cookie(with_cookie(response, cookie), underway))
    }

    /// The page with the providers.
    fn offer(
        &self,
        visit: &Visit,
        sealed: &str,
        asked: &Asked,
        note: Option<&str>,
        status: StatusCode,
    ) -> Response<Bytes> {
        let mut offers: Vec<&Offered> =
            asked.providers.iter().filter_map(|name| self.offered(name)).collect();
        let last = visit.request.own_cookie(CHOICE);
        let is_last = |offered: &Offered| last == Some(offered.name());
        offers.sort_by_key(|offered| !is_last(offered));
        let here = format!("{}/sign-in", gate::RESERVED_PREFIX);
        let mut content = Html::default();
        if let Some(note) = note {
            content =
                content.markup("<p class=\"note\" role=\"status\">").text(note).markup("</p>\n");
        }
        content = content.markup("<ul>\n");
        for offered in &offers {
            let mut form = Form::default();
            form.push("request", sealed);
            form.push("provider", offered.name());
            content = content
                .markup("<li><a class=\"choice\" href=\"")
                .text(&form.behind(&here))
                .markup("\">")
                .text(&offered.title);
            if is_last(offered) {
                content = content.markup("<small>used last</small>");
            }
            content = content.markup("</a></li>\n");
        }
        content = content.markup("</ul>\n");
        if offers.iter().any(|offered| !offered.domains.is_empty()) {
            content = content
                .markup("<form method=\"get\" action=\"")
                .text(&here)
                .markup("\"><input type=\"hidden\" name=\"request\" value=\"")
                .text(sealed)
                .markup("\"><label for=\"email\">Or by your e-mail address</label>\n")
                .markup("<input id=\"email\" name=\"email\" type=\"email\" autocomplete=\"email\" required maxlength=\"254\">\n")
                .markup("<button class=\"first\">Continue</button></form>\n");
        }
        self.page(status, "Sign in", &content, None)
    }
}

impl Begun {
    fn at(offered: &Offered, asked: Asked, browser: &str) -> Self {
        Self {
            asked,
            provider: offered.name().to_owned(),
            revision: offered.revision.clone(),
            browser: Digest::of(browser).to_string(),
        }
    }
}

impl Offered {
    /// Whether an e-mail address leads here.
    fn takes(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map(|(_, domain)| domain.trim().to_ascii_lowercase());
        domain.is_some_and(|domain| self.domains.contains(&domain))
    }
}

/// What the provider is asked for.
pub(super) fn wish(asked: &Asked) -> Wish {
    let StepUp { acr, max_age } = asked.step_up();
    Wish { acr_required: !acr.is_empty(), acr_values: acr, max_age, login_hint: None }
}
