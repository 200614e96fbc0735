//! The end of sessions: gone from the ledger and told in the log, in one transaction.

use tokens::Timestamp;

use super::bounds::{ENDS_AT_ONCE, MAX_NOTE_BYTES, text_fits};
use super::database::Transaction;
use super::log::{Became, append};
use super::row::{Sql, Value, locking, over_list, values};
use super::stored::Stored;
use super::{EndReason, Ending, LedgerError, SessionId};

impl Stored {
    pub(super) async fn end(
        &self,
        which: &Ending,
        (reason, note): (EndReason, Option<&str>),
        now: Timestamp,
    ) -> Result<Vec<SessionId>, LedgerError> {
        text_fits("note", note.unwrap_or_default(), MAX_NOTE_BYTES)?;
        // Before any is looked for: one that begins meanwhile finds it, or is found.
        self.in_time(self.remember(which, now)).await?;
        let mut ended = Vec::new();
        loop {
            let batch = self.in_time(self.end_some(which, (reason, note), now)).await?;
            let full = batch.len() >= usize::try_from(ENDS_AT_ONCE).unwrap_or(usize::MAX);
            ended.extend(batch);
            if !full {
                return Ok(ended);
            }
        }
    }

    async fn end_some(
        &self,
        which: &Ending,
        why: (EndReason, Option<&str>),
        now: Timestamp,
    ) -> Result<Vec<SessionId>, LedgerError> {
        let mut transaction = self.database.begin().await?;
        let (query, values) = which.query();
        let rows = transaction.rows(query, values).await?;
        let ids = rows.iter().map(|row| row.id(0)).collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() {
            return Ok(ids);
        }
        end_locked(&mut transaction, &ids, why, now).await?;
        transaction.commit().await?;
        self.grew();
        Ok(ids)
    }
}

/// Ends one session. Whether it was there.
pub(super) async fn end_one(
    transaction: &mut Transaction,
    id: SessionId,
    reason: EndReason,
    now: Timestamp,
) -> Result<bool, LedgerError> {
    let held = locking!("SELECT id FROM doorward_sessions WHERE id = $1");
    if transaction.row(held, values![id]).await?.is_none() {
        return Ok(false);
    }
    end_locked(transaction, &[id], (reason, None), now).await?;
    Ok(true)
}

/// Ends sessions that the transaction has locked, in as many statements as one.
pub(super) async fn end_locked(
    transaction: &mut Transaction,
    ids: &[SessionId],
    (reason, note): (EndReason, Option<&str>),
    now: Timestamp,
) -> Result<(), LedgerError> {
    let delete = over_list!("DELETE FROM doorward_sessions WHERE id IN (SELECT id FROM listed)");
    let list = Value::list(ids.iter().map(|id| (*id, 0)));
    transaction.change(delete, vec![list]).await?;
    append(transaction, ids, Became::Over(reason, note), now).await
}

impl Ending {
    /// The sessions, in the order in which all writers lock them.
    fn query(&self) -> (Sql, Vec<Value>) {
        match self {
            Self::All => (
                locking!("SELECT id FROM doorward_sessions ORDER BY id LIMIT $1"),
                values![ENDS_AT_ONCE],
            ),
            Self::Alias { provider, alias } => (
                locking!(
                    "SELECT id FROM doorward_sessions WHERE provider = $2 AND alias = $3 ORDER BY id LIMIT $1"
                ),
                values![ENDS_AT_ONCE, provider.as_str(), *alias],
            ),
            Self::Provider(provider) => (
                locking!(
                    "SELECT id FROM doorward_sessions WHERE provider = $2 ORDER BY id LIMIT $1"
                ),
                values![ENDS_AT_ONCE, provider.as_str()],
            ),
            Self::ProviderSession { provider, session, subject } => (
                locking!(
                    "SELECT id FROM doorward_sessions WHERE provider = $2 AND (provider_session = $3 \
                     OR (provider_session IS NULL AND subject = $4)) ORDER BY id LIMIT $1"
                ),
                values![ENDS_AT_ONCE, provider.as_str(), session.as_str(), subject.as_deref()],
            ),
            Self::Session(id) => (
                locking!("SELECT id FROM doorward_sessions WHERE id = $2 LIMIT $1"),
                values![ENDS_AT_ONCE, *id],
            ),
            Self::Subject { provider, subject } => (
                locking!(
                    "SELECT id FROM doorward_sessions WHERE provider = $2 AND subject = $3 ORDER BY id LIMIT $1"
                ),
                values![ENDS_AT_ONCE, provider.as_str(), subject.as_str()],
            ),
        }
    }
}
