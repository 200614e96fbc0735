//! A logout token (OpenID Connect Back-Channel Logout 1.0 §2.4) that is believed.

use std::fmt;
use std::sync::Arc;

use crate::key_set::KeySet;
use crate::profile::Profile;
use crate::refusal::{Part, TokenRefusal};
use crate::registered::Registered;
use crate::time::Timestamp;
use crate::unverified::UnverifiedToken;
use crate::validity::Validity;

#[cfg(test)]
#[path = "logout_token_tests.rs"]
mod tests;

/// The `typ` of logout tokens.
pub const LOGOUT_TOKEN_TYPE: &str = "logout+jwt";

/// What a logout token is called in messages.
const LOGOUT_TOKEN: &str = "a logout token";
/// The event that makes a token one.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A verified logout token. That it is meant for us, and has not been seen before, is for the relying party to check.
pub struct VerifiedLogoutToken {
    audiences: Vec<String>,
    subject: Option<String>,
    session: Option<String>,
    jti: String,
    usable_until: Timestamp,
}

impl UnverifiedToken<'_> {
    /// Verifies the token as a logout token: issuer, type, algorithm and signature as [`UnverifiedToken::verify`] does,
    /// then what §2.4 requires: `aud`, `iat`, `exp`, `jti`, `events`, one of `sub` and `sid`, and no `nonce`.
    ///
    /// # Errors
    /// The first reason not to believe it. [`TokenRefusal::UnknownKey`] may be cured by newer keys.
    pub fn verify_logout_token(
        &self,
        profile: &Profile,
        keys: &KeySet,
        now: Timestamp,
    ) -> Result<VerifiedLogoutToken, TokenRefusal> {
        self.verify_signature(profile, keys)?;
        let part = Part::Payload;
        let claims = Registered::of(self.claims().ok_or(TokenRefusal::NotAnObject { part })?);
        if claims.get("nonce").is_some() {
            return Err(TokenRefusal::ForeignClaim { name: "nonce", token: LOGOUT_TOKEN });
        }
        check_events(claims)?;
        let validity = Validity::read(claims)?;
        claims.required("iat", validity.issued_at)?;
        let token = VerifiedLogoutToken {
            audiences: claims.audiences()?,
            subject: claims.identifier("sub")?,
            session: claims.identifier("sid")?,
            jti: claims.required("jti", claims.identifier("jti")?)?,
            usable_until: validity.usable_until(profile),
        };
        let missing = |name: &str| TokenRefusal::MissingClaim { name: Arc::from(name) };
        if token.audiences.is_empty() {
            return Err(missing("aud"));
        }
        if token.subject.is_none() && token.session.is_none() {
            return Err(missing("sub` or `sid"));
        }
        validity.check(profile, now)?;
        Ok(token)
    }
}

impl VerifiedLogoutToken {
    /// Whether the token is meant for `audience`, compared byte by byte.
    #[must_use]
    pub fn has_audience(&self, audience: &str) -> bool {
        self.audiences.iter().any(|meant| meant == audience)
    }

    /// `sub`: whose sessions end; all of them, if [`VerifiedLogoutToken::session`] names none.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `sid`: which session of the provider's ends.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// `jti`: what the provider calls this token.
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// The first moment at which the token no longer verifies: how long its `jti` must be remembered.
    #[must_use]
    pub fn usable_until(&self) -> Timestamp {
        self.usable_until
    }
}

impl fmt::Debug for VerifiedLogoutToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedLogoutToken")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// §2.4: an object with the member of the event, itself an object. Other members may stand beside it: Keycloak says
/// there whether offline sessions end too.
fn check_events(claims: Registered<'_>) -> Result<(), TokenRefusal> {
    let events = claims.required("events", claims.get("events"))?;
    let event = events.as_object().and_then(|events| events.get(EVENT)?.as_object());
    let expected = "an object in which `http://schemas.openid.net/event/backchannel-logout` is one";
    event.map(|_| ()).ok_or_else(|| claims.mistyped("events", expected))
}
