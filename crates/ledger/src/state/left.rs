//! What is kept for a browser between two of its requests, because a URL cannot carry it.

use tokens::{Digest, Timestamp};

use super::bounds::{MAX_LEFT_BYTES, fits};
use super::row::{damaged, values};
use super::stored::Stored;
use super::{LedgerError, Secrets};

impl Stored {
    pub(super) async fn leave_behind(
        &self,
        what: Digest,
        thing: Secrets,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        fits("thing that is left", thing.as_bytes(), MAX_LEFT_BYTES)?;
        if until <= now {
            return Ok(false);
        }
        let sealed = self.seal_left(&what, &thing)?;
        let insert = "INSERT INTO doorward_left (digest, thing, until) VALUES ($1, $2, $3) \
                      ON CONFLICT DO NOTHING";
        let mut transaction = self.database.begin().await?;
        let new = transaction.change(insert, values![what, sealed, until]).await? == 1;
        transaction.commit().await?;
        Ok(new)
    }

    pub(super) async fn collect_left(
        &self,
        what: Digest,
        now: Timestamp,
    ) -> Result<Option<Secrets>, LedgerError> {
        let delete = "DELETE FROM doorward_left WHERE digest = $1 AND until > $2 RETURNING thing";
        let mut transaction = self.database.begin().await?;
        let Some(row) = transaction.row(delete, values![what, now]).await? else {
            return Ok(None);
        };
        let sealed: Vec<u8> = row.get(0)?;
        transaction.commit().await?;
        self.unseal_left(&what, &sealed).map(Some).ok_or_else(|| damaged("a thing that was left"))
    }
}
