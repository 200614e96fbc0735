//! From the sign-in host to the one that somebody wants to go to: that gets a cookie of its own, so that what one host
//! loses opens no other.

use bytes::Bytes;
use gate::SESSION_COOKIE;
use http::Response;
use ledger::state::Purpose;
use tokens::{Digest, SessionId, Timestamp};

use super::cookies;
use super::page::{redirect, with_cookie};
use super::seals::{Asked, PASS_WITHIN, Pass, SealBroken};
use super::trouble::Trouble;
use super::{Reception, Visit};
use crate::form::Form;
use crate::provider::unguessable;

impl Reception {
    /// Sends somebody who is signed in on to where they want to go.
    pub(super) fn let_on(
        &self,
        asked: &Asked,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let lost = || Trouble::ours("no way leads on");
        if asked.origin == self.options.url {
            return redirect(&asked.to).ok_or_else(lost);
        }
        let number = unguessable(&*self.house.random);
        let pass = Pass {
            session: session.to_string(),
            origin: asked.origin.clone(),
            to: asked.to.clone(),
            browser: asked.browser.clone(),
            number: number.map_err(|error| Trouble::ours(&error.to_string()))?,
        };
        let sealed = self.pass.close(&pass, now.plus(PASS_WITHIN), &*self.house.random);
        let sealed = sealed.map_err(|_| Trouble::ours("nothing can be sealed"))?;
        let mut form = Form::default();
        form.push("pass", &sealed);
        let to = form.behind(&format!("{}{}/enter", asked.origin, gate::RESERVED_PREFIX));
        redirect(&to).ok_or_else(lost)
    }

    /// Somebody comes with a pass.
    pub(super) async fn enter(
        &self,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let sealed = visit.query().and_then(|mut query| query.take("pass")).unwrap_or_default();
        let (pass, until): (Pass, _) =
            self.pass.open(&sealed, now).map_err(|broken| match broken {
                SealBroken::NotOurs => Trouble::refused("pass_forged", "the pass is not ours"),
                SealBroken::Over => Trouble::refused("pass_over", "the pass is too old"),
            })?;
        if pass.origin != visit.request.origin() || !self.is_ours(visit) {
            return Err(Trouble::refused("pass_of_other_host", "the pass is for another host"));
        }
        if visit.browser_digest().as_deref() != Some(pass.browser.as_str()) {
            let reason = "another browser asked for the pass";
            return Err(Trouble::refused("pass_of_other_browser", reason));
        }
        let again = |trouble: Trouble| trouble.again_at(&pass.origin, &pass.to);
        let ledger = self.house.sessions.ledger();
        let first = ledger.use_once(Purpose::Handoff, Digest::of(&pass.number), until, now).await;
        if !first.map_err(|error| again(Trouble::ledger(&error)))? {
            return Err(again(Trouble::refused("pass_replayed", "the pass was used before")));
        }
        let id: SessionId =
            pass.session.parse().map_err(|_| Trouble::ours("a pass names no session"))?;
        let cookie = self.house.sessions.new_cookie(&*self.house.random);
        let cookie = cookie.map_err(|_| Trouble::ours("there is no randomness"))?;
        let host = visit.request.host().name();
        let added = ledger.add_cookie(id, *cookie.digest(), host, now).await;
        if !added.map_err(|error| again(Trouble::ledger(&error)))? {
            return Err(again(Trouble::refused("session_ended", "the session has ended since")));
        }
        let response = redirect(&pass.to).ok_or_else(|| Trouble::ours("no way leads on"))?;
        let lasts = Some(self.options.lifetime);
        Ok(with_cookie(response, cookies::set(SESSION_COOKIE, cookie.value(), lasts)))
    }
}
