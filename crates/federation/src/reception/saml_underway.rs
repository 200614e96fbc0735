//! Sign-ins that are under way at providers with SAML: what comes back with an answer may have 80 bytes ([bindings]
//! §3.4.3), so the browser that began keeps the rest in cookies. It keeps a few, so that tabs can sign in side by side.

use std::time::Duration;

use http::HeaderValue;
use tokens::{Digest, Timestamp};

use super::cookies;
use super::seals::{Begun, SIGN_IN_WITHIN, SamlUnderway};
use super::trouble::Trouble;
use super::{Reception, Visit};

/// The cookies. Who begins more often loses the oldest.
const SLOTS: [&str; 4] = [
    "__Host-doorward-saml-1",
    "__Host-doorward-saml-2",
    "__Host-doorward-saml-3",
    "__Host-doorward-saml-4",
];
/// How long the value of a cookie may be, in bytes: all of them together fit into what proxies take for one header, which
/// is 8 KiB for many.
const MAX_VALUE: usize = 1_700;

impl Reception {
    /// The cookie that keeps a sign-in with this state until then.
    pub(super) fn keep_underway(
        &self,
        visit: &Visit,
        begun: Begun,
        state: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<HeaderValue>, Trouble> {
        let mut underway = SamlUnderway { begun, state: digest(state) };
        // One is chosen.
        underway.begun.asked.providers.clear();
        let close = |underway: &SamlUnderway| {
            let sealed = self.saml_underway.close(underway, until, &*self.house.random);
            sealed.map_err(|_| Trouble::ours("nothing can be sealed"))
        };
        let mut value = close(&underway)?;
        if value.len() > MAX_VALUE {
            // They come to the start of the host, rather than nowhere.
            underway.begun.asked.to = "/".to_owned();
            value = close(&underway)?;
        }
        if value.len() > MAX_VALUE {
            return Err(Trouble::ours("what is asked of the person is too long for a cookie"));
        }
        let slot = self.slot_for_another(visit, now)?;
        Ok(cookies::set(slot, &value, Some(SIGN_IN_WITHIN)))
    }

    /// The sign-in with this state, if this browser began it, and what takes its cookie away.
    pub(super) fn begun_here(
        &self,
        visit: &Visit,
        state: &str,
        now: Timestamp,
    ) -> Option<(Begun, Option<HeaderValue>)> {
        let (digest, browser) = (digest(state), visit.browser_digest()?);
        let mut all = SLOTS.iter().filter_map(|slot| Some((self.slot(visit, slot, now)?.0, slot)));
        let here = |(it, _): &(SamlUnderway, _)| it.state == digest && it.begun.browser == browser;
        let (underway, slot) = all.find(here)?;
        Some((underway.begun, cookies::set(slot, "", Some(Duration::ZERO))))
    }

    /// One that is free, by chance, as tabs may begin at the same moment; or else the one whose sign-in is over first.
    fn slot_for_another(&self, visit: &Visit, now: Timestamp) -> Result<&'static str, Trouble> {
        let mut byte = [0];
        let random = self.house.random.fill(&mut byte);
        random.map_err(|_| Trouble::ours("there is no randomness"))?;
        let first = usize::from(byte[0]) % SLOTS.len();
        let turned = SLOTS.iter().cycle().skip(first).take(SLOTS.len());
        let ends = turned.map(|slot| (self.slot(visit, slot, now).map(|(_, until)| until), *slot));
        let soonest = ends.min_by_key(|(until, _)| *until);
        soonest.map(|(_, slot)| slot).ok_or_else(|| Trouble::ours("there is no cookie for it"))
    }

    fn slot(&self, visit: &Visit, slot: &str, now: Timestamp) -> Option<(SamlUnderway, Timestamp)> {
        self.saml_underway.open(visit.request.own_cookie(slot)?, now).ok()
    }
}

/// What stands for a state, in the ID of its request too.
pub(super) fn digest(state: &str) -> String {
    Digest::of(state).to_string()
}
