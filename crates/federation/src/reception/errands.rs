//! What is done about sessions beside any visit.

use std::sync::Arc;

use ledger::audit::{EndedBy, SignIn, SignInEvent};
use tokens::SessionId;
use tokio::sync::{Semaphore, mpsc};

use super::Reception;
use crate::sessions::Errand;

/// How many are under way at once.
const AT_ONCE: usize = 16;

/// Runs errands, by the reception that is in force then, for as long as it is polled.
pub async fn run_errands(
    mut errands: mpsc::Receiver<Errand>,
    reception: impl Fn() -> Option<Arc<Reception>>,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(errand) = errands.recv().await {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Some(reception) = reception() else { continue };
        tokio::spawn(async move {
            match errand {
                Errand::Refresh(session) => {
                    if let Err(error) = reception.refresh(session).await {
                        tracing::warn!(%session, %error, "a session could not be refreshed");
                    }
                }
                Errand::Revoked(session) => reception.record_revoked(session).await,
            }
            drop(place);
        });
    }
}

impl Reception {
    async fn record_revoked(&self, session: SessionId) {
        let record = SignIn {
            request_id: &session.to_string(),
            at: self.house.clock.now(),
            event: SignInEvent::SessionEnded(EndedBy::Administrator),
            provider: None,
            subject: None,
            kind: None,
            session: Some(*session.as_bytes()),
            peer: None,
            host: None,
            code: "session_revoked",
            reason: None,
            acr: None,
            amr: &[],
        };
        if let Err(error) = self.house.audit.sign_in(&record, self.house.audit_budget).await {
            tracing::error!(%error, %session, "the end of a session is not on record");
        }
    }
}
