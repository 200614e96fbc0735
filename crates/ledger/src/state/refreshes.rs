//! Asking a provider anew: one replica at a time.

use tokens::Timestamp;

use super::bounds::{MAX_FACTS_BYTES, MAX_SECRETS_BYTES, fits};
use super::log::{Became, append};
use super::row::{damaged, values};
use super::stored::Stored;
use super::{Claimed, LedgerError, NewFacts, Secrets, SessionId};

impl Stored {
    pub(super) async fn claim(
        &self,
        session: SessionId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Claimed>, LedgerError> {
        let update = "UPDATE doorward_sessions SET refresh_claim = $2 \
                      WHERE id = $1 AND live_until > $3 AND refresh_claim <= $3 AND refresh_at <= $3 \
                      AND secrets IS NOT NULL RETURNING secrets, provider, facts";
        let mut transaction = self.database.begin().await?;
        let Some(row) = transaction.row(update, values![session, until, now]).await? else {
            return Ok(None);
        };
        let sealed: Vec<u8> = row.get(0)?;
        let (provider, facts) = (row.get(1)?, row.get(2)?);
        transaction.commit().await?;
        let secrets = self.unseal(session, &sealed);
        let secrets = secrets.ok_or_else(|| damaged("a session's secrets"))?;
        Ok(Some(Claimed { provider, facts, secrets }))
    }

    pub(super) async fn secrets_of(
        &self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<Secrets>, LedgerError> {
        let select = "SELECT secrets FROM doorward_sessions \
                      WHERE id = $1 AND live_until > $2 AND secrets IS NOT NULL";
        let mut transaction = self.database.begin().await?;
        let Some(row) = transaction.row(select, values![session, now]).await? else {
            return Ok(None);
        };
        let sealed: Vec<u8> = row.get(0)?;
        self.unseal(session, &sealed).map(Some).ok_or_else(|| damaged("a session's secrets"))
    }

    pub(super) async fn replace(
        &self,
        session: SessionId,
        new: NewFacts,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        fits("facts", &new.facts, MAX_FACTS_BYTES)?;
        let secrets = new.secrets.as_ref();
        let plain = secrets.map_or(&[][..], |secrets| secrets.as_bytes());
        fits("secrets", plain, MAX_SECRETS_BYTES)?;
        let secrets = secrets.map(|secrets| self.seal(session, secrets)).transpose()?;
        let update = "UPDATE doorward_sessions SET facts = $2, secrets = COALESCE($3, secrets), \
                      refresh_at = $4, refresh_claim = 0 \
                      WHERE id = $1 AND live_until > $5 AND ($6 IS NULL OR refresh_claim = $6)";
        let values = values![session, new.facts, secrets, new.refresh_at, now, new.claim];
        let mut transaction = self.database.begin().await?;
        if transaction.change(update, values).await? == 0 {
            return Ok(false);
        }
        let became = new.same_until.map_or(Became::Changed, Became::Confirmed);
        append(&mut transaction, &[session], became, now).await?;
        transaction.commit().await?;
        self.grew();
        Ok(true)
    }
}
