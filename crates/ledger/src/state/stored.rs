//! The ledger in a database: each call within its time limit.

use std::time::Duration;

use tokens::{Digest, Timestamp};
use tokio::sync::{Mutex, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::database::Database;
use super::{
    Changes, Claimed, EndReason, Ending, Ledger, LedgerError, NewFacts, NewSession, Pending,
    Position, Purpose, Revocation, Secrets, SessionFilter, SessionId, SessionSummary,
    StoredSession,
};
use crate::keys::signing::Entropy;
use crate::{OperatorKey, Sealer};

/// What the secrets of sessions are sealed for.
const SECRETS: &str = "session secrets";
/// What is sealed that is left for browsers.
const LEFT: &str = "left for a browser";

/// A ledger in a database.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) database: Database,
    limit: Duration,
    sealer: Sealer,
    left: Sealer,
    entropy: Entropy,
    /// Counts when the log may have grown.
    grown: watch::Sender<u64>,
    hints: Mutex<watch::Receiver<u64>>,
    /// What listens to other processes' announcements.
    listener: Option<AbortHandle>,
}

impl Stored {
    pub(super) fn new(
        database: Database,
        limit: Duration,
        key: &OperatorKey,
        entropy: Entropy,
        grown: watch::Sender<u64>,
        listener: Option<AbortHandle>,
    ) -> Self {
        let hints = Mutex::new(grown.subscribe());
        let (sealer, left) = (key.sealer(SECRETS), key.sealer(LEFT));
        Self { database, limit, sealer, left, entropy, grown, hints, listener }
    }

    /// Does `work` in time.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        let late = || LedgerError::Unavailable(format!("no answer within {:?}", self.limit));
        timeout(self.limit, work).await.unwrap_or_else(|_| Err(late()))
    }

    /// Seals the secrets of a session, which open as that session's only.
    pub(super) fn seal(&self, id: SessionId, secrets: &Secrets) -> Result<Vec<u8>, LedgerError> {
        let sealed = self.sealer.seal_bytes(secrets.as_bytes(), id.as_bytes(), &*self.entropy);
        sealed.map_err(|cause| LedgerError::Bug(cause.to_string()))
    }

    pub(super) fn unseal(&self, id: SessionId, sealed: &[u8]) -> Option<Secrets> {
        self.sealer.open_bytes(sealed, id.as_bytes()).map(Secrets::new)
    }

    /// Seals what is left by this name, which opens by that name only.
    pub(super) fn seal_left(&self, what: &Digest, thing: &Secrets) -> Result<Vec<u8>, LedgerError> {
        let sealed = self.left.seal_bytes(thing.as_bytes(), what.as_bytes(), &*self.entropy);
        sealed.map_err(|cause| LedgerError::Bug(cause.to_string()))
    }

    pub(super) fn unseal_left(&self, what: &Digest, sealed: &[u8]) -> Option<Secrets> {
        self.left.open_bytes(sealed, what.as_bytes()).map(Secrets::new)
    }

    /// The log has grown.
    pub(super) fn grew(&self) {
        wake(&self.grown);
    }
}

/// Wakes the follower, also one that looks only later.
pub(super) fn wake(grown: &watch::Sender<u64>) {
    grown.send_modify(|count| *count = count.wrapping_add(1));
}

impl Drop for Stored {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl Ledger for Stored {
    fn start_session(
        &self,
        new: NewSession,
        now: Timestamp,
    ) -> Pending<'_, Result<bool, LedgerError>> {
        Box::pin(self.in_time(self.start(new, now)))
    }

    fn add_cookie<'a>(
        &'a self,
        session: SessionId,
        cookie: Digest,
        host: &'a str,
        now: Timestamp,
    ) -> Pending<'a, Result<bool, LedgerError>> {
        Box::pin(self.in_time(self.add(session, cookie, host, now)))
    }

    fn session(
        &self,
        cookie: Digest,
        now: Timestamp,
    ) -> Pending<'_, Result<Option<StoredSession>, LedgerError>> {
        Box::pin(self.in_time(self.find(cookie, now)))
    }

    fn touch<'a>(
        &'a self,
        seen: &'a [(SessionId, Timestamp)],
    ) -> Pending<'a, Result<(), LedgerError>> {
        Box::pin(self.in_time(self.note_seen(seen)))
    }

    fn list_sessions<'a>(
        &'a self,
        filter: &'a SessionFilter,
        after: Option<SessionId>,
        limit: u32,
        now: Timestamp,
    ) -> Pending<'a, Result<Vec<SessionSummary>, LedgerError>> {
        Box::pin(self.in_time(self.list(filter, after, limit, now)))
    }

    fn end_sessions<'a>(
        &'a self,
        which: &'a Ending,
        reason: EndReason,
        now: Timestamp,
    ) -> Pending<'a, Result<Vec<SessionId>, LedgerError>> {
        Box::pin(self.end(which, (reason, None), now))
    }

    fn revoke_sessions<'a>(
        &'a self,
        which: &'a Ending,
        note: &'a str,
        now: Timestamp,
    ) -> Pending<'a, Result<Vec<SessionId>, LedgerError>> {
        Box::pin(self.end(which, (EndReason::Revoked, Some(note)), now))
    }

    fn revoked_after(
        &self,
        position: Position,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Revocation>, LedgerError>> {
        Box::pin(self.in_time(self.revocations_after(position, limit)))
    }

    fn replace_facts(
        &self,
        session: SessionId,
        new: NewFacts,
        now: Timestamp,
    ) -> Pending<'_, Result<bool, LedgerError>> {
        Box::pin(self.in_time(self.replace(session, new, now)))
    }

    fn claim_refresh(
        &self,
        session: SessionId,
        until: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Result<Option<Claimed>, LedgerError>> {
        Box::pin(self.in_time(self.claim(session, until, now)))
    }

    fn secrets(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Pending<'_, Result<Option<Secrets>, LedgerError>> {
        Box::pin(self.in_time(self.secrets_of(session, now)))
    }

    fn use_once(
        &self,
        purpose: Purpose,
        what: Digest,
        until: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Result<bool, LedgerError>> {
        Box::pin(self.in_time(self.mark_used(purpose, what, until, now)))
    }

    fn leave(
        &self,
        what: Digest,
        thing: Secrets,
        until: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Result<bool, LedgerError>> {
        Box::pin(self.in_time(self.leave_behind(what, thing, until, now)))
    }

    fn collect(
        &self,
        what: Digest,
        now: Timestamp,
    ) -> Pending<'_, Result<Option<Secrets>, LedgerError>> {
        Box::pin(self.in_time(self.collect_left(what, now)))
    }

    fn log_position(&self) -> Pending<'_, Result<Position, LedgerError>> {
        Box::pin(self.in_time(self.position()))
    }

    fn log_after(
        &self,
        position: Position,
        limit: u32,
    ) -> Pending<'_, Result<Changes, LedgerError>> {
        Box::pin(self.in_time(self.changes_after(position, limit)))
    }

    fn hint(&self) -> Pending<'_, ()> {
        Box::pin(async {
            // INVARIANT: this has the sender, so there is one.
            let _ = self.hints.lock().await.changed().await;
        })
    }

    fn sweep(&self, now: Timestamp, batch: u32) -> Pending<'_, Result<u64, LedgerError>> {
        Box::pin(self.sweep_all(now, batch))
    }
}
