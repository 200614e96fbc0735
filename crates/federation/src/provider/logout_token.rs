//! A provider says that somebody's session is over (OpenID Connect Back-Channel Logout 1.0 §2.6).

use std::fmt;

use ledger::keys::IssuerKeys;
use thiserror::Error;
use tokens::{Profile, Timestamp, UnverifiedToken, VerifiedLogoutToken};

use super::believed::{self, Unbelieved};

/// Whose sessions end. It is for the caller to take each [`LogoutToken::jti`] once.
#[derive(Clone, PartialEq, Eq)]
pub struct LogoutToken {
    /// The subject, if sessions go by it.
    pub subject: Option<String>,
    /// The provider's name for the session (`sid`); if there is one, only that session ends.
    pub session: Option<String>,
    /// What the provider calls this token: unique within the provider.
    pub jti: String,
    /// How long the `jti` must be remembered: from then on the token is refused for its age.
    pub until: Timestamp,
}

impl LogoutToken {
    /// Verifies a logout token. Subjects of sessions are the `sub` of tokens if `subject_is_sub`; else a token that names nothing but `sub` ends nothing, and
    /// says so.
    pub(crate) async fn verify(
        token: &str,
        profile: &Profile,
        keys: &IssuerKeys,
        client_id: &str,
        subject_is_sub: bool,
        now: Timestamp,
    ) -> Result<Self, LogoutRefusal> {
        let verify =
            |token: UnverifiedToken<'_>, known: &_| token.verify_logout_token(profile, known, now);
        let verified = believed::verify(token, keys, now, verify).await?;
        Self::of(&verified, client_id, subject_is_sub)
    }

    fn of(
        verified: &VerifiedLogoutToken,
        client_id: &str,
        subject_is_sub: bool,
    ) -> Result<Self, LogoutRefusal> {
        if !verified.has_audience(client_id) {
            return Err(LogoutRefusal::AudienceOther);
        }
        let session = verified.session().map(str::to_owned);
        let subject = verified.subject().filter(|_| subject_is_sub).map(str::to_owned);
        if session.is_none() && subject.is_none() {
            return Err(LogoutRefusal::SubjectUnmapped);
        }
        let (jti, until) = (verified.jti().to_owned(), verified.usable_until());
        Ok(Self { subject, session, jti, until })
    }
}

impl fmt::Debug for LogoutToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoutToken").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Why a logout token ends nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LogoutRefusal {
    /// It is for somebody else.
    #[error("claim `aud` does not have our client id")]
    AudienceOther,
    /// The provider has no OpenID Connect.
    #[error("the provider has no OpenID Connect, and sends no logout tokens")]
    NotOpenid,
    /// Sessions go by another claim.
    #[error("the token has `sub` and no `sid`, and sessions of this provider go by another claim")]
    SubjectUnmapped,
    /// It is not believed.
    #[error(transparent)]
    Unbelieved(#[from] Unbelieved),
}

impl LogoutRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AudienceOther => "audience_other",
            Self::NotOpenid => "not_openid",
            Self::SubjectUnmapped => "subject_unmapped",
            Self::Unbelieved(why) => why.code(),
        }
    }

    /// Whether the same may succeed later, with nothing changed on our side.
    #[must_use]
    pub fn retry_may_help(&self) -> bool {
        matches!(self, Self::Unbelieved(why) if why.retry_may_help())
    }
}
