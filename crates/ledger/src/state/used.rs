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
    /// The record of the end of a session that an operator has ended.
    RevocationRecord,
    /// A provider's logout token, by its `jti` (OpenID Connect Back-Channel Logout 1.0 §2.6).
    LogoutToken,
    /// The `state` of a sign-in that comes back.
    SignIn,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Handoff => "handoff",
            Self::RevocationRecord => "revocation_record",
            Self::LogoutToken => "logout_token",
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
