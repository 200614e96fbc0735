//! What browsers carry for us: sealed, so that they can neither read nor change it, and good for a few minutes.
//!
//! Nothing of a sign-in under way is kept here. Who only begins costs us nothing, however often, and a browser can have
//! as many under way as it likes.

use std::time::Duration;

use aws_lc_rs::rand::SecureRandom;
use gate::route::StepUp;
use ledger::{OperatorKey, SealError, Sealer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokens::Timestamp;

/// How long a person may take to sign in.
pub(super) const SIGN_IN_WITHIN: Duration = Duration::from_secs(15 * 60);
/// How long a browser may take from one host of ours to another.
pub(super) const PASS_WITHIN: Duration = Duration::from_secs(60);

/// What somebody wants who is sent to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The origin that the browser came from, and goes back to.
    pub(super) origin: String,
    /// Path and query there.
    pub(super) to: String,
    /// The providers, any of which will do.
    pub(super) providers: Vec<String>,
    /// One of these must be the `acr`; empty for any.
    pub(super) acr: Vec<String>,
    /// How long ago the person may have signed in at most, in seconds.
    pub(super) max_age: Option<u64>,
    /// The digest of the cookie by which we know the browser at that origin.
    pub(super) browser: String,
}

impl Asked {
    /// How surely the person must be known.
    pub(super) fn step_up(&self) -> StepUp {
        StepUp { acr: self.acr.clone(), max_age: self.max_age.map(Duration::from_secs) }
    }
}

/// A sign-in that was begun at a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) asked: Asked,
    pub(super) provider: String,
    /// The options of the provider when it was begun.
    pub(super) revision: String,
    /// The digest of the cookie by which we know the browser at the sign-in host.
    pub(super) browser: String,
}

/// A sign-in that is under way at a provider with OpenID Connect or OAuth 2.0: its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Underway {
    pub(super) begun: Begun,
    pub(super) nonce: String,
    pub(super) verifier: String,
}

/// A sign-in that is under way at a provider with SAML: a cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SamlUnderway {
    pub(super) begun: Begun,
    /// The digest of its state.
    pub(super) state: String,
}

/// Leave to take up a session on another host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pass {
    /// The session's id.
    pub(super) session: String,
    pub(super) origin: String,
    pub(super) to: String,
    /// The digest of the cookie by which we know the browser at that origin.
    pub(super) browser: String,
    /// No other has it.
    pub(super) number: String,
}

/// A sign-out that is under way at a provider with SAML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leaving {
    pub(super) provider: String,
    /// The ID of our request.
    pub(super) request: String,
}

/// What is good for a while.
#[derive(Serialize, Deserialize)]
struct Lasting<T> {
    /// When it is over, in milliseconds.
    until: u64,
    thing: T,
}

/// A seal for one kind of thing: what was sealed as one is none of another.
#[derive(Debug)]
pub(super) struct Seal(Sealer);

impl Seal {
    pub(super) fn new(key: &OperatorKey, kind: &'static str) -> Self {
        Self(key.sealer(kind))
    }

    /// Seals `thing`, which is good until then.
    pub(super) fn close(
        &self,
        thing: &impl Serialize,
        until: Timestamp,
        random: &dyn SecureRandom,
    ) -> Result<String, SealError> {
        let lasting = Lasting { until: until.as_millis(), thing };
        let plain = serde_json::to_vec(&lasting).map_err(|_| SealError)?;
        self.0.seal(&plain, b"", random)
    }

    /// What `text` is, and until when, if we have sealed it and it is not over.
    pub(super) fn open<T: DeserializeOwned>(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<(T, Timestamp), SealBroken> {
        let plain = self.0.open(text, b"").ok_or(SealBroken::NotOurs)?;
        let lasting: Lasting<T> =
            serde_json::from_slice(&plain).map_err(|_| SealBroken::NotOurs)?;
        let until = Timestamp::from_millis(lasting.until);
        if now < until { Ok((lasting.thing, until)) } else { Err(SealBroken::Over) }
    }
}

/// A seal for a moment alone, of which the text is no longer than SAML lets a state be.
#[derive(Debug)]
pub(super) struct Stamp(Sealer);

impl Stamp {
    pub(super) fn new(key: &OperatorKey, kind: &'static str) -> Self {
        Self(key.sealer(kind))
    }

