//! What a ledger does.

use std::fmt::Debug;
use std::pin::Pin;

use tokens::{Digest, Timestamp};

use super::{
    Changes, Claimed, EndReason, Ending, LedgerError, NewFacts, NewSession, Position, Purpose,
    Revocation, Secrets, SessionFilter, SessionId, SessionSummary, StoredSession,
};

/// An answer that is still to come.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// State that must last or be shared. Every call is one transaction unless it says otherwise, and answers within the
/// time limit of [`super::LedgerOptions`]; one that runs out is [`LedgerError::Unavailable`], and may have taken effect.
///
/// It must be called within a tokio runtime that lives at least as long as the one that opened it.
pub trait Ledger: Debug + Send + Sync {
    /// Begins a session, and ends the one that it replaces, if that is still there. `false`, and none begins, if all that
    /// it belongs to was ended after its provider had vouched for it. It takes two transactions.
    ///
    /// # Errors
    /// [`LedgerError::Reused`] if the id or the cookie is in use, or the id was that of a session which ended lately;
    /// [`LedgerError::TooLong`] and [`LedgerError::Nul`] as the bounds say.
    fn start_session(
        &self,
        new: NewSession,
        now: Timestamp,
    ) -> Pending<'_, Result<bool, LedgerError>>;

    /// Gives a live session one more cookie, for `host`; beyond [`super::MAX_COOKIES_OF_HOST`] and [`super::MAX_COOKIES`] the oldest makes room. `false` if there is no such
    /// live session.
    ///
    /// # Errors
    /// [`LedgerError::Reused`] if the cookie is in use.
    fn add_cookie<'a>(
        &'a self,
        session: SessionId,
        cookie: Digest,
        host: &'a str,
        now: Timestamp,
    ) -> Pending<'a, Result<bool, LedgerError>>;

    /// The live session that has this cookie. Never one that has ended, whoever ended it.
    ///
    /// # Errors
    /// If the ledger fails.
    fn session(
        &self,
        cookie: Digest,
        now: Timestamp,
    ) -> Pending<'_, Result<Option<StoredSession>, LedgerError>>;

    /// Notes when sessions were seen, at most [`super::MAX_ROWS`]. It never moves back, and never revives: what was not live at the
    /// moment it is said to have been seen stays as it is. Of several moments of one session, the latest at which it was live counts.
    ///
    /// # Errors
    /// If the ledger fails.
    fn touch<'a>(
        &'a self,
        seen: &'a [(SessionId, Timestamp)],
    ) -> Pending<'a, Result<(), LedgerError>>;

    /// Live sessions in the order of their ids, after `after`, at most `limit` of them, which is at most [`super::MAX_ROWS`].
    ///
    /// # Errors
    /// If the ledger fails.
    fn list_sessions<'a>(
        &'a self,
        filter: &'a SessionFilter,
        after: Option<SessionId>,
        limit: u32,
        now: Timestamp,
    ) -> Pending<'a, Result<Vec<SessionSummary>, LedgerError>>;

    /// Ends sessions, and says in the log that they ended. Each transaction ends at most [`super::ENDS_AT_ONCE`] and has the time limit
    /// of its own; the call goes on until none is left. Once it has returned, no call on any handle finds them, and none begins that a
    /// provider had vouched for before `now`.
    ///
    /// # Errors
    /// If the ledger fails; some may have ended then.
    fn end_sessions<'a>(
        &'a self,
        which: &'a Ending,
        reason: EndReason,
        now: Timestamp,
    ) -> Pending<'a, Result<Vec<SessionId>, LedgerError>>;

    /// Ends sessions as [`Ledger::end_sessions`] does, because an operator says so: `note` says who and why, in at most
    /// [`super::MAX_NOTE_BYTES`].
    ///
    /// # Errors
    /// If the ledger fails; some may have ended then. [`LedgerError::TooLong`] and [`LedgerError::Nul`] for the note.
    fn revoke_sessions<'a>(
        &'a self,
        which: &'a Ending,
        note: &'a str,
        now: Timestamp,
    ) -> Pending<'a, Result<Vec<SessionId>, LedgerError>>;

    /// What operators have ended, after `position`, in the order of the log, as far as it goes back; at most `limit`, which is at
    /// most [`super::MAX_ROWS`].
    ///
    /// # Errors
    /// If the ledger fails.
    fn revoked_after(
        &self,
        position: Position,
        limit: u32,
    ) -> Pending<'_, Result<Vec<Revocation>, LedgerError>>;

    /// Replaces what is known of a live session, and says in the log that it changed, or that it is as before. `false`, and nothing is done, if
    /// it is no longer live or the claim was lost. Releases the claim.
    ///
    /// # Errors
    /// [`LedgerError::TooLong`] as the bounds say.
    fn replace_facts(
        &self,
        session: SessionId,
        new: NewFacts,
        now: Timestamp,
    ) -> Pending<'_, Result<bool, LedgerError>>;

    /// Claims the right to refresh a live session until `until`, and hands out what that takes. `None` if there is nothing to refresh
    /// (it has no secrets, or its `refresh_at` has not come), or somebody else has claimed it: one wins over all replicas.
    /// Who fails to refresh lets the claim run out.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] if the secrets are not what was stored.
    fn claim_refresh(
        &self,
        session: SessionId,
        until: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Result<Option<Claimed>, LedgerError>>;

    /// The provider's tokens of a live session, if it has any.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] if they are not what was stored.
    fn secrets(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Pending<'_, Result<Option<Secrets>, LedgerError>>;

    /// Marks something as used. `true` for the first call over all replicas only, and never from `until` on. The mark is
    /// kept for [`super::MARK_KEPT`] longer, for a replica whose clock is behind.
    ///
    /// # Errors
    /// If the ledger fails; whether it was marked is then unknown, so it must count as used.
    fn use_once(
        &self,
        purpose: Purpose,
        what: Digest,
        until: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Result<bool, LedgerError>>;

    /// Keeps a thing, sealed, until somebody who knows its name collects it. `false` if something is kept by that name, or
    /// if it is over already.
    ///
    /// # Errors
    /// If it is longer than [`super::MAX_LEFT_BYTES`], or the ledger fails.
    fn leave(
        &self,
        what: Digest,
        thing: Secrets,
        until: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Result<bool, LedgerError>>;

    /// Hands out what was left by that name, to one caller over all replicas, and once.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] if it is not what was left; or if the ledger fails, and it may be gone.
    fn collect(
        &self,
        what: Digest,
        now: Timestamp,
    ) -> Pending<'_, Result<Option<Secrets>, LedgerError>>;

    /// The end of the log.
    ///
    /// # Errors
    /// If the ledger fails.
    fn log_position(&self) -> Pending<'_, Result<Position, LedgerError>>;

    /// What the log says after `position`, at most `limit` entries, which is at most [`super::MAX_ROWS`]. Read one after the other, it
    /// has every entry exactly once.
    ///
    /// # Errors
    /// If the ledger fails.
    fn log_after(
        &self,
        position: Position,
        limit: u32,
    ) -> Pending<'_, Result<Changes, LedgerError>>;

    /// Resolves when the log may have grown since it last did. It may do so without cause, late or never: whoever
    /// follows the log must look at it by the clock too. For one follower at a time.
    fn hint(&self) -> Pending<'_, ()>;

    /// Removes what has expired: sessions with their cookies, marks of [`Ledger::use_once`], what was left, and entries of the log older than
    /// [`super::LOG_KEPT`]; of each at most `batch`, which is at most [`super::MAX_ROWS`]. Returns how many rows went; call again while it is not 0.
    ///
    /// The log says of the sessions that they ended ([`EndReason::Expired`]): for requests they were over already, for what is
    /// open still they are over now.
    ///
    /// # Errors
    /// If the ledger fails.
    fn sweep(&self, now: Timestamp, batch: u32) -> Pending<'_, Result<u64, LedgerError>>;
}
