//! What an identity must be.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use thiserror::Error;
use tokens::{
    Algorithm, JsonPointer, Profile, ProfileError, ProfileOptions, Timestamp, TokenRefusal,
    TokenType, UnverifiedToken,
};

use crate::keys::Keys;

/// The header. Whoever comes through the gate cannot write it.
const HEADER: &str = "doorward-identity";

/// What no other kind of token has.
const TYP: &str = "doorward-identity+jwt";

/// How far the gate's clock may be from ours.
const SKEW: Duration = Duration::from_secs(5);

/// The longest that an identity holds.
const MAX_LIFETIME: Duration = Duration::from_secs(60);

/// Who calls: a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// With the issuer: `corp/alice`.
    pub subject: String,
    /// The groups, which are the issuer's.
    pub groups: Vec<String>,
    /// The scopes.
    pub scopes: Vec<String>,
}

/// Checks identities.
#[derive(Debug)]
pub struct Verifier {
    profile: Profile,
    audience: String,
    keys: Keys,
}

/// Why an identity is not believed. For the log: callers learn nothing of it.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It is for another service.
    #[error("it is not for `{0}`")]
    Audience(String),
    /// There is none.
    #[error("there is no `{HEADER}`")]
    Missing,
    /// It names no key.
    #[error("it names no key")]
    Nameless,
    /// The header came twice: which of them would count?
    #[error("`{HEADER}` came more than once")]
    Several,
    /// It is no token, or not one to believe.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
}

impl Verifier {
    /// Believes what `issuer` (`identity.issuer` of the gate) says to `audience` (the service's own) with one of `keys`.
    ///
    /// # Errors
    /// If the issuer is empty.
    pub fn new(issuer: &str, audience: &str, keys: Keys) -> Result<Self, ProfileError> {
        let options = ProfileOptions {
            algorithms: vec![Algorithm::Es256],
            token_types: vec![TokenType::Other(TYP.into())],
            skew: SKEW,
            max_lifetime: Some(MAX_LIFETIME),
            groups: JsonPointer::parse("/groups").ok(),
            ..ProfileOptions::new("doorward", issuer)
        };
        Ok(Self { profile: Profile::new(options)?, audience: audience.to_owned(), keys })
    }

    /// Who calls with these headers.
    ///
    /// # Errors
    /// The first reason not to believe it.
    pub async fn verify(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let mut values = headers.get_all(HEADER).iter();
        let value = values.next().ok_or(Refusal::Missing)?;
        if values.next().is_some() {
            return Err(Refusal::Several);
        }
        let token = UnverifiedToken::parse(value.to_str().unwrap_or_default())?;
        let keys = self.keys.with(token.key_id().ok_or(Refusal::Nameless)?).await;
        let token = token.verify(&self.profile, &keys, now())?;
        if token.audiences() != [self.audience.as_str()] {
            return Err(Refusal::Audience(self.audience.clone()));
        }
        Ok(Caller {
            subject: token.subject().to_owned(),
            groups: token.groups().to_vec(),
            scopes: token.scopes().to_vec(),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "an example of a service: this is its one clock")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_secs(since.as_secs())
}
