//! SQLite, built in.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    SqliteTransaction,
};
use sqlx::{ConnectOptions, Executor, Sqlite, sqlite::SqliteArguments};

use super::{Database, common_error};
use crate::state::options::BUSY_WAIT;
use crate::state::row::{Row, Value};
use crate::state::{LedgerError, LedgerOptions, OpenError};

/// How long a writer rests before it asks again whether another process is done.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// SQLite's result codes (sqlite.org/rescode.html), of which the extended ones have these in their low byte.
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const NOMEM: i32 = 7;
    pub(super) const READONLY: i32 = 8;
    pub(super) const INTERRUPT: i32 = 9;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const NOTADB: i32 = 26;
}

/// Opens the file, or makes it; nobody else may read it.
pub(super) fn connect(path: &Path, options: &LedgerOptions) -> Result<Database, OpenError> {
    own_file(path)?;
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        // What has been confirmed survives a power cut: an end must not be forgotten.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .disable_statement_logging();
    let pool = |connections, connect| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(options.limit)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(connect)
    };
    let reader = connect.clone().busy_timeout(options.limit);
    Ok(Database::Sqlite {
        readers: pool(options.connections.max(1), reader.clone()),
        writer: pool(1, connect.busy_timeout(BUSY_WAIT)),
        follower: pool(1, reader),
    })
}

fn own_file(path: &Path) -> Result<(), OpenError> {
    let failed = |cause| OpenError::File { path: path.to_owned(), cause };
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(OpenError::Mode { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Begins to write. While another process writes, it waits as long as it is let.
pub(super) async fn begin(writer: &SqlitePool) -> Result<SqliteTransaction<'static>, LedgerError> {
    loop {
        match writer.begin_with("BEGIN IMMEDIATE").await {
            Err(sqlx::Error::Database(cause)) if primary(&*cause) == Some(code::BUSY) => {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            begun => return begun.map_err(error),
        }
    }
}

pub(super) async fn rows<'c>(
    executor: impl Executor<'c, Database = Sqlite>,
    sql: &'static str,
    values: Vec<Value>,
) -> Result<Vec<Row>, LedgerError> {
    let rows = query(sql, values).fetch_all(executor).await.map_err(error)?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

pub(super) async fn change<'c>(
    executor: impl Executor<'c, Database = Sqlite>,
    sql: &'static str,
    values: Vec<Value>,
) -> Result<u64, LedgerError> {
    query(sql, values).execute(executor).await.map(|done| done.rows_affected()).map_err(error)
}

pub(super) async fn script<'c>(
    executor: impl Executor<'c, Database = Sqlite>,
    sql: &'static str,
) -> Result<(), LedgerError> {
    sqlx::raw_sql(sql).execute(executor).await.map(drop).map_err(error)
}

fn query(
    sql: &'static str,
    values: Vec<Value>,
) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Bytes(bytes) => query.bind(bytes),
        Value::Number(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
    })
}

pub(super) fn error(cause: sqlx::Error) -> LedgerError {
    let sqlx::Error::Database(inner) = &cause else { return common_error(&cause) };
    let text = inner.message().to_owned();
    match primary(&**inner) {
        Some(
            code::BUSY
            | code::LOCKED
            | code::NOMEM
            | code::READONLY
            | code::INTERRUPT
            | code::IOERR
            | code::CANTOPEN,
        ) => LedgerError::Unavailable(text),
        Some(code::CORRUPT | code::NOTADB) => LedgerError::Corrupt(text),
        Some(code::FULL) => LedgerError::Full(text),
        _ => LedgerError::Bug(text),
    }
}

fn primary(cause: &dyn sqlx::error::DatabaseError) -> Option<i32> {
    cause.code()?.parse::<i32>().ok().map(|code| code & 0xff)
}
