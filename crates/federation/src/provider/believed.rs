//! Whether a provider's token is believed: by its keys at hand, or by newer ones.

use ledger::keys::{IssuerKeys, KeysUnavailable};
use thiserror::Error;
use tokens::{KeySet, Timestamp, TokenRefusal, UnverifiedToken};

/// Why a provider's token is not believed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unbelieved {
    /// Nothing to verify it with.
    #[error(transparent)]
    Keys(#[from] KeysUnavailable),
    /// It does not verify.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
}

impl Unbelieved {
    /// A label for metrics and records that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Keys(_) => "keys_unavailable",
            Self::Token(refusal) => refusal.code(),
        }
    }

    /// Whether the same may succeed later, with nothing changed on our side.
    #[must_use]
    pub fn retry_may_help(&self) -> bool {
        match self {
            Self::Keys(_) => true,
            Self::Token(refusal) => refusal.fault() == tokens::Fault::Keys,
        }
    }
}

/// Verifies a token with the issuer's keys; newer ones if there are none yet, or not the one that it names.
pub(crate) async fn verify<T>(
    token: &str,
    keys: &IssuerKeys,
    now: Timestamp,
    verify: impl Fn(UnverifiedToken<'_>, &KeySet) -> Result<T, TokenRefusal>,
) -> Result<T, Unbelieved> {
    let by_keys_at_hand = || {
        let snapshot = keys.snapshot();
        let known = snapshot.keys_at(now)?;
        Ok(verify(UnverifiedToken::parse(token)?, known)?)
    };
    match by_keys_at_hand() {
        Err(Unbelieved::Keys(_) | Unbelieved::Token(TokenRefusal::UnknownKey { .. })) => {
            let unverified = UnverifiedToken::parse(token)?;
            keys.refetch_for_unknown_key(unverified.key_id().unwrap_or_default(), now).await;
            by_keys_at_hand()
        }
        settled => settled,
    }
}
