//! PostgreSQL, which replicas share.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgConnection, PgListener, PgPool, PgPoolOptions, PgTransaction,
};
use sqlx::{AssertSqlSafe, Connection, Executor, Postgres};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::{Database, common_error};
use crate::state::row::{Row, Value};
use crate::state::{LedgerError, LedgerOptions, PostgresUrl};

/// Whoever migrates holds this advisory lock: "doorward" in ASCII.
const MIGRATION_LOCK: i64 = 0x646f_6f72_7761_7264;
/// Where commits that make the log grow are announced.
const CHANNEL: &str = "doorward_log";
/// How long after a failure it is tried again to listen.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Connects once, to see that it can be done, and makes pools for later.
pub(super) async fn connect(
    url: &PostgresUrl,
    options: &LedgerOptions,
) -> Result<Database, LedgerError> {
    let connect = url.options();
    let first = timeout(options.limit, PgConnection::connect_with(&connect)).await;
    let first = first.map_err(|_| LedgerError::Unavailable("it does not answer".into()))?;
    first.map_err(error)?.close().await.map_err(error)?;
    let pool = |connections| pool(connect.clone(), connections, options.limit);
    Ok(Database::Postgres { pool: pool(options.connections.max(1)), follower: pool(1) })
}

fn pool(connect: PgConnectOptions, connections: u32, limit: Duration) -> PgPool {
    // The server gives up before the caller does: its locks go, and the connection can be used again at once.
    let millis = (limit * 3 / 4).as_millis();
    let limits: Arc<str> = format!(
        "SET statement_timeout = {millis}; SET lock_timeout = {millis}; \
         SET idle_in_transaction_session_timeout = {millis}"
    )
    .into();
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(limit)
        .after_connect(move |connection, _| {
            let limits = Arc::clone(&limits);
            Box::pin(async move {
                sqlx::raw_sql(AssertSqlSafe(&*limits)).execute(connection).await.map(drop)
            })
        })
        .connect_lazy_with(connect)
}

pub(super) async fn begin(pool: &PgPool) -> Result<PgTransaction<'static>, LedgerError> {
    pool.begin().await.map_err(error)
}

pub(super) async fn begin_alone(
    pool: &PgPool,
    limit: Duration,
) -> Result<PgTransaction<'static>, LedgerError> {
    let mut transaction = begin(pool).await?;
    let millis = limit.as_millis();
    let limits = format!(
        "SET LOCAL statement_timeout = {millis}; SET LOCAL lock_timeout = {millis}; \
         SET LOCAL idle_in_transaction_session_timeout = {millis}; \
         SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"
    );
    sqlx::raw_sql(AssertSqlSafe(limits)).execute(&mut *transaction).await.map_err(error)?;
    Ok(transaction)
}

pub(super) async fn rows<'c>(
    executor: impl Executor<'c, Database = Postgres>,
    sql: &'static str,
    values: Vec<Value>,
) -> Result<Vec<Row>, LedgerError> {
    let rows = query(sql, values).fetch_all(executor).await.map_err(error)?;
    Ok(rows.into_iter().map(Row::Postgres).collect())
}

pub(super) async fn change<'c>(
    executor: impl Executor<'c, Database = Postgres>,
    sql: &'static str,
    values: Vec<Value>,
) -> Result<u64, LedgerError> {
    query(sql, values).execute(executor).await.map(|done| done.rows_affected()).map_err(error)
}

pub(super) async fn script<'c>(
    executor: impl Executor<'c, Database = Postgres>,
    sql: &'static str,
) -> Result<(), LedgerError> {
    sqlx::raw_sql(sql).execute(executor).await.map(drop).map_err(error)
}

pub(super) async fn announce<'c>(
    executor: impl Executor<'c, Database = Postgres>,
) -> Result<(), LedgerError> {
    change(executor, "SELECT pg_notify($1, '')", vec![Value::from(CHANNEL)]).await.map(drop)
}

/// Listens for announcements on a connection of its own, and connects again when that breaks, until it is aborted.
pub(in crate::state) fn listen(
    url: &PostgresUrl,
    limit: Duration,
    grown: watch::Sender<u64>,
) -> AbortHandle {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(limit)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(url.options());
    tokio::spawn(async move {
        loop {
            if let Err(cause) = follow(&pool, &grown).await {
                tracing::debug!(cause = %error(cause), "the ledger's announcements are not heard; the log is polled");
            }
            sleep(LISTEN_AGAIN).await;
        }
    })
    .abort_handle()
}

async fn follow(pool: &PgPool, grown: &watch::Sender<u64>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.ignore_pool_close_event(true);
    listener.listen(CHANNEL).await?;
    loop {
        // Also after it was connected anew: what was announced in between is lost.
        crate::state::stored::wake(grown);
        listener.try_recv().await?;
    }
}

fn query(
    sql: &'static str,
    values: Vec<Value>,
) -> sqlx::query::Query<'static, Postgres, PgArguments> {
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Bytes(bytes) => query.bind(bytes),
        Value::Number(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
    })
}

/// By SQLSTATE (PostgreSQL, appendix A).
pub(super) fn error(cause: sqlx::Error) -> LedgerError {
    let sqlx::Error::Database(inner) = &cause else { return common_error(&cause) };
    let text = inner.message().to_owned();
    let code = inner.code().unwrap_or_default();
    match code.as_ref() {
        "53100" => LedgerError::Full(text),
        "XX001" | "XX002" => LedgerError::Corrupt(text),
        // Serialization, deadlock, lock timeout, cancelled by the time limit; a replica that only reads; no such database (yet).
        "40001" | "40P01" | "55P03" | "57014" | "25006" | "25P03" | "3D000" => {
            LedgerError::Unavailable(text)
        }
        // Connection, authorization, resources, operator's intervention, system.
        _ if ["08", "28", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            LedgerError::Unavailable(text)
        }
        _ => LedgerError::Bug(text),
    }
}
