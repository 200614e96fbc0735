//! Somebody comes back from a provider with SAML: with a form that a page of the provider sends, and so without our
//! cookies. What it says is believed or refused at once, and left in the ledger until the same browser fetches it, with
//! the cookie by which it began.
//!
//! ```text
//! POST callback/corp: SAMLResponse, RelayState ─▶ believed ─▶ left ─▶ 303 with a ticket
//! GET  callback/corp?RelayState=…&ticket=…: collected ─▶ the browser that began? ─▶ session
//! ```

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use ledger::state::{ENDING_KEPT, Purpose, Secrets};
use saml::read_post;
use serde_json::{Value, json};
use tokens::{Digest, Facts, Timestamp};

use super::choosing::wish;
use super::page::{guarded, redirect, with_cookie};
use super::saml_underway::digest;
use super::seals::{SIGN_IN_WITHIN, SealBroken};
use super::trouble::Trouble;
use super::{Reception, Visit, place};
use crate::form::Form;
use crate::provider::{IdpInitiated, Keepsakes, Named, SignIn, unguessable};

/// How long what a provider said is left for the browser to fetch.
const LEFT_FOR: Duration = Duration::from_mins(1);

// Whoever ends sessions is heard until what was vouched for before has begun or is over.
const _: () = assert!(SIGN_IN_WITHIN.as_secs() + LEFT_FOR.as_secs() < ENDING_KEPT.as_secs());

