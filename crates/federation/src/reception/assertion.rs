//! Somebody comes back from a provider with SAML: with a form that a page of the provider sends, and so without our
//! cookies. What it says is believed or refused at once, and left in the ledger until the same browser fetches it, with
//! the cookie by which it began.
//!
//! ```text
//! POST callback/corp: SAMLResponse, RelayState ─▶ believed ─▶ left ─▶ 303
//! GET  callback/corp?RelayState=…: the browser that began? ─▶ collected ─▶ session
//! ```

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use ledger::state::{Purpose, Secrets};
use serde_json::{Value, json};
use tokens::{Digest, Facts, Timestamp};

use super::choosing::wish;
use super::page::{guarded, redirect};
use super::seals::{SealBroken, Underway};
use super::trouble::Trouble;
use super::{Reception, Visit, place};
use crate::form::Form;
use crate::provider::{Flow, IdpInitiated, Keepsakes, Named, SignIn};

/// How long what a provider said is left for the browser to fetch.
const LEFT_FOR: Duration = Duration::from_mins(1);

impl Reception {
    /// What the provider is told about us.
    pub(super) fn our_metadata(&self, name: &str) -> Result<Response<Bytes>, Trouble> {
        let (_, provider) = self.saml(name).ok_or(Trouble::NOWHERE)?;
        let mut response = Response::new(Bytes::from(provider.our_metadata()));
        let kind = HeaderValue::from_static("application/samlmetadata+xml");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        Ok(guarded(response))
    }

    /// A provider's answer has come.
    pub(super) async fn take_answer(
        &self,
        visit: &Visit,
        name: &str,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        if self.offered(name).is_some_and(|offered| offered.provider.oauth().is_some()) {
            return Err(Trouble::METHOD);
        }
        let unreadable = || Trouble::refused("answer_unreadable", "the form has no one reading");
        let mut form = visit.form().ok_or_else(unreadable)?;
        let missing = |what| move || Trouble::refused("answer_unreadable", what);
        let field = form.take("SAMLResponse").ok_or_else(missing("there is no `SAMLResponse`"))?;
        let state = form.take("RelayState").unwrap_or_default();
        let opened = self.underway.open(&state, now);
        if let (Err(SealBroken::NotOurs), Some((_, provider))) = (&opened, self.saml(name))
            && let Some(begun) = &provider.options().idp_initiated
        {
            return self.begin_instead(visit, name, begun, &state);
        }
        let (underway, until) = answered(&state, opened)?;
        let at_provider = |trouble: Trouble| trouble.at(&underway.provider);
        if name != underway.provider {
            return Err(at_provider(Trouble::answered_elsewhere()));
        }
        let offered = self.offered_of(&underway).map_err(at_provider)?;
        let provider = offered.provider.saml().ok_or(Trouble::METHOD)?;
        let calls = self.calls.get(offered.name());
        let _place = place(calls, |calls| &calls.answered).await.map_err(at_provider)?;
        let flow = Flow {
            state: state.clone(),
            nonce: underway.nonce.clone(),
            verifier: underway.verifier.clone(),
        };
        let finished = provider.finish(&field, &flow, &wish(&underway.asked), now);
        // Anybody can have said that the provider declines: it uses nothing up.
        let signed_in = finished.map_err(|refusal| at_provider(Trouble::not_believed(&refusal)))?;
        let left = Secrets::new(to_bytes(&signed_in, now));
        let until = until.min(now.plus(LEFT_FOR));
        let ledger = self.house.sessions.ledger();
        // Where the same answer is there already, that is the one that counts.
        let kept = ledger.leave(Digest::of(&state), left, until, now).await;
        kept.map_err(|error| at_provider(Trouble::ledger(&error)))?;
        let mut form = Form::default();
        form.push("RelayState", &state);
        let here = format!("{}{}/callback/{name}", self.options.url, gate::RESERVED_PREFIX);
        redirect(&form.behind(&here)).ok_or_else(|| Trouble::ours("no way leads on"))
    }

    /// The browser fetches what the provider has said.
    pub(super) async fn land(
        &self,
        visit: &Visit,
        (name, state): (&str, &str),
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let (underway, until) = answered(state, self.underway.open(state, now))?;
        let at_provider = |trouble: Trouble| trouble.at(&underway.provider);
        Self::is_expected(visit, name, &underway).map_err(at_provider)?;
        // From here on it is the browser that began: it may be told where it wanted to go.
        let again = |trouble: Trouble| {
            let asked = &underway.asked;
            at_provider(trouble).again_at(&asked.origin, &asked.to)
        };
        let offered = self.offered_of(&underway).map_err(again)?;
        let ledger = self.house.sessions.ledger();
        let digest = Digest::of(state);
        let left = ledger.collect(digest, now).await;
        let left = left.map_err(|error| again(Trouble::ledger(&error)))?;
        let gone =
            || Trouble::refused("answer_gone", "no answer was left, or it was fetched before");
        let signed_in = left.as_ref().and_then(from_bytes).ok_or_else(|| again(gone()))?;
        // The provider's page can send the same answer anew.
        let first = ledger.use_once(Purpose::SignIn, digest, until, now).await;
        if !first.map_err(|error| again(Trouble::ledger(&error)))? {
            return Err(again(Trouble::refused("state_replayed", "the answer was used before")));
        }
        self.welcome(visit, offered, signed_in, &underway.asked, now).await.map_err(again)
    }

