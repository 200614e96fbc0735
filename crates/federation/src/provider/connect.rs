//! What OpenID Connect has beyond OAuth 2.0: an issuer with keys, and rules for the tokens that it signs.

use std::sync::Arc;

use ledger::keys::IssuerKeys;
use tokens::{
    Excerpt, LOGOUT_TOKEN_TYPE, Profile, ProfileOptions, TokenType, UnverifiedToken,
    VerifiedIdToken,
};

use super::believed;
use super::id_token::{Expected, IdTokenRefusal};
use super::options::{Openid, ProviderOptions, ProviderOptionsError, Pushed};
use super::refusal::GrantRefusal;
use super::secret::Secret;

/// A provider's OpenID Connect.
pub(crate) struct Connect {
    pub(crate) pushed: Pushed,
    pub(crate) userinfo: bool,
    pub(crate) keys: IssuerKeys,
    pub(crate) id_tokens: Profile,
    pub(crate) logout_tokens: Profile,
}

impl Connect {
    /// Takes the keys if they are the issuer's.
    pub(crate) fn new(
        options: &ProviderOptions,
        openid: &Openid,
        keys: Option<IssuerKeys>,
    ) -> Result<Self, ProviderOptionsError> {
        let issuer = Excerpt::of(&openid.issuer);
        let keys = keys
            .filter(|keys| keys.options().issuer() == openid.issuer)
            .ok_or(ProviderOptionsError::Keys { issuer })?;
        let profile = |token_types| {
            Profile::new(ProfileOptions {
                algorithms: openid.algorithms.clone(),
                token_types,
                skew: options.skew,
                max_age: Some(openid.max_id_token_age),
                ..ProfileOptions::new(Arc::clone(&options.name), openid.issuer.clone())
            })
        };
        let mut logout = vec![TokenType::Other(LOGOUT_TOKEN_TYPE.into())];
        if openid.untyped_logout_tokens {
            logout.push(TokenType::Jwt);
        }
        Ok(Self {
            pushed: openid.pushed,
            userinfo: openid.userinfo,
            keys,
            id_tokens: profile(vec![TokenType::IdToken])?,
            logout_tokens: profile(logout)?,
        })
    }

    /// Verifies an ID token, and that it is what is expected.
    pub(crate) async fn verify(
        &self,
        token: &Secret,
        expected: &Expected<'_>,
    ) -> Result<VerifiedIdToken, GrantRefusal> {
        let now = expected.now;
        let verify = |token: UnverifiedToken<'_>, known: &_| {
            token.verify_id_token(&self.id_tokens, known, now)
        };
        let verified = believed::verify(token.expose(), &self.keys, now, verify).await;
        let verified = verified.map_err(IdTokenRefusal::from)?;
        expected.check(&verified)?;
        Ok(verified)
    }
}
