//! What the log says, and what can be ended.

use tokens::{Digest, Timestamp};

use super::SessionId;

/// A place in the log: how many entries there are up to it. The first entry has 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub(super) u64);

impl Position {
    /// Before the first entry.
    pub const START: Self = Self(0);

    /// How many entries there are up to it.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// An entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its facts are others now.
    Changed(SessionId),
    /// Its facts have been asked for anew and are the same; they may be used until then.
    Confirmed(SessionId, Timestamp),
    /// It is over, and never comes back.
    Ended(SessionId, EndReason),
}

/// What the log says after a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Where to read on.
    pub upto: Position,
    /// The entries in the order of their commits, each one position after the one before.
    pub entries: Vec<(Position, Change)>,
    /// The log no longer has, or has never had, some of what came after the position: whoever remembers sessions must forget them all.
    pub truncated: bool,
}

/// An operator has ended a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Where the log says so.
    pub position: Position,
    /// The session.
    pub session: SessionId,
    /// By whom and why, as [`super::Ledger::revoke_sessions`] was told.
    pub note: Option<String>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// It was not seen for too long, or has reached its end.
    Expired,
    /// Its provider is disabled.
    ProviderDisabled,
    /// Its provider said so (OpenID Connect Back-Channel Logout 1.0).
    ProviderLogout,
    /// Its provider no longer vouches for it: a refresh was refused.
    RefreshRefused,
    /// The same person signed in anew, in the same browser.
    Replaced,
    /// The operator said so.
    Revoked,
    /// The person signed out.
    SignedOut,
    /// For a reason that a newer version has written.
    Unknown,
}

impl EndReason {
    /// Every reason that is written, by name.
    const NAMES: [(Self, &str); 7] = [
        (Self::Expired, "expired"),
        (Self::ProviderDisabled, "provider_disabled"),
        (Self::ProviderLogout, "provider_logout"),
        (Self::RefreshRefused, "refresh_refused"),
        (Self::Replaced, "replaced"),
        (Self::Revoked, "revoked"),
        (Self::SignedOut, "signed_out"),
    ];

    /// Its name in the ledger, in records and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(reason, _)| *reason == self).map_or("unknown", |(_, name)| name)
    }

    pub(super) fn named(name: &str) -> Self {
        let known = Self::NAMES.iter().find(|(_, known)| *known == name);
        known.map_or(Self::Unknown, |(reason, _)| *reason)
    }
}

/// Which sessions to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every one.
    All,
    /// Those whose subject the provider also calls by a name with this digest.
    Alias {
        /// The provider.
        provider: String,
        /// The digest of the name.
        alias: Digest,
    },
    /// All that began at this provider.
    Provider(String),
    /// Those that the provider knows by this name (`sid`, OpenID Connect Back-Channel Logout 1.0 §2.4), and those of the
    /// subject that it has given no name.
    ProviderSession {
        /// The provider.
        provider: String,
        /// The provider's name for the session.
        session: String,
        /// The subject, if that is known.
        subject: Option<String>,
    },
    /// This one.
    Session(SessionId),
    /// All of this subject of this provider.
    Subject {
        /// The provider.
        provider: String,
        /// The subject as the provider wrote it.
        subject: String,
    },
}