    /// A provider has begun. Nothing of what it says is looked at: where it sends people, if that is a place of ours, they
    /// begin to sign in with it.
    fn begin_instead(
        &self,
        visit: &Visit,
        name: &str,
        begun: &IdpInitiated,
        wanted: &str,
    ) -> Result<Response<Bytes>, Trouble> {
        let ours = |url: &str| {
            let request = visit.request_to(url)?;
            let here = request.host().port() == self.options.host.port();
            visit.gate.wanted(&request, self.options.host.name()).filter(|_| here)?;
            Some((request.origin(), request.target()))
        };
        let place = ours(wanted).or_else(|| ours(begun.landing.as_deref()?));
        let nowhere = || {
            let reason = "the provider sends people to no place of ours, and `landing` is none";
            Trouble::refused("landing_unknown", reason).at(name)
        };
        let (origin, to) = place.ok_or_else(nowhere)?;
        let mut form = Form::default();
        form.push("to", &to);
        form.push("provider", name);
        let place = format!("{origin}{}/sign-in", gate::RESERVED_PREFIX);
        redirect(&form.behind(&place)).ok_or_else(|| Trouble::ours("no way leads on"))
    }
}

/// The sign-in that an answer is about.
fn answered(
    state: &str,
    opened: Result<(Underway, Timestamp), SealBroken>,
) -> Result<(Underway, Timestamp), Trouble> {
    opened.map_err(|broken| match broken {
        SealBroken::NotOurs if state.is_empty() => {
            let reason = "nobody asked for it: the provider began by itself (`idp_initiated`)";
            Trouble::refused("answer_unasked", reason)
        }
        SealBroken::NotOurs => Trouble::refused("state_forged", "`RelayState` is not ours"),
        SealBroken::Over => Trouble::refused("state_over", "`RelayState` is too old"),
    })
}

/// What was said, and when, as it is left.
fn to_bytes(signed_in: &SignIn, at: Timestamp) -> Vec<u8> {
    let left = json!({
        "facts": signed_in.facts.to_json(),
        "session": signed_in.provider_session,
        "ends_at": signed_in.ends_at.map(Timestamp::as_millis),
        "named": signed_in.keepsakes.named.as_ref().map(Named::to_json),
        "at": at.as_millis(),
    });
    left.to_string().into_bytes()
}

/// Reads what [`to_bytes`] wrote; nothing of what another version wrote that is not understood.
fn from_bytes(left: &Secrets) -> Option<(SignIn, Timestamp)> {
    let left: Value = serde_json::from_slice(left.as_bytes()).ok()?;
    let moment = |value: &Value| value.as_u64().map(Timestamp::from_millis);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let facts = Facts::from_json(left.get("facts")?.as_str()?.as_bytes()).ok()?;
    let signed_in = SignIn {
        facts,
        provider_session: optional(&left, "session", text)?,
        ends_at: optional(&left, "ends_at", moment)?,
        keepsakes: Keepsakes {
            named: optional(&left, "named", Named::from_json)?,
            ..Keepsakes::default()
        },
    };
    Some((signed_in, moment(left.get("at")?)?))
}

/// A member that may be `null`: what is there and is not understood, is not nothing.
fn optional<T>(of: &Value, name: &str, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    match of.get(name)? {
        Value::Null => Some(None),
        value => read(value).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use saml::NameId;
    use tokens::SubjectKind;

    use super::*;
    use crate::provider::test_provider::now;

    fn signed_in(full: bool) -> SignIn {
        let name = NameId { for_us: true, ..NameId::new("alice", "urn:example:format") };
        let named = Named { name, session: Some("s-1".to_owned()) };
        let facts = Facts {
            subject: "alice".to_owned(),
            kind: SubjectKind::User,
            groups: vec!["support".to_owned()],
            claims: Default::default(),
            acr: None,
            amr: Vec::new(),
            auth_time: Some(now()),
        };
        SignIn {
            facts,
            provider_session: full.then(|| "session".to_owned()),
            ends_at: full.then(now),
            keepsakes: Keepsakes { named: full.then_some(named), ..Keepsakes::default() },
        }
    }

    #[test]
    fn what_was_left_is_found_as_it_was() {
        for full in [true, false] {
            let left = signed_in(full);
            let (found, at) = from_bytes(&Secrets::new(to_bytes(&left, now()))).unwrap();
            assert_eq!(at, now());
            assert_eq!(
                (found.facts, found.provider_session, found.ends_at, found.keepsakes.named),
                (left.facts, left.provider_session, left.ends_at, left.keepsakes.named)
            );
        }
    }

    #[test]
    fn what_another_version_left_is_not_guessed_at() {
        let left: Value = serde_json::from_slice(&to_bytes(&signed_in(true), now())).unwrap();
        for (name, other) in [
            ("facts", json!("{}")),
            ("session", json!(1)),
            ("ends_at", json!("soon")),
            ("named", json!({ "value": "alice" })),
            ("at", Value::Null),
        ] {
            let [mut changed, mut without] = [left.clone(), left.clone()];
            changed[name] = other;
            without.as_object_mut().unwrap().remove(name);
            for left in [changed, without] {
                let left = Secrets::new(left.to_string().into_bytes());
                assert!(from_bytes(&left).is_none(), "{name}");
            }
        }
    }
}
