//! An ID token (OpenID Connect Core §2) that is believed: what it says of the sign-in that it answers.

use std::fmt;

use aws_lc_rs::digest::{Algorithm as DigestAlgorithm, SHA256, SHA384, SHA512, digest};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::json::Object;
use crate::key_set::KeySet;
use crate::profile::{Profile, TokenType};
use crate::refusal::{Part, TokenRefusal, TypeName};
use crate::registered::Registered;
use crate::time::Timestamp;
use crate::unverified::UnverifiedToken;
use crate::verified::VerifiedToken;

#[cfg(test)]
#[path = "id_token_tests.rs"]
mod tests;

/// What an ID token is called in messages.
const ID_TOKEN: &str = "an ID token";

/// A verified ID token. That it is meant for us, and answers our own request, is for the relying party to check.
pub struct VerifiedIdToken {
    token: VerifiedToken,
    claims: Object,
    nonce: Option<String>,
    session: Option<String>,
    access_token_hash: Option<String>,
}

impl UnverifiedToken<'_> {
    /// Verifies the token as [`UnverifiedToken::verify`] does, and as an ID token, whatever else the profile allows: a
    /// token that says it is something else, or has the `events` of a logout token (OpenID Connect Back-Channel Logout
    /// 1.0 §2.4), is none.
    ///
    /// # Errors
    /// The first reason not to believe it. [`TokenRefusal::UnknownKey`] may be cured by newer keys.
    pub fn verify_id_token(
        self,
        profile: &Profile,
        keys: &KeySet,
        now: Timestamp,
    ) -> Result<VerifiedIdToken, TokenRefusal> {
        let token = self.verify(profile, keys, now)?;
        if *token.token_type() != TokenType::IdToken {
            return Err(TokenRefusal::TypeNotAllowed { typ: TypeName::of(self.typ()) });
        }
        let part = Part::Payload;
        let registered = Registered::of(self.claims().ok_or(TokenRefusal::NotAnObject { part })?);
        if registered.get("events").is_some() {
            return Err(TokenRefusal::ForeignClaim { name: "events", token: ID_TOKEN });
        }
        let nonce = registered.text("nonce")?.map(str::to_owned);
        let session = registered.identifier("sid")?;
        let access_token_hash = registered.text("at_hash")?.map(str::to_owned);
        let claims = self.into_claims().ok_or(TokenRefusal::NotAnObject { part })?;
        Ok(VerifiedIdToken { token, claims, nonce, session, access_token_hash })
    }
}

impl VerifiedIdToken {
    /// The facts that every token has.
    #[must_use]
    pub fn token(&self) -> &VerifiedToken {
        &self.token
    }

    /// All claims, for a [`crate::Mapping`].
    #[must_use]
    pub fn claims(&self) -> &Object {
        &self.claims
    }

    /// Whether `nonce` is exactly this. A token without one answers no request of anybody's.
    #[must_use]
    pub fn has_nonce(&self, nonce: &str) -> bool {
        self.nonce.as_deref() == Some(nonce)
    }

    /// Whether there is a `nonce`.
    #[must_use]
    pub fn names_a_nonce(&self) -> bool {
        self.nonce.is_some()
    }

    /// `sid`: the provider's name for the session (OpenID Connect Back-Channel Logout 1.0 §2.1).
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Whether `at_hash` belongs to this access token (OpenID Connect Core §3.1.3.6); `None` if the token has none.
    #[must_use]
    pub fn is_of_access_token(&self, access_token: &str) -> Option<bool> {
        let hash = self.access_token_hash.as_ref()?;
        let whole = digest(hash_of(self.token.algorithm()), access_token.as_bytes());
        let half: Vec<u8> = whole.as_ref().iter().take(whole.as_ref().len() / 2).copied().collect();
        Some(*hash == base64url::encode(&half))
    }
}

impl fmt::Debug for VerifiedIdToken {
    /// Who and which, not what else the token says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifiedIdToken").field(&self.token).finish()
    }
}

/// The hash of the signature's algorithm; for Ed25519 the one inside of it (RFC 8032 §5.1), as certified providers do.
fn hash_of(algorithm: Algorithm) -> &'static DigestAlgorithm {
    match algorithm {
        Algorithm::Es256 | Algorithm::Ps256 | Algorithm::Rs256 => &SHA256,
        Algorithm::Es384 | Algorithm::Ps384 | Algorithm::Rs384 => &SHA384,
        Algorithm::Ed25519 | Algorithm::Es512 | Algorithm::Ps512 | Algorithm::Rs512 => &SHA512,
    }
}
