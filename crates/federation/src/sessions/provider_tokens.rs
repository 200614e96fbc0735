//! The provider's tokens that belong to a session, as the ledger keeps them sealed.

use ledger::state::{MAX_SECRETS_BYTES, Secrets};
use serde_json::{Value, json};

use crate::provider::Secret;

/// The provider's tokens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    /// The ID token, as a hint for signing out.
    pub(crate) id_token: Option<Secret>,
    /// What renews the sign-in.
    pub(crate) refresh_token: Option<Secret>,
}

impl Tokens {
    /// The bytes that the ledger keeps, if there is anything to keep. An ID token that is too long is left out: signing
    /// out with the provider may then take one more question.
    #[must_use]
    pub(crate) fn to_bytes(&self) -> Option<Vec<u8>> {
        let text = |secret: &Option<Secret>| secret.as_ref().map(|one| one.expose().to_owned());
        let (id_token, refresh_token) = (text(&self.id_token), text(&self.refresh_token));
        let whole = json!({ "id_token": id_token, "refresh_token": refresh_token });
        let whole = whole.to_string().into_bytes();
        if whole.len() <= MAX_SECRETS_BYTES {
            return Some(whole).filter(|_| id_token.is_some() || refresh_token.is_some());
        }
        let short = json!({ "refresh_token": refresh_token? }).to_string().into_bytes();
        Some(short).filter(|short| short.len() <= MAX_SECRETS_BYTES)
    }

    /// Reads what [`Tokens::to_bytes`] wrote.
    #[must_use]
    pub(crate) fn read(secrets: &Secrets) -> Self {
        let kept: Value = serde_json::from_slice(secrets.as_bytes()).unwrap_or_default();
        let secret = |name| kept.get(name).and_then(Value::as_str).map(Secret::new);
        Self { id_token: secret("id_token"), refresh_token: secret("refresh_token") }
    }
}
