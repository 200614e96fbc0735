//! The log of changes: without gaps, in the order of commits.

use tokens::Timestamp;

use super::bounds::limit_fits;
use super::database::Transaction;
use super::row::{Row, Value, damaged, over_list, values};
use super::stored::Stored;
use super::{Change, Changes, EndReason, LedgerError, Position, Revocation, SessionId};

/// What became of sessions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Became<'a> {
    /// Their facts are others now.
    Changed,
    /// Their facts are the same, and may be used until then.
    Confirmed(Timestamp),
    /// They are over, and an operator may have noted by whom and why.
    Over(EndReason, Option<&'a str>),
}

/// Appends what became of `sessions`. To be done last: from here to the commit nobody else appends, so that positions
/// are in the order of commits.
pub(super) async fn append(
    transaction: &mut Transaction,
    sessions: &[SessionId],
    became: Became<'_>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let count = i64::try_from(sessions.len()).unwrap_or(i64::MAX);
    let advance = "UPDATE doorward_log SET position = position + $1 RETURNING position";
    let end = transaction.row(advance, values![count]).await?.ok_or_else(|| damaged("the log"))?;
    let start = end.get::<i64>(0)?.saturating_sub(count);
    let insert = over_list!(
        "INSERT INTO doorward_changes (position, session, reason, same_until, note, at) \
         SELECT number, id, $2, $3, $4, $5 FROM listed"
    );
    let list = Value::list(sessions.iter().copied().zip(start.saturating_add(1)..));
    let (reason, same_until, note) = match became {
        Became::Changed => (None, None, None),
        Became::Confirmed(until) => (None, Some(until), None),
        Became::Over(reason, note) => (Some(reason.name()), None, note),
    };
    transaction.change(insert, values![list, reason, same_until, note, now]).await?;
    transaction.announce().await
}

impl Stored {
    pub(super) async fn position(&self) -> Result<Position, LedgerError> {
        let query = "SELECT position FROM doorward_log";
        let rows = self.database.log_rows(query, values![]).await?;
        rows.first().ok_or_else(|| damaged("the log"))?.position(0)
    }

    pub(super) async fn changes_after(
        &self,
        position: Position,
        limit: u32,
    ) -> Result<Changes, LedgerError> {
        limit_fits(limit)?;
        // One statement, so that the entries and the ends of the log are of one moment.
        let query = "SELECT l.position, l.swept, c.position, c.session, c.reason, c.same_until FROM doorward_log l \
                     LEFT JOIN (SELECT position, session, reason, same_until FROM doorward_changes \
                     WHERE position > $1 ORDER BY position LIMIT $2) c ON TRUE ORDER BY c.position";
        let rows = self.database.log_rows(query, values![position, limit]).await?;
        let log = rows.first().ok_or_else(|| damaged("the log"))?;
        let (last, swept) = (log.position(0)?, log.position(1)?);
        let truncated = Changes { upto: last, entries: Vec::new(), truncated: true };
        if position < swept || position > last {
            return Ok(truncated);
        }
        let entries = rows.iter().filter_map(|row| entry(row).transpose());
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let mut upto = position;
        for (found, _) in &entries {
            if found.0 != upto.0.saturating_add(1) {
                return Ok(truncated);
            }
            upto = *found;
        }
        if upto.0 < last.0.min(position.0.saturating_add(limit.into())) {
            return Ok(truncated);
        }
        Ok(Changes { upto, entries, truncated: false })
    }

    pub(super) async fn revocations_after(
        &self,
        position: Position,
        limit: u32,
    ) -> Result<Vec<Revocation>, LedgerError> {
        limit_fits(limit)?;
        let query = "SELECT position, session, note FROM doorward_changes \
                     WHERE position > $1 AND reason = $3 ORDER BY position LIMIT $2";
        let values = values![position, limit, EndReason::Revoked.name()];
        let rows = self.database.rows(query, values).await?;
        let one = |row: &Row| {
            Ok(Revocation { position: row.position(0)?, session: row.id(1)?, note: row.get(2)? })
        };
        rows.iter().map(one).collect()
    }
}

/// The entry in a row, if there is one.
fn entry(row: &Row) -> Result<Option<(Position, Change)>, LedgerError> {
    if row.get::<Option<i64>>(2)?.is_none() {
        return Ok(None);
    }
    let session = row.id(3)?;
    let change = match row.get::<Option<String>>(4)? {
        None if row.get::<Option<i64>>(5)?.is_some() => Change::Confirmed(session, row.moment(5)?),
        None => Change::Changed(session),
        Some(reason) => Change::Ended(session, EndReason::named(&reason)),
    };
    Ok(Some((row.position(2)?, change)))
}
