//! Whether an ID token is for us, and answers what we asked (OpenID Connect Core §3.1.3.7).

use std::time::Duration;

use thiserror::Error;
use tokens::{Timestamp, VerifiedIdToken};

use super::believed::Unbelieved;
use super::flow::Wish;

/// What an ID token must be besides well signed.
pub(crate) struct Expected<'a> {
    pub(crate) client_id: &'a str,
    /// The nonce of the request; nothing after a refresh (§12.2).
    pub(crate) nonce: Option<&'a str>,
    /// The access token that came beside it.
    pub(crate) access_token: &'a str,
    pub(crate) wish: &'a Wish,
    pub(crate) skew: Duration,
    pub(crate) now: Timestamp,
}

impl Expected<'_> {
    /// Checks a token whose signature, issuer and times are right.
    pub(crate) fn check(&self, id_token: &VerifiedIdToken) -> Result<(), IdTokenRefusal> {
        let token = id_token.token();
        if !token.has_audience(self.client_id) {
            return Err(IdTokenRefusal::AudienceOther);
        }
        if token.authorized_party().is_some_and(|party| party != self.client_id) {
            return Err(IdTokenRefusal::AuthorizedPartyOther);
        }
        if let Some(nonce) = self.nonce {
            if !id_token.names_a_nonce() {
                return Err(IdTokenRefusal::NonceMissing);
            }
            if !id_token.has_nonce(nonce) {
                return Err(IdTokenRefusal::NonceOther);
            }
        }
        if id_token.is_of_access_token(self.access_token) == Some(false) {
            return Err(IdTokenRefusal::AccessTokenHash);
        }
        self.check_time(token.auth_time())?;
        self.check_acr(token.acr())
    }

    fn check_time(&self, auth_time: Option<Timestamp>) -> Result<(), IdTokenRefusal> {
        if let Some(auth_time) = auth_time
            && self.now < auth_time.minus(self.skew)
        {
            return Err(IdTokenRefusal::AuthTimeFuture { auth_time });
        }
        let Some(max_age) = self.wish.max_age else { return Ok(()) };
        let auth_time = auth_time.ok_or(IdTokenRefusal::AuthTimeMissing)?;
        if self.now >= auth_time.plus(max_age).plus(self.skew) {
            return Err(IdTokenRefusal::AuthTimeOld { auth_time, max_age });
        }
        Ok(())
    }

    fn check_acr(&self, acr: Option<&str>) -> Result<(), IdTokenRefusal> {
        if !self.wish.acr_required || self.wish.acr_values.is_empty() {
            return Ok(());
        }
        let acr = acr.ok_or(IdTokenRefusal::AcrMissing)?;
        let demanded = self.wish.acr_values.iter().any(|value| value == acr);
        if demanded { Ok(()) } else { Err(IdTokenRefusal::AcrOther) }
    }
}

/// Why an ID token signs nobody in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IdTokenRefusal {
    /// It came with another access token.
    #[error("claim `at_hash` does not belong to the access token")]
    AccessTokenHash,
    /// It does not say how sure the provider is.
    #[error("claim `acr` is missing, and it was demanded")]
    AcrMissing,
    /// The provider is not as sure as was demanded.
    #[error("claim `acr` is none of those that were demanded")]
    AcrOther,
    /// It is for somebody else.
    #[error("claim `aud` does not have our client id")]
    AudienceOther,
    /// The person signed in at a time that has not come.
    #[error("the person signed in in the future, at {auth_time}")]
    AuthTimeFuture {
        /// When, by its own word.
        auth_time: Timestamp,
    },
    /// It does not say when the person signed in.
    #[error("claim `auth_time` is missing, and `max_age` was demanded")]
    AuthTimeMissing,
    /// The person signed in too long ago.
    #[error("the person signed in at {auth_time}, longer than {max_age:?} ago")]
    AuthTimeOld {
        /// When, by its own word.
        auth_time: Timestamp,
        /// How long ago it may have been.
        max_age: Duration,
    },
    /// It was issued to another client.
    #[error("claim `azp` is not our client id")]
    AuthorizedPartyOther,
    /// Nothing ties it to our request.
    #[error("claim `nonce` is missing")]
    NonceMissing,
    /// It answers another request.
    #[error("claim `nonce` is not that of the request")]
    NonceOther,
    /// It is not believed.
    #[error(transparent)]
    Unbelieved(#[from] Unbelieved),
}

impl IdTokenRefusal {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AccessTokenHash => "access_token_hash",
            Self::AcrMissing => "acr_missing",
            Self::AcrOther => "acr_other",
            Self::AudienceOther => "audience_other",
            Self::AuthTimeFuture { .. } => "auth_time_future",
            Self::AuthTimeMissing => "auth_time_missing",
            Self::AuthTimeOld { .. } => "auth_time_old",
            Self::AuthorizedPartyOther => "authorized_party_other",
            Self::NonceMissing => "nonce_missing",
            Self::NonceOther => "nonce_other",
            Self::Unbelieved(why) => why.code(),
        }
    }

    /// Whether the same may succeed later, with nothing changed on our side.
    #[must_use]
    pub fn retry_may_help(&self) -> bool {
        matches!(self, Self::Unbelieved(why) if why.retry_may_help())
    }
}
