//! Sessions: begun, found, seen, listed.

use std::time::Duration;

use tokens::{Digest, Timestamp};

use super::belated::Belonging;
use super::bounds::{
    LATEST, MAX_FACTS_BYTES, MAX_HOST_BYTES, MAX_PROVIDER_BYTES, MAX_SECRETS_BYTES,
    MAX_SUBJECT_BYTES, fits, limit_fits, rows_fit, text_fits,
};
use super::ends::end_one;
use super::row::{Value, millis, over_list, values};
use super::stored::Stored;
use super::{
    EndReason, LedgerError, NewSession, SessionFilter, SessionId, SessionSummary, StoredSession,
};

impl Stored {
    pub(super) async fn start(&self, new: NewSession, now: Timestamp) -> Result<bool, LedgerError> {
        bound(&new)?;
        let belonging = Belonging::of(&new);
        let secrets = new.secrets.as_ref().map(|secrets| self.seal(new.id, secrets)).transpose()?;
        let (seen_at, idle) = (new.began_at.min(LATEST), idle_millis(new.idle));
        let live_until = seen_at.plus(new.idle).min(new.ends_at);
        let mut transaction = self.database.begin().await?;
        let before = "SELECT session FROM doorward_changes WHERE session = $1 LIMIT 1";
        if transaction.row(before, values![new.id]).await?.is_some() {
            return Err(LedgerError::Reused { what: "session id" });
        }
        let insert = "INSERT INTO doorward_sessions (id, provider, subject, provider_session, facts, \
                      secrets, began_at, seen_at, ends_at, idle, live_until, refresh_at, alias) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING";
        let session = values![
            new.id,
            new.provider.as_str(),
            new.subject.as_str(),
            new.provider_session.as_deref(),
            new.facts,
            secrets,
            new.began_at,
            seen_at,
            new.ends_at,
            idle,
            live_until,
            new.refresh_at,
            new.alias,
        ];
        if transaction.change(insert, session).await? == 0 {
            return Err(LedgerError::Reused { what: "session id" });
        }
        let insert = "INSERT INTO doorward_cookies (digest, session, host, number) \
                      VALUES ($1, $2, $3, 1) ON CONFLICT DO NOTHING";
        let cookie = values![new.cookie, new.id, new.host.as_str()];
        if transaction.change(insert, cookie).await? == 0 {
            return Err(LedgerError::Reused { what: "cookie" });
        }
        // Nothing that is there ends for one that does not begin.
        if belonging.is_belated(&mut transaction).await? {
            return Ok(false);
        }
        let ended = match new.replaces {
            Some(old) => end_one(&mut transaction, old, EndReason::Replaced, now).await?,
            None => false,
        };
        transaction.commit().await?;
        if ended {
            self.grew();
        }
        // Behind the commit: whoever ends sessions now finds this one, and who has done so before is found.
        Ok(!self.take_back_if_belated(&belonging).await?)
    }

    pub(super) async fn find(
        &self,
        cookie: Digest,
        now: Timestamp,
    ) -> Result<Option<StoredSession>, LedgerError> {
        let query = "SELECT s.id, c.host, s.provider, s.subject, s.facts, s.began_at, s.seen_at, \
                     s.ends_at, s.idle, s.refresh_at \
                     FROM doorward_cookies c JOIN doorward_sessions s ON s.id = c.session \
                     WHERE c.digest = $1 AND s.live_until > $2";
        let Some(row) = self.database.row(query, values![cookie, now]).await? else {
            return Ok(None);
        };
        let refresh_at: Option<i64> = row.get(9)?;
        Ok(Some(StoredSession {
            id: row.id(0)?,
            host: row.get(1)?,
            provider: row.get(2)?,
            subject: row.get(3)?,
            facts: row.get(4)?,
            began_at: row.moment(5)?,
            seen_at: row.moment(6)?,
            ends_at: row.moment(7)?,
            idle: Duration::from_millis(row.number(8)?),
            refresh_at: refresh_at.map(|_| row.moment(9)).transpose()?,
        }))
    }

    pub(super) async fn note_seen(
        &self,
        seen: &[(SessionId, Timestamp)],
    ) -> Result<(), LedgerError> {
        rows_fit(seen.len())?;
        if seen.is_empty() {
            return Ok(());
        }
        // All writers lock sessions in this order, so that no two wait for each other.
        let held = over_list!(
            "SELECT id FROM doorward_sessions WHERE id IN (SELECT id FROM listed) ORDER BY id",
            locking
        );
        let update = over_list!(
            "UPDATE doorward_sessions SET seen_at = latest.moment, live_until = \
             CASE WHEN latest.moment + idle < ends_at THEN latest.moment + idle ELSE ends_at END \
             FROM (SELECT s.id, MAX(l.number) AS moment \
             FROM listed l JOIN doorward_sessions s ON s.id = l.id \
             WHERE l.number > s.seen_at AND l.number < s.live_until GROUP BY s.id) AS latest \
             WHERE doorward_sessions.id = latest.id"
        );
        let list = Value::list(seen.iter().map(|(id, at)| (*id, millis(*at))));
        let mut transaction = self.database.begin().await?;
        transaction.rows(held, vec![list.clone()]).await?;
        transaction.change(update, vec![list]).await?;
        transaction.commit().await
    }

    pub(super) async fn list(
        &self,
        filter: &SessionFilter,
        after: Option<SessionId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<SessionSummary>, LedgerError> {
        limit_fits(limit)?;
        let query = "SELECT id, provider, subject, began_at, seen_at, ends_at, idle \
                     FROM doorward_sessions WHERE live_until > $1 AND ($2 IS NULL OR id > $2) \
                     AND ($3 IS NULL OR provider = $3) AND ($4 IS NULL OR subject = $4) \
                     ORDER BY id LIMIT $5";
        let values = values![
            now,
            after.map(|id| id.as_bytes().to_vec()),
            filter.provider.as_deref(),
            filter.subject.as_deref(),
            limit,
        ];
        let rows = self.database.rows(query, values).await?;
        rows.iter()
            .map(|row| {
                Ok(SessionSummary {
                    id: row.id(0)?,
                    provider: row.get(1)?,
                    subject: row.get(2)?,
                    began_at: row.moment(3)?,
                    seen_at: row.moment(4)?,
                    ends_at: row.moment(5)?,
                    idle: Duration::from_millis(row.number(6)?),
                })
            })
            .collect()
    }
}

fn bound(new: &NewSession) -> Result<(), LedgerError> {
    text_fits("host", &new.host, MAX_HOST_BYTES)?;
    text_fits("name of the provider", &new.provider, MAX_PROVIDER_BYTES)?;
    text_fits("subject", &new.subject, MAX_SUBJECT_BYTES)?;
    let session = new.provider_session.as_deref().unwrap_or_default();
    text_fits("name of the session at its provider", session, MAX_SUBJECT_BYTES)?;
    fits("facts", &new.facts, MAX_FACTS_BYTES)?;
    let secrets = new.secrets.as_ref().map_or(&[][..], |secrets| secrets.as_bytes());
    fits("secrets", secrets, MAX_SECRETS_BYTES)
}

/// A time without being seen, as it is stored.
fn idle_millis(idle: Duration) -> i64 {
    millis(Timestamp::default().plus(idle))
}
