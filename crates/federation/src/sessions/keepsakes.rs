//! What is kept for the provider of a session, as the ledger keeps it: sealed.

use ledger::state::{MAX_SECRETS_BYTES, Secrets};
use saml::NameId;
use serde_json::{Value, json};

use crate::provider::{Keepsakes, Named, Secret};

impl Keepsakes {
    /// The bytes that the ledger keeps, if there is anything to keep. An ID token that is too long is left out: signing
    /// out with the provider may then take one more question.
    #[must_use]
    pub(crate) fn to_bytes(&self) -> Option<Vec<u8>> {
        let text = |secret: &Option<Secret>| secret.as_ref().map(|one| one.expose().to_owned());
        let (id_token, refresh_token) = (text(&self.id_token), text(&self.refresh_token));
        let named = self.named.as_ref().map(Named::to_json);
        if id_token.is_none() && refresh_token.is_none() && named.is_none() {
            return None;
        }
        let whole = json!({ "id_token": id_token, "refresh_token": refresh_token, "named": named });
        let whole = whole.to_string().into_bytes();
        if whole.len() <= MAX_SECRETS_BYTES {
            return Some(whole);
        }
        let short = json!({ "refresh_token": refresh_token? }).to_string().into_bytes();
        Some(short).filter(|short| short.len() <= MAX_SECRETS_BYTES)
    }

    /// Reads what [`Keepsakes::to_bytes`] wrote.
    #[must_use]
    pub(crate) fn read(secrets: &Secrets) -> Self {
        let kept: Value = serde_json::from_slice(secrets.as_bytes()).unwrap_or_default();
        let secret = |name| kept.get(name).and_then(Value::as_str).map(Secret::new);
        Self {
            id_token: secret("id_token"),
            refresh_token: secret("refresh_token"),
            named: kept.get("named").and_then(Named::from_json),
        }
    }
}

impl Named {
    /// As JSON.
    #[must_use]
    pub(crate) fn to_json(&self) -> Value {
        let NameId { value, format, by_provider, for_us } = &self.name;
        json!({
            "value": value,
            "format": format,
            "by_provider": by_provider,
            "for_us": for_us,
            "session": self.session,
        })
    }

    /// Reads what [`Named::to_json`] wrote.
    #[must_use]
    pub(crate) fn from_json(json: &Value) -> Option<Self> {
        let text = |name| Some(json.get(name)?.as_str()?.to_owned());
        let flag = |name| json.get(name)?.as_bool();
        let name = NameId {
            value: text("value")?,
            format: text("format")?,
            by_provider: flag("by_provider")?,
            for_us: flag("for_us")?,
        };
        Some(Self { name, session: text("session") })
    }
}
