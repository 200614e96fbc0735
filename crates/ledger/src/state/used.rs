//! What may be used once only.

use tokens::{Digest, Timestamp};

use super::LedgerError;
use super::row::values;
use super::stored::Stored;

/// What is used once; the same digest for two purposes is two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The passing of a session to another host.
    Handoff,
    /// A provider's logout token, by its `jti` (OpenID Connect Back-Channel Logout 1.0 §2.6).
    LogoutToken,
    /// The record of the end of a session that an operator has ended.
    RevocationRecord,
    /// The `state` of a sign-in that comes back.
    SignIn,
}

/// Stands among the purposes for what is marked but may happen again: that all sessions of a kind were ended.
pub(super) const ENDING: &str = "ending";

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Handoff => "handoff",
            Self::LogoutToken => "logout_token",
            Self::RevocationRecord => "revocation_record",
            Self::SignIn => "sign_in",
        }
    }
}

impl Stored {
    pub(super) async fn mark_used(
        &self,
        purpose: Purpose,
        what: Digest,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        if until <= now {
            return Ok(false);
        }
        let insert = "INSERT INTO doorward_used (digest, purpose, until) VALUES ($1, $2, $3) \
                      ON CONFLICT DO NOTHING";
        let mut transaction = self.database.begin().await?;
        let new = transaction.change(insert, values![what, purpose.name(), until]).await? == 1;
        transaction.commit().await?;
        Ok(new)
    }
}
