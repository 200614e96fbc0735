//! The codes that browsers carry to the gate: each is good once, for a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::people::Person;

/// How long a code is good, in seconds.
const LIFETIME: u64 = 60;
/// How many codes are out at most; with one more, those before it are void.
const MAX_CODES: usize = 1000;

/// What a code stands for.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) person: &'static Person,
    pub(super) redirect_uri: String,
    pub(super) nonce: String,
    /// The digest of what only the one who began knows (RFC 7636).
    pub(super) challenge: String,
    /// When the person signed in, in seconds.
    pub(super) at: u64,
}

impl Granted {
    /// Whether `verifier` is what the one who began knows.
    pub(super) fn is_of(&self, verifier: &str) -> bool {
        let found = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        !verifier.is_empty() && found == self.challenge
    }
}

/// The codes that are out.
#[derive(Debug, Default)]
pub(super) struct Codes(Mutex<HashMap<String, Granted>>);

impl Codes {
    pub(super) fn put(&self, code: String, granted: Granted) {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = granted.at;
        codes.retain(|_, granted| now < granted.at + LIFETIME);
        if codes.len() >= MAX_CODES {
            codes.clear();
        }
        codes.insert(code, granted);
    }

    /// What `code` stands for; it does so once.
    pub(super) fn take(&self, code: &str, now: u64) -> Option<Granted> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.remove(code).filter(|granted| now < granted.at + LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::provider::people::PEOPLE;

    fn granted(at: u64) -> Granted {
        Granted {
            person: &PEOPLE[0],
            redirect_uri: String::new(),
            nonce: String::new(),
            // RFC 7636, appendix B.
            challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
            at,
        }
    }

    #[test]
    fn a_code_is_good_once_and_for_a_minute() {
        let codes = Codes::default();
        codes.put("a".to_owned(), granted(1000));
        codes.put("b".to_owned(), granted(1000));
        assert!(codes.take("a", 1059).is_some());
        assert!(codes.take("a", 1059).is_none(), "it was used");
        assert!(codes.take("b", 1060).is_none(), "it is too old");
    }

    #[test]
    fn a_code_is_for_the_one_who_began() {
        let granted = granted(1000);
        assert!(granted.is_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!granted.is_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXx"));
        assert!(!granted.is_of(""));
    }
}
