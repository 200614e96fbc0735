//! The log of changes: without gaps, in the order of commits.

use tokens::Timestamp;

use super::bounds::limit_fits;
use super::database::Transaction;
use super::row::{Row, Value, damaged, over_list, values};
use super::stored::Stored;
use super::{Change, Changes, EndReason, LedgerError, Position, SessionId};

/// Appends what became of `sessions`. To be done last: from here to the commit nobody else appends, so that positions
/// are in the order of commits.
pub(super) async fn append(
    transaction: &mut Transaction,
    sessions: &[SessionId],
    reason: Option<EndReason>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let count = i64::try_from(sessions.len()).unwrap_or(i64::MAX);
    let advance = "UPDATE doorward_log SET position = position + $1 RETURNING position";
    let end = transaction.row(advance, values![count]).await?.ok_or_else(|| damaged("the log"))?;
    let start = end.get::<i64>(0)?.saturating_sub(count);
    let insert = over_list!(
        "INSERT INTO doorward_changes (position, session, reason, at) \
         SELECT number, id, $2, $3 FROM listed"
    );
    let list = Value::list(sessions.iter().copied().zip(start.saturating_add(1)..));
    transaction.change(insert, values![list, reason.map(EndReason::name), now]).await?;
    transaction.announce().await
}

impl Stored {
    pub(super) async fn position(&self) -> Result<Position, LedgerError> {
        Ok(self.ends().await?.0)
    }

    pub(super) async fn changes_after(
        &self,
        position: Position,
        limit: u32,
    ) -> Result<Changes, LedgerError> {
        limit_fits(limit)?;
        let query = "SELECT position, session, reason FROM doorward_changes \
                     WHERE position > $1 ORDER BY position LIMIT $2";
        let rows = self.database.log_rows(query, values![position, limit]).await?;
        // Read after the entries: what was swept before they were read is in it.
        let (last, swept) = self.ends().await?;
        if position < swept || position > last {
            return Ok(Changes { upto: last, entries: Vec::new(), truncated: true });
        }
        let entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let mut upto = position;
        for (found, _) in &entries {
            if found.0 != upto.0.saturating_add(1) {
                return Err(damaged("the log"));
            }
            upto = *found;
        }
        Ok(Changes { upto, entries, truncated: false })
    }

    /// The positions of the last entry, and of the last one that was swept.
    async fn ends(&self) -> Result<(Position, Position), LedgerError> {
        let query = "SELECT position, swept FROM doorward_log";
        let rows = self.database.log_rows(query, values![]).await?;
        let row = rows.first().ok_or_else(|| damaged("the log"))?;
        Ok((row.position(0)?, row.position(1)?))
    }
}

fn entry(row: &Row) -> Result<(Position, Change), LedgerError> {
    let session = row.id(1)?;
    let change = match row.get::<Option<String>>(2)? {
        None => Change::Changed(session),
        Some(reason) => Change::Ended(session, EndReason::named(&reason)),
    };
    Ok((row.position(0)?, change))
}
