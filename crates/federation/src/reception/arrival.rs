//! Somebody is sent to sign in, from the host that they want to go to, and has to be sent on to where that is done.

use bytes::Bytes;
use gate::Wanted;
use http::Response;
use tokens::{Digest, Timestamp};

use super::cookies::{self, BROWSER};
use super::page::{redirect, with_cookie};
use super::seals::{Asked, SIGN_IN_WITHIN};
use super::trouble::Trouble;
use super::{Reception, Visit};
use crate::form::{Form, Parameters};
use crate::provider::unguessable;

impl Reception {
    /// Somebody wants to sign in: here, or on the host that they come from.
    pub(super) async fn sign_in(
        &self,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let unreadable = || Trouble::refused("unreadable", "the query has no one reading");
        let mut query = visit.query().ok_or_else(unreadable)?;
        match query.take("request") {
            None => self.arrive(visit, query, now),
            Some(_) if visit.request.origin() != self.options.url => Err(Trouble::NOWHERE),
            Some(sealed) => self.choose(visit, &sealed, query, now).await,
        }
    }

    /// Sends somebody from the host that they want to go to, to where they sign in.
    fn arrive(
        &self,
        visit: &Visit,
        mut query: Parameters,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        if !visit.keeps_cookies() {
            return Err(Trouble::insecure());
        }
        if !self.is_ours(visit) {
            return Err(Trouble::NOWHERE);
        }
        let to = query.take("to").unwrap_or_else(|| "/".to_owned());
        let elsewhere = || Trouble::refused("return_elsewhere", "`to` is no place on this host");
        let next = visit.request_for(&to).ok_or_else(elsewhere)?;
        let wanted = visit.gate.wanted(&next, self.options.host.name()).ok_or(Trouble::NOWHERE)?;
        let (browser, cookie) = self.known_browser(visit)?;
        let asked = asked(visit.request.origin(), next.target(), wanted, &browser);
        let until = now.plus(SIGN_IN_WITHIN);
        let sealed = self.asked.close(&asked, until, &*self.house.random);
        let sealed = sealed.map_err(|_| Trouble::ours("nothing can be sealed"))?;
        let mut form = Form::default();
        form.push("request", &sealed);
        // One that the route does not accept is not chosen.
        if let Some(provider) = query.take("provider") {
            form.push("provider", &provider);
        }
        let to = form.behind(&format!("{}{}/sign-in", self.options.url, gate::RESERVED_PREFIX));
        let response = redirect(&to).ok_or_else(|| Trouble::ours("no way leads to sign in"))?;
        Ok(with_cookie(response, cookie))
    }

    /// Whether the visit came by the port that this gate is known by. Whoever has another port of the host would be sent
    /// what opens the host: cookies do not tell ports apart.
    pub(super) fn is_ours(&self, visit: &Visit) -> bool {
        visit.request.host().port() == self.options.host.port()
    }

    /// By which cookie we know the browser here, and that cookie if it has to be set first.
    pub(super) fn known_browser(
        &self,
        visit: &Visit,
    ) -> Result<(String, Option<http::HeaderValue>), Trouble> {
        if let Some(value) = visit.browser() {
            return Ok((value.to_owned(), None));
        }
        let value = unguessable(&*self.house.random);
        let value = value.map_err(|error| Trouble::ours(&error.to_string()))?;
        let cookie = cookies::set(BROWSER, &value, None);
        Ok((value, cookie))
    }
}

fn asked(origin: String, to: String, wanted: Wanted, browser: &str) -> Asked {
    Asked {
        origin,
        to,
        providers: wanted.providers.iter().map(ToString::to_string).collect(),
        acr: wanted.step_up.acr,
        max_age: wanted.step_up.max_age.map(|age| age.as_secs()),
        browser: Digest::of(browser).to_string(),
    }
}
