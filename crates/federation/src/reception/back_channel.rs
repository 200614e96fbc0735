//! A provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0).

use bytes::Bytes;
use http::{Response, StatusCode};
use ledger::audit::{EndedBy, SignInEvent};
use ledger::state::{EndReason, Ending, Purpose};
use serde_json::json;
use tokens::{Digest, Timestamp};

use super::page::json;
use super::records::About;
use super::trouble::Trouble;
use super::{Offered, Reception, Visit, place};
use crate::provider::LogoutToken;

impl Reception {
    pub(super) async fn back_channel(
        &self,
        visit: &Visit,
        name: &str,
        now: Timestamp,
    ) -> Response<Bytes> {
        // Nothing of what anybody writes into a path goes on record.
        let known = self.offered(name).map(Offered::name);
        match self.end_by_provider(visit, name, now).await {
            Ok(()) => json(StatusCode::OK, &json!({})),
            Err(trouble) => {
                tracing::warn!(
                    request_id = visit.id,
                    provider = known.unwrap_or_default(),
                    code = trouble.code,
                    reason = trouble.reason,
                    "a logout token ends nothing"
                );
                let about = About { provider: known, ..About::default() };
                let why = (trouble.code, Some(trouble.reason.as_str()));
                let event = SignInEvent::SignOutRefused;
                // It ends nothing, whether that is on record or not.
                let _ = self.record(visit, event, why, about, now).await;
                let status = match trouble.shown {
                    super::trouble::Shown::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                    _ => StatusCode::BAD_REQUEST,
                };
                // §2.8: the body may say more.
                json(status, &json!({ "error": "invalid_request" }))
            }
        }
    }

    async fn end_by_provider(
        &self,
        visit: &Visit,
        name: &str,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let offered = self
            .offered(name)
            .ok_or_else(|| Trouble::refused("provider_unknown", "there is none"))?;
        let provider = offered.provider.oauth().ok_or(Trouble::METHOD)?;
        let token = visit.form().and_then(|mut form| form.take("logout_token"));
        let missing = || Trouble::refused("logout_token_missing", "there is no logout token");
        let _place = place(self.calls.get(name), |calls| &calls.logouts).await?;
        let verified = provider.logout_token(&token.ok_or_else(missing)?, now).await;
        let LogoutToken { subject, session, jti, until } =
            verified.map_err(|refusal| Trouble::refused(refusal.code(), &refusal.to_string()))?;
        let ledger = self.house.sessions.ledger();
        let mark = Digest::of(&format!("{name} {jti}"));
        let provider = name.to_owned();
        let which = match (session, subject) {
            (Some(session), subject) => Ending::ProviderSession { provider, session, subject },
            (None, Some(subject)) => Ending::Subject { provider, subject },
            (None, None) => return Err(Trouble::refused("logout_token_empty", "it names nobody")),
        };
        // What has ended is ended before the token counts as used: if that fails, the provider may send it again.
        let ended = ledger.end_sessions(&which, EndReason::ProviderLogout, now).await;
        let ended = ended.map_err(|error| Trouble::ledger(&error))?;
        let first = ledger.use_once(Purpose::LogoutToken, mark, until, now).await;
        if !first.map_err(|error| Trouble::ledger(&error))? && ended.is_empty() {
            return Err(Trouble::refused("logout_token_replayed", "it was used before"));
        }
        self.record_ends(visit, EndedBy::Provider, (name, &ended), now).await;
        Ok(())
    }
}