    /// A text that is good until then for `whose` alone, and that nobody else has.
    pub(super) fn close(
        &self,
        until: Timestamp,
        whose: &str,
        random: &dyn SecureRandom,
    ) -> Result<String, SealError> {
        let [_, _, millis @ ..] = until.as_millis().to_be_bytes();
        self.0.seal(&millis, whose.as_bytes(), random)
    }

    /// Until when `text` is good for `whose`, if we have made it and it is not over.
    pub(super) fn open(
        &self,
        text: &str,
        whose: &str,
        now: Timestamp,
    ) -> Result<Timestamp, SealBroken> {
        let plain = self.0.open(text, whose.as_bytes()).ok_or(SealBroken::NotOurs)?;
        let [a, b, c, d, e, f] = *plain else { return Err(SealBroken::NotOurs) };
        let until = Timestamp::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f]));
        if now < until { Ok(until) } else { Err(SealBroken::Over) }
    }
}

/// Why what a browser carries is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealBroken {
    /// We have not sealed it, or something else.
    NotOurs,
    /// It was good once.
    Over,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::test_provider::{now, random};

    fn key() -> OperatorKey {
        OperatorKey::new(&[7; 32])
    }

    fn pass() -> Pass {
        Pass {
            session: "0".repeat(32),
            origin: "https://orders.example.com".to_owned(),
            to: "/".to_owned(),
            browser: "b".to_owned(),
            number: "n".to_owned(),
        }
    }

    #[test]
    fn what_was_sealed_is_good_until_it_is_over() {
        let seal = Seal::new(&key(), "pass");
        let sealed = seal.close(&pass(), now(), &*random()).unwrap();
        let before = now().minus(Duration::from_millis(1));
        assert_eq!(seal.open(&sealed, before), Ok((pass(), now())));
        assert_eq!(seal.open::<Pass>(&sealed, now()), Err(SealBroken::Over));
    }

    #[test]
    fn what_is_sealed_as_one_thing_or_by_another_key_is_not_ours() {
        let (random, before) = (random(), Timestamp::from_secs(0));
        let sealed = Seal::new(&key(), "pass").close(&pass(), now(), &*random).unwrap();
        let other = Seal::new(&key(), "state").open::<Pass>(&sealed, before);
        assert_eq!(other, Err(SealBroken::NotOurs));
        let stranger = Seal::new(&OperatorKey::new(&[8; 32]), "pass");
        assert_eq!(stranger.open::<Pass>(&sealed, before), Err(SealBroken::NotOurs));
    }

    #[test]
    fn a_stamp_is_good_until_then_for_whom_it_is_and_short() {
        let stamp = Stamp::new(&key(), "stamp");
        let [one, other] = [0; 2].map(|_| stamp.close(now(), "corp", &*random()).unwrap());
        assert_ne!(one, other);
        // [bindings] §3.4.3.
        assert!(one.len() <= 80, "{one}");
        let before = now().minus(Duration::from_millis(1));
        assert_eq!(stamp.open(&one, "corp", before), Ok(now()));
        assert_eq!(stamp.open(&one, "corp", now()), Err(SealBroken::Over));
        assert_eq!(stamp.open(&one, "other", before), Err(SealBroken::NotOurs));
        assert_eq!(stamp.open("", "corp", before), Err(SealBroken::NotOurs));
        let sealed = Seal::new(&key(), "stamp").close(&"12345", now(), &*random()).unwrap();
        assert_eq!(stamp.open(&sealed, "corp", before), Err(SealBroken::NotOurs));
    }

    #[test]
    fn what_was_changed_in_any_place_is_not_ours() {
        let seal = Seal::new(&key(), "pass");
        let sealed = seal.close(&pass(), now(), &*random()).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let opened = seal.open::<Pass>(&changed, Timestamp::from_secs(0));
            assert_eq!(opened, Err(SealBroken::NotOurs), "changed at {at}");
        }
        assert_eq!(seal.open::<Pass>("", now()), Err(SealBroken::NotOurs));
    }
}