/// The ID of the request with this state: an NCName, which may not begin with a digit.
pub(super) fn request_id(state: &str) -> String {
    format!("_{}", digest(state))
}

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
        let unreadable = |what| Trouble::refused("answer_unreadable", what);
        let form = visit.form().ok_or_else(|| unreadable("the form has no one reading"));
        let mut form = form?;
        let field = form.take("SAMLResponse");
        let field = field.ok_or_else(|| unreadable("there is no `SAMLResponse`"))?;
        let state = form.take("RelayState").unwrap_or_default();
        let (offered, provider) = self.saml(name).ok_or_else(|| self.none_of_the_name(name))?;
        let at_provider = |trouble: Trouble| trouble.at(offered.name());
        let until =
            match (self.saml_state.open(&state, name, now), &provider.options().idp_initiated) {
                (Ok(until), _) => until,
                (Err(SealBroken::NotOurs), Some(begun)) if !mentions_a_request(&field) => {
                    return self.begin_instead(visit, name, begun, &state);
                }
                (Err(broken), _) => return Err(at_provider(broken_state(&state, &field, broken))),
            };
        let calls = self.calls.get(offered.name());
        let _place = place(calls, |calls| &calls.answered).await.map_err(at_provider)?;
        let (party, id) = (Arc::clone(provider), request_id(&state));
        let finished = self.verified(move || party.finish(&field, &id, now)).await;
        // Anybody can have said that the provider declines: it uses nothing up.
        let answered = finished.map_err(at_provider)?;
        let answered = answered.map_err(|refusal| at_provider(Trouble::not_believed(&refusal)))?;
        let ledger = self.house.sessions.ledger();
        let first = ledger.use_once(Purpose::SignIn, answered.once, answered.until, now).await;
        if !first.map_err(|error| at_provider(Trouble::ledger(&error)))? {
            let reason = "the assertion came before";
            return Err(at_provider(Trouble::refused("answer_replayed", reason)));
        }
        // Only the browser that brings the answer learns the ticket: whoever else knows the state, as who has made
        // somebody bring an answer to a request of theirs, cannot fetch it.
        let ticket = unguessable(&*self.house.random);
        let ticket = ticket.map_err(|error| at_provider(Trouble::ours(&error.to_string())))?;
        // The provider's word is younger than the request.
        let vouched_at = until.minus(SIGN_IN_WITHIN);
        let left = to_bytes(&answered.signed_in, &offered.revision, vouched_at);
        let (left, until) = (Secrets::new(left), until.min(now.plus(LEFT_FOR)));
        let kept = ledger.leave(name_of(&state, &ticket), left, until, now).await;
        kept.map_err(|error| at_provider(Trouble::ledger(&error)))?;
        let mut form = Form::default();
        form.push("RelayState", &state);
        form.push("ticket", &ticket);
        let here = format!("{}{}/callback/{name}", self.options.url, gate::RESERVED_PREFIX);
        redirect(&form.behind(&here)).ok_or_else(|| Trouble::ours("no way leads on"))
    }

    /// The browser fetches what the provider has said.
    pub(super) async fn land(
        &self,
        visit: &Visit,
        name: &str,
        (state, ticket): (String, String),
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let until = self.saml_state.open(&state, name, now);
        let until = until.map_err(|broken| broken_state(&state, "", broken))?;
        let ledger = self.house.sessions.ledger();
        // Whoever comes with it, it is there no longer.
        let left = ledger.collect(name_of(&state, &ticket), now).await;
        let (begun, over) = self.begun_here(visit, &state, now).ok_or_else(|| {
            let reason = "another browser began the sign-in, or this one keeps no cookies";
            Trouble::refused("browser_other", reason).at(name)
        })?;
        // From here on it is the browser that began: it may be told where it wanted to go.
        let again =
            |trouble: Trouble| trouble.at(name).again_at(&begun.asked.origin, &begun.asked.to);
        let offered = self.offered_of(&begun).map_err(again)?;
        let provider = offered.provider.saml().ok_or_else(|| again(Trouble::changed()))?;
        let left = left.map_err(|error| again(Trouble::ledger(&error)))?;
        let gone =
            || Trouble::refused("answer_gone", "no answer was left, or it was fetched before");
        let left = left.as_ref().and_then(from_bytes).ok_or_else(|| again(gone()))?;
        if left.revision != begun.revision {
            return Err(again(Trouble::changed()));
        }
        let first = ledger.use_once(Purpose::SignIn, Digest::of(&state), until, now).await;
        if !first.map_err(|error| again(Trouble::ledger(&error)))? {
            return Err(again(Trouble::refused("state_replayed", "`RelayState` was used before")));
        }
        let assured = provider.assured(&left.signed_in.facts, &wish(&begun.asked), now);
        assured.map_err(|refusal| again(Trouble::not_believed(&refusal)))?;
        let signed_in = (left.signed_in, left.vouched_at);
        let welcome = self.welcome(visit, offered, signed_in, &begun.asked, now).await;
        Ok(with_cookie(welcome.map_err(again)?, over))
    }

    /// Why there is no provider of a name that answers here.
    fn none_of_the_name(&self, name: &str) -> Trouble {
        if self.options.disabled.iter().any(|disabled| disabled == name) {
            return Trouble::changed();
        }
        Trouble::refused("provider_unknown", "there is no provider of the name in the path")
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

/// Whether an answer speaks of a request, of which the provider should then have brought back the state.
fn mentions_a_request(field: &str) -> bool {
    let mark = b"InResponseTo";
    read_post(field).is_ok_and(|it| it.as_bytes().windows(mark.len()).any(|part| part == mark))
}

fn broken_state(state: &str, field: &str, broken: SealBroken) -> Trouble {
    match broken {
        SealBroken::NotOurs if state.is_empty() && mentions_a_request(field) => {
            Trouble::refused("state_missing", "the provider has not brought back `RelayState`")
        }
        SealBroken::NotOurs if state.is_empty() => {
            let reason = "nobody asked for it: the provider began by itself (`idp_initiated`)";
            Trouble::refused("answer_unasked", reason)
        }
        SealBroken::NotOurs => {
            Trouble::refused("state_forged", "`RelayState` is not ours, or of another provider")
        }
        SealBroken::Over => Trouble::refused("state_over", "`RelayState` is too old"),
    }
}

/// By what an answer is found that was left.
fn name_of(state: &str, ticket: &str) -> Digest {
    Digest::of(&format!("{state} {ticket}"))
}

/// What was said, as it is left.
struct Left {
    signed_in: SignIn,
    /// The options under which it was believed.
    revision: String,
    vouched_at: Timestamp,
}

fn to_bytes(signed_in: &SignIn, revision: &str, vouched_at: Timestamp) -> Vec<u8> {
    let left = json!({
        "facts": signed_in.facts.to_json(),
        "session": signed_in.provider_session,
        "ends_at": signed_in.ends_at.map(Timestamp::as_millis),
        "named": signed_in.keepsakes.named.as_ref().map(Named::to_json),
        "revision": revision,
        "vouched_at": vouched_at.as_millis(),
    });
    left.to_string().into_bytes()
}

/// Reads what [`to_bytes`] wrote; nothing of what another version wrote that is not understood.
fn from_bytes(left: &Secrets) -> Option<Left> {
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
    let revision = text(left.get("revision")?)?;
    Some(Left { signed_in, revision, vouched_at: moment(left.get("vouched_at")?)? })
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
            let Left { signed_in: found, revision, vouched_at } =
                from_bytes(&Secrets::new(to_bytes(&left, "r-1", now()))).unwrap();
            assert_eq!((revision.as_str(), vouched_at), ("r-1", now()));
            assert_eq!(
                (found.facts, found.provider_session, found.ends_at, found.keepsakes.named),
                (left.facts, left.provider_session, left.ends_at, left.keepsakes.named)
            );
        }
    }

    #[test]
    fn what_another_version_left_is_not_guessed_at() {
        let left: Value =
            serde_json::from_slice(&to_bytes(&signed_in(true), "r-1", now())).unwrap();
        for (name, other) in [
            ("facts", json!("{}")),
            ("session", json!(1)),
            ("ends_at", json!("soon")),
            ("named", json!({ "value": "alice" })),
            ("revision", Value::Null),
            ("vouched_at", Value::Null),
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
