//! What is done about sessions beside any visit.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ledger::audit::{AuditUnavailable, EndedBy, SignInEvent};
use ledger::state::{
    EndReason, Ending, LOG_KEPT, LedgerError, MAX_ROWS, Position, Purpose, Revocation,
    SessionFilter,
};
use tokens::Digest;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use super::Reception;
use crate::sessions::Due;

/// How many sessions of one provider are refreshed at once.
const AT_ONCE: usize = 16;
/// How often it is looked what operators have ended, and whether disabled providers have sessions still.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it is remembered who records a revocation; longer than the log tells of it.
const RECORDER_KEPT: Duration = Duration::from_secs(2 * LOG_KEPT.as_secs());

/// What an operator does, by a command or by the configuration.
const BY_OPERATOR: SignInEvent = SignInEvent::SessionEnded(EndedBy::Administrator);

/// Tends sessions by whatever reception is in force then, for as long as it is polled: asks providers anew about sessions
/// that are `due`, puts on record what operators have ended, and ends the sessions of disabled providers.
pub async fn tend(due: mpsc::Receiver<Due>, reception: impl Fn() -> Option<Arc<Reception>>) {
    tokio::join!(refresh(due, &reception), look_after(&reception));
}

async fn refresh(mut due: mpsc::Receiver<Due>, reception: impl Fn() -> Option<Arc<Reception>>) {
    let mut places: HashMap<Box<str>, Arc<Semaphore>> = HashMap::new();
    while let Some(Due { session, provider }) = due.recv().await {
        let places = places.entry(provider).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
        // A provider that is slow keeps no other waiting: what finds no place is due again soon.
        let Ok(place) = Arc::clone(places).try_acquire_owned() else { continue };
        let Some(reception) = reception() else { continue };
        tokio::spawn(async move {
            if let Err(error) = reception.refresh(session).await {
                tracing::warn!(%session, %error, "a session could not be refreshed");
            }
            drop(place);
        });
    }
}

async fn look_after(reception: impl Fn() -> Option<Arc<Reception>>) {
    // What was ended while nobody was here is on nobody's record yet.
    let mut position = Position::START;
    loop {
        if let Some(reception) = reception() {
            // The follower of the log complains of a ledger that is out of reach.
            let _ = reception.record_revocations(&mut position).await;
            let _ = reception.end_disabled().await;
        }
        sleep(LOOK_EVERY).await;
    }
}

impl Reception {
    /// Puts on record what operators have ended after `position`: each is recorded by one replica, which goes on trying.
    async fn record_revocations(&self, position: &mut Position) -> Result<(), LedgerError> {
        let ledger = self.house.sessions.ledger();
        let end = ledger.log_position().await?;
        if *position > end {
            // The ledger was put back.
            *position = Position::START;
        }
        loop {
            let revoked = ledger.revoked_after(*position, MAX_ROWS).await?;
            for revocation in &revoked {
                let (now, mark) =
                    (self.house.clock.now(), Digest::of(&revocation.session.to_string()));
                let until = now.plus(RECORDER_KEPT);
                if ledger.use_once(Purpose::RevocationRecord, mark, until, now).await? {
                    self.record_revocation(revocation).await;
                }
                *position = revocation.position;
            }
            if revoked.len() < MAX_ROWS as usize {
                *position = end.max(*position);
                return Ok(());
            }
        }
    }

    async fn record_revocation(&self, revocation: &Revocation) {
        let Revocation { session, note, .. } = revocation;
        loop {
            let now = self.house.clock.now();
            let why = ("session_revoked", note.as_deref());
            match self.record_unvisited(BY_OPERATOR, *session, why, (None, None), now).await {
                Err(AuditUnavailable::QueueFull { .. }) => sleep(LOOK_EVERY).await,
                // What was not written in time is written later.
                Ok(()) | Err(_) => return,
            }
        }
    }

    /// Ends the sessions of providers that are disabled, also those that another replica has let begin since.
    async fn end_disabled(&self) -> Result<(), LedgerError> {
        for provider in &self.options.disabled {
            let (ledger, now) = (self.house.sessions.ledger(), self.house.clock.now());
            let its = SessionFilter { provider: Some(provider.clone()), subject: None };
            // Mostly there is none, and nothing to write; but once it is remembered that it was disabled, for what is left
            // of before.
            if self.marked.load(Ordering::Relaxed)
                && ledger.list_sessions(&its, None, 1, now).await?.is_empty()
            {
                continue;
            }
            let (which, reason) = (Ending::Provider(provider.clone()), EndReason::ProviderDisabled);
            for session in ledger.end_sessions(&which, reason, now).await? {
                let (about, why) = ((Some(provider.as_str()), None), ("provider_disabled", None));
                // It has ended, on record or not.
                let _ = self.record_unvisited(BY_OPERATOR, session, why, about, now).await;
            }
        }
        self.marked.store(true, Ordering::Relaxed);
        Ok(())
    }
}
