//! What goes into statements, and what comes out.

use serde_json::Value as Json;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};
use tokens::{Digest, Timestamp};

use super::bounds::LATEST;
use super::{LedgerError, Position, SessionId};

/// A statement, in each dialect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sql {
    pub(super) postgres: &'static str,
    pub(super) sqlite: &'static str,
}

impl From<&'static str> for Sql {
    /// A statement that means the same in both dialects.
    fn from(text: &'static str) -> Self {
        Self { postgres: text, sqlite: text }
    }
}

/// A query whose rows stay as they are until the end of the transaction. In SQLite there is no other writer anyway.
macro_rules! locking {
    ($text:literal) => {
        $crate::state::row::Sql { postgres: concat!($text, " FOR UPDATE"), sqlite: $text }
    };
}
pub(super) use locking;

/// A statement over `listed (id, number)`: the list that is `$1`, as [`Value::list`] makes it. With `locking` as for
/// [`locking!`].
macro_rules! over_list {
    ($text:literal) => {
        $crate::state::row::over_list!($text, "")
    };
    ($text:literal, locking) => {
        $crate::state::row::over_list!($text, " FOR UPDATE")
    };
    ($text:literal, $postgres:literal) => {
        $crate::state::row::Sql {
            postgres: concat!(
                "WITH listed AS (SELECT decode(pair ->> 0, 'hex') AS id, \
                 CAST(pair ->> 1 AS BIGINT) AS number \
                 FROM jsonb_array_elements(CAST($1 AS JSONB)) AS pairs (pair)) ",
                $text,
                $postgres
            ),
            sqlite: concat!(
                "WITH listed AS (SELECT unhex(value ->> 0) AS id, value ->> 1 AS number \
                 FROM json_each($1)) ",
                $text
            ),
        }
    };
}
pub(super) use over_list;

/// The values `$1`, `$2` … of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::state::row::Value::from($value)),*] };
}
pub(super) use values;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Bytes(Option<Vec<u8>>),
    Number(Option<i64>),
    Text(Option<String>),
}

impl Value {
    /// Sessions, each with a number, for [`over_list!`]: JSON, so that one statement takes them all.
    pub(super) fn list(pairs: impl IntoIterator<Item = (SessionId, i64)>) -> Self {
        let pair = |(id, number): (SessionId, i64)| [Json::from(id.to_string()), number.into()];
        Self::Text(Some(pairs.into_iter().map(pair).collect::<Json>().to_string()))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(Some(number.into()))
    }
}

impl From<Timestamp> for Value {
    fn from(moment: Timestamp) -> Self {
        Self::Number(Some(millis(moment)))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(moment: Option<Timestamp>) -> Self {
        Self::Number(moment.map(millis))
    }
}

impl From<Position> for Value {
    fn from(position: Position) -> Self {
        // INVARIANT: it came from the ledger, or is far beyond what the ledger will have.
        Self::Number(Some(i64::try_from(position.0).unwrap_or(i64::MAX)))
    }
}

impl From<Digest> for Value {
    fn from(digest: Digest) -> Self {
        Self::Bytes(Some(digest.as_bytes().to_vec()))
    }
}

impl From<Option<Digest>> for Value {
    fn from(digest: Option<Digest>) -> Self {
        Self::Bytes(digest.map(|digest| digest.as_bytes().to_vec()))
    }
}

impl From<SessionId> for Value {
    fn from(id: SessionId) -> Self {
        Self::Bytes(Some(id.as_bytes().to_vec()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(bytes: Option<Vec<u8>>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

/// A moment as it is stored.
pub(super) fn millis(moment: Timestamp) -> i64 {
    i64::try_from(moment.min(LATEST).as_millis()).unwrap_or(i64::MAX)
}

/// A row of an answer.
#[derive(Debug)]
pub(super) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

impl Row {
    /// The value in a column, counted from 0.
    pub(super) fn get<'row, T>(&'row self, column: usize) -> Result<T, LedgerError>
    where
        T: Decode<'row, Postgres> + Type<Postgres> + Decode<'row, Sqlite> + Type<Sqlite>,
    {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row.try_get(column),
        }
        .map_err(|cause| LedgerError::Corrupt(cause.to_string()))
    }

    pub(super) fn id(&self, column: usize) -> Result<SessionId, LedgerError> {
        let bytes: Vec<u8> = self.get(column)?;
        let bytes = bytes.try_into().map_err(|_| damaged("a session's id"))?;
        Ok(SessionId::new(bytes))
    }

    pub(super) fn moment(&self, column: usize) -> Result<Timestamp, LedgerError> {
        self.number(column).map(Timestamp::from_millis)
    }

    pub(super) fn position(&self, column: usize) -> Result<Position, LedgerError> {
        self.number(column).map(Position)
    }

    pub(super) fn number(&self, column: usize) -> Result<u64, LedgerError> {
        u64::try_from(self.get::<i64>(column)?).map_err(|_| damaged("a number"))
    }
}

/// What is stored is not what was stored.
pub(super) fn damaged(what: &str) -> LedgerError {
    LedgerError::Corrupt(format!("{what} is not as it was stored"))
}
