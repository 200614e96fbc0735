//! How much of everything there may be.

use std::time::Duration;

use tokens::Timestamp;

use super::LedgerError;

/// How many bytes a session's facts may have: the longest that a provider may tell, as text within a text, which doubles
/// what has to be escaped, and what is kept beside them.
pub const MAX_FACTS_BYTES: usize = 2 * tokens::MAX_FACTS_BYTES + 4 * 1024;
/// How many bytes a session's secrets may have, before they are sealed.
pub const MAX_SECRETS_BYTES: usize = 16 * 1024;
/// How many bytes there may be in what is left for a browser, before it is sealed: a session's facts, and what its
/// provider calls it.
pub const MAX_LEFT_BYTES: usize = MAX_FACTS_BYTES + MAX_SECRETS_BYTES;
/// How many bytes a host may have (RFC 1035 §2.3.4, without the trailing dot).
pub const MAX_HOST_BYTES: usize = 253;
/// How many bytes the name of a provider may have.
pub const MAX_PROVIDER_BYTES: usize = 256;
/// How many bytes a subject, or a provider's own name for a session, may have.
pub const MAX_SUBJECT_BYTES: usize = 1024;
/// How many bytes a note on a revocation may have.
pub const MAX_NOTE_BYTES: usize = 512;
/// How many cookies a session may have. A new one takes the place of the oldest, but never that of the last one for the
/// host on which the session began.
pub const MAX_COOKIES: u32 = 64;
/// How many of them may be for one host; a new one takes the place of the oldest there.
pub const MAX_COOKIES_OF_HOST: u32 = 2;
/// How many rows one call may ask for or hand in.
pub const MAX_ROWS: u32 = 1_000;
/// How many sessions are ended in one transaction.
pub const ENDS_AT_ONCE: u32 = 500;
/// How long the log keeps an entry at least. Who has not read it for that long is told to drop everything.
pub const LOG_KEPT: Duration = Duration::from_secs(60 * 60);
/// How long it is remembered that all sessions of a kind were ended, so that none begins late that its provider vouched
/// for before. Longer than beginning one may take.
pub const ENDING_KEPT: Duration = Duration::from_secs(20 * 60);
/// How much longer a mark of [`super::Ledger::use_once`] is kept than it counts, for replicas whose clocks differ.
pub const MARK_KEPT: Duration = Duration::from_secs(5 * 60);
/// The latest moment that is kept, the end of the year 9999; later ones become this one.
pub const LATEST: Timestamp = Timestamp::from_millis(253_402_300_799_999);

/// Checks that `what` has no more bytes than `limit`.
pub(super) fn fits(what: &'static str, bytes: &[u8], limit: usize) -> Result<(), LedgerError> {
    if bytes.len() > limit {
        return Err(LedgerError::TooLong { what, limit });
    }
    Ok(())
}

/// The same for text, which may hold no NUL: PostgreSQL cannot keep one.
pub(super) fn text_fits(what: &'static str, text: &str, limit: usize) -> Result<(), LedgerError> {
    fits(what, text.as_bytes(), limit)?;
    if text.contains('\0') {
        return Err(LedgerError::Nul { what });
    }
    Ok(())
}

/// Checks that a number of rows is no more than [`MAX_ROWS`].
pub(super) fn rows_fit(rows: usize) -> Result<(), LedgerError> {
    limit_fits(u32::try_from(rows).unwrap_or(u32::MAX))
}

/// As [`rows_fit`], for a number that is asked for.
pub(super) fn limit_fits(rows: u32) -> Result<(), LedgerError> {
    if rows > MAX_ROWS {
        return Err(LedgerError::TooManyRows { limit: MAX_ROWS });
    }
    Ok(())
}
