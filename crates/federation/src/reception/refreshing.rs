//! A provider is asked anew about sessions: whether it still vouches for them, and for what.

use std::time::Duration;

use ledger::audit::{EndedBy, SignInEvent};
use ledger::state::{EndReason, Ending, LedgerError, NewFacts, Secrets};
use tokens::{SessionId, Timestamp};
use tokio::time::{sleep, timeout};

use super::{Offered, Reception};
use crate::provider::{Keepsakes, RefreshEnd, Refreshed};
use crate::sessions::Kept;

/// How long one refresh may take before another may be tried; longer than [`WITHIN`], by more than clocks differ.
const CLAIMED_FOR: Duration = Duration::from_secs(90);
/// How long a provider is waited for.
const WITHIN: Duration = Duration::from_secs(30);
/// How long the ledger is left alone when it could not take what a refresh has brought.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Reception {
    pub(super) async fn refresh(&self, id: SessionId) -> Result<(), LedgerError> {
        let ledger = self.house.sessions.ledger();
        let now = self.house.clock.now();
        let until = now.plus(CLAIMED_FOR);
        // One over all replicas gets the tokens: a refresh token that is used twice can end the sign-in.
        let Some(claimed) = ledger.claim_refresh(id, until, now).await? else { return Ok(()) };
        let (Some(kept), tokens) = (Kept::read(&claimed.facts), Keepsakes::read(&claimed.secrets))
        else {
            return Ok(());
        };
        let offered =
            self.offered(&claimed.provider).filter(|offered| offered.revision == kept.revision);
        let (Some(offered), Some(refresh_token)) = (offered, &tokens.refresh_token) else {
            return Ok(());
        };
        let Some(provider) = offered.provider.oauth() else { return Ok(()) };
        let asked = provider.refresh(refresh_token, &kept.facts.subject, now);
        let Ok(answered) = timeout(WITHIN, asked).await else {
            tracing::warn!(session = %id, provider = offered.name(), "the provider takes too long to refresh a session");
            return Ok(());
        };
        match answered {
            Ok(refreshed) => self.keep(offered, (id, until), (kept, tokens), refreshed).await,
            Err(refusal) if refusal.end() != RefreshEnd::Ended => {
                tracing::warn!(session = %id, provider = offered.name(), error = %refusal, "a session goes on without having been refreshed");
                let Some(refresh_token) = refusal.rotated().cloned() else { return Ok(()) };
                // The old one is used up: to show it again would end the sign-in.
                let tokens = Keepsakes { refresh_token: Some(refresh_token), ..tokens };
                let kept = NewFacts {
                    facts: kept.to_bytes(),
                    same_until: Some(kept.usable_until()),
                    secrets: tokens.to_bytes().map(Secrets::new),
                    refresh_at: Some(until),
                    claim: Some(until),
                };
                self.replace(id, kept, until).await.map(drop)
            }
            Err(refusal) => {
                let which = Ending::Session(id);
                let ended = ledger.end_sessions(&which, EndReason::RefreshRefused, now).await?;
                if !ended.is_empty() {
                    let event = SignInEvent::SessionEnded(EndedBy::Refresh);
                    let (reason, code) = (refusal.to_string(), refusal.code());
                    let about = (Some(offered.name()), Some(&kept.facts));
                    // It has ended, on record or not.
                    let _ =
                        self.record_unvisited(event, id, (code, Some(&reason)), about, now).await;
                }
                Ok(())
            }
        }
    }

    async fn keep(
        &self,
        offered: &Offered,
        (id, claim): (SessionId, Timestamp),
        (kept, tokens): (Kept, Keepsakes),
        refreshed: Refreshed,
    ) -> Result<(), LedgerError> {
        let now = self.house.clock.now();
        let refresh_at = offered.refresh_at(true, now);
        // How surely and when somebody signed in is what the sign-in itself said.
        let facts = refreshed.facts.map_or_else(
            || kept.facts.clone(),
            |facts| tokens::Facts {
                acr: facts.acr.or_else(|| kept.facts.acr.clone()),
                auth_time: facts.auth_time.or(kept.facts.auth_time),
                amr: if facts.amr.is_empty() { kept.facts.amr.clone() } else { facts.amr },
                ..facts
            },
        );
        let new =
            Kept { facts, revision: kept.revision.clone(), fresh_until: offered.fresh_until(now) };
        let tokens = Keepsakes {
            id_token: refreshed.id_token.or(tokens.id_token),
            refresh_token: refreshed.refresh_token.or(tokens.refresh_token),
            named: tokens.named,
        };
        let new_facts = NewFacts {
            facts: new.to_bytes(),
            secrets: tokens.to_bytes().map(Secrets::new),
            same_until: (new.facts == kept.facts).then_some(new.usable_until()),
            refresh_at,
            claim: Some(claim),
        };
        let replaced = self.replace(id, new_facts, claim).await?;
        if replaced {
            let event = SignInEvent::SessionRefreshed;
            let about = (Some(offered.name()), Some(&new.facts));
            // It goes on, on record or not.
            let _ = self.record_unvisited(event, id, ("session_refreshed", None), about, now).await;
        }
        Ok(())
    }

    /// Tries until the claim is over: the tokens before these may be used up.
    async fn replace(
        &self,
        id: SessionId,
        new: NewFacts,
        claim: Timestamp,
    ) -> Result<bool, LedgerError> {
        loop {
            let now = self.house.clock.now();
            let replaced = self.house.sessions.ledger().replace_facts(id, new.clone(), now).await;
            if replaced.is_ok() || now >= claim {
                return replaced;
            }
            sleep(AGAIN_AFTER).await;
        }
    }
}
