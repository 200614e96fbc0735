//! Sessions: people who have signed in, known by a cookie that says nothing by itself.

use std::fmt;
use std::sync::Arc;

use tokens::{Digest, Facts, Fingerprint, Revision, SessionId, Timestamp};

use crate::identity::Identity;

/// The name of the cookie that a session is known by. `__Host-` binds it to one host and to HTTPS (RFC 6265bis
/// §4.1.3.2); no service is ever sent it.
pub const SESSION_COOKIE: &str = "__Host-doorward";

/// A session cookie, as it was shown: nothing is known of it yet.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCookie {
    digest: Digest,
    value: Box<str>,
}

impl SessionCookie {
    /// The cookie with this value.
    #[must_use]
    pub fn new(value: impl Into<Box<str>>) -> Self {
        let value = value.into();
        Self { digest: Digest::of(&value), value }
    }

    /// The digest of its value, by which it is known everywhere.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its value, which opens what the session opens.
    #[must_use]
    pub const fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for SessionCookie {
    /// Never its value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionCookie({})", self.digest.short())
    }
}

/// How the names of all cookies begin that are ours.
pub(crate) const OUR_COOKIES: &str = SESSION_COOKIE;

/// A session: what its provider has vouched for, where it may be shown and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The provider's name in the configuration.
    pub provider: Arc<str>,
    /// What it has vouched for.
    pub facts: Facts,
    /// What the session is called.
    pub id: SessionId,
    /// The one host that its cookie is good for.
    pub host: Arc<str>,
    /// When it ends whatever happens.
    pub ends_at: Timestamp,
    /// From when on its provider is to be asked anew, if it is.
    pub refresh_at: Option<Timestamp>,
    /// Until when its facts may be used without having been asked for anew.
    pub fresh_until: Timestamp,
    /// The options of the provider under which the facts were found: they hold under no others.
    pub revision: Revision,
    /// Where the ledger's log was when the facts were read: what it says later on may have changed them.
    pub as_of: u64,
}

impl Session {
    /// The first moment at which it is over, or its facts are too old.
    #[must_use]
    pub fn usable_until(&self) -> Timestamp {
        self.ends_at.min(self.fresh_until)
    }

    /// What tells these facts of this session from all others.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_session(self.id.as_bytes(), self.as_of)
    }
}

/// The sessions, as far as they are at hand. Never asks anyone.
pub trait Sessions {
    /// The session of the cookie whose value has this digest.
    fn find(&self, cookie: &Digest, now: Timestamp) -> FoundSession;

    /// Whether a session that was found before still stands, with the same facts, which may still be used.
    fn stands(&self, session: &Session, now: Timestamp) -> bool;
}

/// What is known of a cookie.
#[derive(Clone, Debug)]
pub enum FoundSession {
    /// There is no such session, or no more.
    Ended,
    /// It is this one's.
    Known(Arc<Identity>),
    /// It is not at hand: the ledger has to be asked.
    NotAtHand,
    /// Nobody can say at the moment.
    Unavailable,
}

/// Why a session that was shown does not count. Who shows it is as good as nobody, and can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// It has ended, or never was.
    #[error("the session has ended, or never was")]
    Ended,
    /// Its cookie was set on another host.
    #[error("the session's cookie belongs to another host")]
    OtherHost,
    /// Its provider is not one that the route takes, or disabled.
    #[error("the session's provider is disabled or not accepted on this route")]
    ProviderNotAccepted,
    /// Its provider's options have changed since.
    #[error("the session's provider is set up otherwise by now")]
    ProviderChanged,
}

impl SessionRefusal {
    /// A stable label for metrics and records.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ended => "session_ended",
            Self::OtherHost => "session_of_other_host",
            Self::ProviderNotAccepted => "provider_not_accepted",
            Self::ProviderChanged => "provider_changed",
        }
    }
}
