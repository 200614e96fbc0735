//! The answer to a request for authentication ([profiles] §4.1.4, [core] §3.3): one file per family of rules.

mod assertion;
mod children;
mod conditions;
mod message;
mod refusal;
mod statements;
mod subject;

#[cfg(test)]
#[path = "recorded_tests.rs"]
mod recorded;
#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "wrapping_tests.rs"]
mod wrapping;

use std::collections::BTreeMap;
use std::time::Duration;

use tokens::{SignerCertificate, Timestamp};

use crate::encryption::DecryptionKey;
use crate::name_id::NameId;

pub use message::read_response;
pub use refusal::ResponseRefusal;

/// What an answer must be, to be one for us.
#[derive(Clone, Debug)]
pub struct Expectations<'a> {
    /// The provider: its entity ID.
    pub issuer: &'a str,
    /// Who we are: our entity ID.
    pub audience: &'a str,
    /// Where the answer came in: the URL of our assertion consumer service.
    pub recipient: &'a str,
    /// What it answers.
    pub answers: Answers<'a>,
    /// The provider's certificates that count now.
    pub certificates: &'a [SignerCertificate],
    /// Our keys that it may have encrypted for.
    pub keys: &'a [DecryptionKey],
    /// Whether CBC is decrypted where a signature that was verified before covers it.
    pub danger_cbc: bool,
    /// How far the provider's clock may be from ours.
    pub skew: Duration,
    /// How old an answer may be when it comes.
    pub max_age: Duration,
}

/// What an answer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers<'a> {
    /// The request with this ID, and no other.
    Request(&'a str),
    /// None: the provider began (IdP-initiated). One that claims to answer a request is refused.
    Nothing,
}

impl<'a> Answers<'a> {
    /// What `InResponseTo` must say; nothing if there must be none.
    fn request(self) -> Option<&'a str> {
        match self {
            Self::Request(id) => Some(id),
            Self::Nothing => None,
        }
    }
}

/// What a provider has said of somebody, and its signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Its ID, which comes once.
    pub id: String,
    /// Until when it could be shown again, for whoever remembers IDs.
    pub usable_until: Timestamp,
    /// What the provider calls the subject; nothing if it does not.
    pub name_id: Option<NameId>,
    /// When the subject signed in with the provider.
    pub authenticated_at: Timestamp,
    /// How: an AuthnContextClassRef.
    pub context: Option<String>,
    /// What the provider calls its session, for logout.
    pub session_index: Option<String>,
    /// Until when a session may last, where the provider says that.
    pub session_until: Option<Timestamp>,
    /// The attributes by name. A value that is no text is `None`.
    pub attributes: BTreeMap<String, Vec<Option<String>>>,
}
