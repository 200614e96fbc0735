//! A database of either kind, and its transactions.

mod postgres;
mod sqlite;

use std::time::Duration;

use sqlx::postgres::{PgPool, PgTransaction};
use sqlx::sqlite::{SqlitePool, SqliteTransaction};

use super::row::{Row, Sql, Value};
use super::{LedgerError, LedgerOptions, LedgerPlace, OpenError};

pub(super) use postgres::listen;

/// A database.
#[derive(Clone, Debug)]
pub(super) enum Database {
    Postgres {
        pool: PgPool,
        /// One connection, for who follows the log.
        follower: PgPool,
    },
    /// SQLite has one writer at a time: within the process, writers wait in line for the one connection that writes.
    Sqlite {
        readers: SqlitePool,
        writer: SqlitePool,
        /// One connection, for who follows the log.
        follower: SqlitePool,
    },
}

impl Database {
    pub(super) async fn connect(options: &LedgerOptions) -> Result<Self, OpenError> {
        match &options.place {
            LedgerPlace::Postgres(url) => Ok(postgres::connect(url, options).await?),
            LedgerPlace::Sqlite(path) => sqlite::connect(path, options),
        }
    }

    /// Asks one question.
    pub(super) async fn rows(
        &self,
        sql: impl Into<Sql>,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, LedgerError> {
        let sql = sql.into();
        match self {
            Self::Postgres { pool, .. } => postgres::rows(pool, sql.postgres, values).await,
            Self::Sqlite { readers, .. } => sqlite::rows(readers, sql.sqlite, values).await,
        }
    }

    /// Asks one question that has one answer at most.
    pub(super) async fn row(
        &self,
        sql: impl Into<Sql>,
        values: Vec<Value>,
    ) -> Result<Option<Row>, LedgerError> {
        Ok(self.rows(sql, values).await?.pop())
    }

    /// Asks one question of the log. It waits for nobody else's: who cannot see the log in time believes no session.
    pub(super) async fn log_rows(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, LedgerError> {
        match self {
            Self::Postgres { follower, .. } => postgres::rows(follower, sql, values).await,
            Self::Sqlite { follower, .. } => sqlite::rows(follower, sql, values).await,
        }
    }

    /// Begins to write.
    pub(super) async fn begin(&self) -> Result<Transaction, LedgerError> {
        match self {
            Self::Postgres { pool, .. } => postgres::begin(pool).await.map(Transaction::Postgres),
            Self::Sqlite { writer, .. } => sqlite::begin(writer).await.map(Transaction::Sqlite),
        }
    }

    /// Begins to migrate, which nobody else does at the same time. Others may wait for it for `limit`.
    pub(super) async fn begin_alone(&self, limit: Duration) -> Result<Transaction, LedgerError> {
        match self {
            Self::Postgres { pool, .. } => {
                postgres::begin_alone(pool, limit).await.map(Transaction::Postgres)
            }
            Self::Sqlite { .. } => self.begin().await,
        }
    }
}

/// What is done as a whole or not at all: without a commit it is taken back.
#[derive(Debug)]
pub(super) enum Transaction {
    Postgres(PgTransaction<'static>),
    Sqlite(SqliteTransaction<'static>),
}

impl Transaction {
    pub(super) async fn rows(
        &mut self,
        sql: impl Into<Sql>,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, LedgerError> {
        let sql = sql.into();
        match self {
            Self::Postgres(inner) => postgres::rows(&mut **inner, sql.postgres, values).await,
            Self::Sqlite(inner) => sqlite::rows(&mut **inner, sql.sqlite, values).await,
        }
    }

    pub(super) async fn row(
        &mut self,
        sql: impl Into<Sql>,
        values: Vec<Value>,
    ) -> Result<Option<Row>, LedgerError> {
        Ok(self.rows(sql, values).await?.pop())
    }

    /// Changes something, and tells how many rows.
    pub(super) async fn change(
        &mut self,
        sql: impl Into<Sql>,
        values: Vec<Value>,
    ) -> Result<u64, LedgerError> {
        let sql = sql.into();
        match self {
            Self::Postgres(inner) => postgres::change(&mut **inner, sql.postgres, values).await,
            Self::Sqlite(inner) => sqlite::change(&mut **inner, sql.sqlite, values).await,
        }
    }

    /// Runs statements without values.
    pub(super) async fn script(&mut self, sql: Sql) -> Result<(), LedgerError> {
        match self {
            Self::Postgres(inner) => postgres::script(&mut **inner, sql.postgres).await,
            Self::Sqlite(inner) => sqlite::script(&mut **inner, sql.sqlite).await,
        }
    }

    /// Tells other processes, once this is committed, that the log has grown.
    pub(super) async fn announce(&mut self) -> Result<(), LedgerError> {
        match self {
            Self::Postgres(inner) => postgres::announce(&mut **inner).await,
            Self::Sqlite(_) => Ok(()),
        }
    }

    pub(super) async fn commit(self) -> Result<(), LedgerError> {
        match self {
            Self::Postgres(inner) => inner.commit().await.map_err(postgres::error),
            Self::Sqlite(inner) => inner.commit().await.map_err(sqlite::error),
        }
    }
}

/// What fails in the same way in every database.
fn common_error(cause: &sqlx::Error) -> LedgerError {
    let text = cause.to_string();
    match cause {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_)
        | sqlx::Error::BeginFailed => LedgerError::Unavailable(text),
        // Its text could hold what it was configured with.
        sqlx::Error::Configuration(_) => LedgerError::Bug("the configuration is refused".into()),
        _ => LedgerError::Bug(text),
    }
}
