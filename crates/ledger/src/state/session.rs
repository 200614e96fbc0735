//! A session, going into the ledger and coming out of it.

use std::fmt;
use std::time::Duration;

use tokens::{Digest, SessionId, Timestamp};

/// What only the gate may know of a session: the provider's tokens. The ledger keeps them sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(Vec<u8>);

impl Secrets {
    /// These bytes, at most [`super::MAX_SECRETS_BYTES`].
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// A session whose provider is to be asked anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Where the person signed in.
    pub provider: String,
    /// What the provider vouches for, as JSON.
    pub facts: Vec<u8>,
    /// The provider's tokens.
    pub secrets: Secrets,
}

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its name, never used before.
    pub id: SessionId,
    /// The digest of its first cookie's value.
    pub cookie: Digest,
    /// The host whose cookie that is.
    pub host: String,
    /// Where the person signed in.
    pub provider: String,
    /// Who it is, as the provider wrote it.
    pub subject: String,
    /// What the provider calls the session: `sid` (OpenID Connect Back-Channel Logout 1.0 §2.1).
    pub provider_session: Option<String>,
    /// What else the provider calls the subject, where it ends sessions by a name that is not `subject`: a digest of it.
    pub alias: Option<Digest>,
    /// What the provider vouches for, as JSON; means nothing here.
    pub facts: Vec<u8>,
    /// The provider's tokens.
    pub secrets: Option<Secrets>,
    /// A moment before its provider vouched for it.
    pub vouched_at: Timestamp,
    /// When it begins.
    pub began_at: Timestamp,
    /// When it is over, whatever happens.
    pub ends_at: Timestamp,
    /// How long it lasts without being seen.
    pub idle: Duration,
    /// From when on its facts are to be asked for anew.
    pub refresh_at: Option<Timestamp>,
    /// The session that it takes the place of, which ends.
    pub replaces: Option<SessionId>,
}

/// What a refresh has brought.
#[derive(Clone, Debug)]
pub struct NewFacts {
    /// What the provider vouches for now.
    pub facts: Vec<u8>,
    /// The provider's new tokens; `None` keeps those at hand.
    pub secrets: Option<Secrets>,
    /// Until when the facts may be used, if they are those that the session has already; `None` if they are others.
    pub same_until: Option<Timestamp>,
    /// From when on to ask again; `None` for never.
    pub refresh_at: Option<Timestamp>,
    /// Until when the refresh was claimed: if somebody else has claimed it since, nothing is replaced. `None` replaces
    /// without a claim.
    pub claim: Option<Timestamp>,
}

/// A live session, as one of its cookies finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Its name.
    pub id: SessionId,
    /// The host whose cookie found it.
    pub host: String,
    /// Where the person signed in.
    pub provider: String,
    /// Who it is, as the provider wrote it.
    pub subject: String,
    /// What the provider vouches for, as JSON.
    pub facts: Vec<u8>,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last seen.
    pub seen_at: Timestamp,
    /// When it is over, whatever happens.
    pub ends_at: Timestamp,
    /// How long it lasts without being seen.
    pub idle: Duration,
    /// From when on its facts are to be asked for anew.
    pub refresh_at: Option<Timestamp>,
}

/// A live session, in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    /// Its name.
    pub id: SessionId,
    /// Where the person signed in.
    pub provider: String,
    /// Who it is, as the provider wrote it.
    pub subject: String,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last seen.
    pub seen_at: Timestamp,
    /// When it is over, whatever happens.
    pub ends_at: Timestamp,
    /// How long it lasts without being seen.
    pub idle: Duration,
}

/// Which sessions to list; what is `None` leaves out none.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Those that began at this provider.
    pub provider: Option<String>,
    /// Those of this subject.
    pub subject: Option<String>,
}
