//! What has expired is removed, a bounded number of rows at a time.

use tokens::Timestamp;

use super::bounds::{LOG_KEPT, MARK_KEPT, limit_fits};
use super::ends::end_locked;
use super::row::{Sql, damaged, locking, values};
use super::stored::Stored;
use super::{EndReason, LedgerError, Position};

/// Expired sessions; those that somebody else has in hand are left for the next time.
const SESSIONS: Sql = Sql {
    postgres: "SELECT id FROM doorward_sessions WHERE live_until <= $1 \
               ORDER BY live_until LIMIT $2 FOR UPDATE SKIP LOCKED",
    sqlite: "SELECT id FROM doorward_sessions WHERE live_until <= $1 \
             ORDER BY live_until LIMIT $2",
};

/// Marks that nobody asks for any more, whatever the clock.
const USED: &str = "DELETE FROM doorward_used WHERE (digest, purpose) IN \
                    (SELECT digest, purpose FROM doorward_used WHERE until <= $1 \
                    ORDER BY until LIMIT $2)";

/// What nobody has collected.
const LEFT: &str = "DELETE FROM doorward_left WHERE digest IN \
                    (SELECT digest FROM doorward_left WHERE until <= $1 ORDER BY until LIMIT $2)";

impl Stored {
    pub(super) async fn sweep_all(&self, now: Timestamp, batch: u32) -> Result<u64, LedgerError> {
        limit_fits(batch)?;
        let sessions = self.in_time(self.sweep_sessions(now, batch)).await?;
        let used = self.in_time(self.sweep_used(now, batch)).await?;
        let left = self.in_time(self.sweep_left(now, batch)).await?;
        let log = self.in_time(self.sweep_log(now, batch)).await?;
        Ok(sessions.saturating_add(used).saturating_add(left).saturating_add(log))
    }

    /// Ends what has expired, also for who uses it still, such as an open stream.
    async fn sweep_sessions(&self, now: Timestamp, batch: u32) -> Result<u64, LedgerError> {
        let mut transaction = self.database.begin().await?;
        let rows = transaction.rows(SESSIONS, values![now, batch]).await?;
        let ids = rows.iter().map(|row| row.id(0)).collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() {
            return Ok(0);
        }
        end_locked(&mut transaction, &ids, (EndReason::Expired, None), now).await?;
        transaction.commit().await?;
        self.grew();
        Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
    }

    async fn sweep_used(&self, now: Timestamp, batch: u32) -> Result<u64, LedgerError> {
        let mut transaction = self.database.begin().await?;
        let swept = transaction.change(USED, values![now.minus(MARK_KEPT), batch]).await?;
        transaction.commit().await?;
        Ok(swept)
    }

    async fn sweep_left(&self, now: Timestamp, batch: u32) -> Result<u64, LedgerError> {
        let mut transaction = self.database.begin().await?;
        let swept = transaction.change(LEFT, values![now, batch]).await?;
        transaction.commit().await?;
        Ok(swept)
    }

    /// Sweeps the entries before the first one that must be kept.
    async fn sweep_log(&self, now: Timestamp, batch: u32) -> Result<u64, LedgerError> {
        let mut transaction = self.database.begin().await?;
        let log = locking!("SELECT position, swept FROM doorward_log");
        let log = transaction.row(log, values![]).await?.ok_or_else(|| damaged("the log"))?;
        let (last, swept) = (log.position(0)?, log.position(1)?);
        let kept = "SELECT MIN(position) FROM doorward_changes WHERE at >= $1";
        let kept = transaction.row(kept, values![now.minus(LOG_KEPT)]).await?;
        let kept = kept.map(|row| row.get::<Option<i64>>(0)).transpose()?.flatten();
        let kept = kept.and_then(|kept| u64::try_from(kept).ok());
        let old = kept.map_or(last.0, |kept| kept.saturating_sub(1));
        let upto = Position(old.min(swept.0.saturating_add(batch.into())));
        if upto <= swept {
            return Ok(0);
        }
        let delete = "DELETE FROM doorward_changes WHERE position <= $1";
        let gone = transaction.change(delete, values![upto]).await?;
        transaction.change("UPDATE doorward_log SET swept = $1", values![upto]).await?;
        transaction.commit().await?;
        Ok(gone)
    }
}
