//! From when until when a token is believed.

use crate::profile::Profile;
use crate::refusal::TokenRefusal;
use crate::registered::Registered;
use crate::time::Timestamp;

/// The times of a token, by its own word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validity {
    /// `iat`.
    pub(crate) issued_at: Option<Timestamp>,
    /// `nbf`.
    pub(crate) not_before: Option<Timestamp>,
    /// `exp`.
    pub(crate) expires_at: Timestamp,
}

impl Validity {
    /// Reads them; `exp` must be there.
    pub(crate) fn read(claims: Registered<'_>) -> Result<Self, TokenRefusal> {
        Ok(Self {
            expires_at: claims.required("exp", claims.date("exp")?)?,
            issued_at: claims.date("iat")?,
            not_before: claims.date("nbf")?,
        })
    }

    /// The first moment at which the token verifies: `nbf` and `iat`, less the skew.
    pub(crate) fn usable_from(&self, profile: &Profile) -> Timestamp {
        let earliest = self.issued_at.max(self.not_before).unwrap_or_default();
        earliest.minus(profile.options().skew)
    }

    /// The first moment at which it no longer does: `exp`, or the greatest age, with the skew.
    pub(crate) fn usable_until(&self, profile: &Profile) -> Timestamp {
        let options = profile.options();
        let aged = self.issued_at.zip(options.max_age);
        let end = aged
            .map_or(self.expires_at, |(issued_at, age)| issued_at.plus(age).min(self.expires_at));
        end.plus(options.skew)
    }

    /// Checks them against the clock.
    pub(crate) fn check(&self, profile: &Profile, now: Timestamp) -> Result<(), TokenRefusal> {
        let skew = profile.options().skew;
        if now >= self.expires_at.plus(skew) {
            return Err(TokenRefusal::Expired { expired_at: self.expires_at });
        }
        if let Some(not_before) = self.not_before
            && now < not_before.minus(skew)
        {
            return Err(TokenRefusal::NotYetValid { not_before });
        }
        let Some(issued_at) = self.issued_at else { return Ok(()) };
        if now < issued_at.minus(skew) {
            return Err(TokenRefusal::IssuedInFuture { issued_at });
        }
        match profile.options().max_age {
            Some(max_age) if now >= issued_at.plus(max_age).plus(skew) => {
                Err(TokenRefusal::TooOld { issued_at, max_age })
            }
            _ => Ok(()),
        }
    }
}
