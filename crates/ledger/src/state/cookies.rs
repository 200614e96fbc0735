//! One cookie for each host on which a session is used.

use tokens::{Digest, Timestamp};

use super::bounds::{MAX_COOKIES, MAX_COOKIES_OF_HOST, MAX_HOST_BYTES, text_fits};
use super::row::{locking, values};
use super::stored::Stored;
use super::{LedgerError, SessionId};

/// The number of a session's first cookie, and after that one is gone of the oldest for the same host.
const FIRST: i64 = 1;

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
        let cookies =
            "SELECT number, host FROM doorward_cookies WHERE session = $1 ORDER BY number";
        let cookies = transaction.rows(cookies, values![session]).await?;
        let cookies: Vec<(i64, String)> = cookies
            .iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect::<Result<_, LedgerError>>()?;
        let number = cookies.last().map_or(0, |(last, _)| *last).saturating_add(1);
        if let Some(place) = in_place_of(&cookies, host) {
            let delete = "DELETE FROM doorward_cookies WHERE session = $1 AND number = $2";
            transaction.change(delete, values![session, place.gone]).await?;
            let rename =
                "UPDATE doorward_cookies SET number = $2 WHERE session = $1 AND number = $3";
            if let Some(heir) = place.heir {
                transaction.change(rename, values![session, FIRST, heir]).await?;
            }
        }
        let insert = "INSERT INTO doorward_cookies (digest, session, host, number) \
                      VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        if transaction.change(insert, values![cookie, session, host, number]).await? == 0 {
            return Err(LedgerError::Reused { what: "cookie" });
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// What makes room for a new cookie.
struct Place {
    /// The number of the cookie that goes.
    gone: i64,
    /// The number of the one that is the first from now on.
    heir: Option<i64>,
}

/// Which of a session's cookies, in the order of their numbers, a new one for `host` takes the place of: the oldest for
/// that host, so that visits to one host take no other host's away; or else the oldest, but never the first.
fn in_place_of(cookies: &[(i64, String)], host: &str) -> Option<Place> {
    let here = || cookies.iter().filter(|(_, at)| at == host).map(|(number, _)| *number);
    if here().count() >= in_all(MAX_COOKIES_OF_HOST) {
        let gone = here().next()?;
        return Some(Place { gone, heir: here().nth(1).filter(|_| gone == FIRST) });
    }
    if cookies.len() >= in_all(MAX_COOKIES) {
        let gone = cookies.iter().map(|(number, _)| *number).find(|number| *number != FIRST)?;
        return Some(Place { gone, heir: None });
    }
    None
}

fn in_all(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
