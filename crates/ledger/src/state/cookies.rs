//! One cookie for each host on which a session is used.

use tokens::{Digest, Timestamp};

use super::bounds::{MAX_COOKIES, MAX_HOST_BYTES, text_fits};
use super::row::{locking, values};
use super::stored::Stored;
use super::{LedgerError, SessionId};

impl Stored {
    pub(super) async fn add(
        &self,
        session: SessionId,
        cookie: Digest,
        host: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        text_fits("host", host, MAX_HOST_BYTES)?;
        let mut transaction = self.database.begin().await?;
        // Held until the commit: it neither ends nor gets another cookie meanwhile.
        let live = locking!("SELECT id FROM doorward_sessions WHERE id = $1 AND live_until > $2");
        if transaction.row(live, values![session, now]).await?.is_none() {
            return Ok(false);
        }
        let last = "SELECT MAX(number) FROM doorward_cookies WHERE session = $1";
        let last = transaction.row(last, values![session]).await?;
        let last = last.map(|row| row.get::<Option<i64>>(0)).transpose()?.flatten().unwrap_or(0);
        let number = last.saturating_add(1);
        let insert = "INSERT INTO doorward_cookies (digest, session, host, number) \
                      VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        if transaction.change(insert, values![cookie, session, host, number]).await? == 0 {
            return Err(LedgerError::Reused { what: "cookie" });
        }
        let oldest = "DELETE FROM doorward_cookies WHERE session = $1 AND number <= $2";
        let gone = number.saturating_sub(i64::from(MAX_COOKIES));
        transaction.change(oldest, values![session, gone]).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
