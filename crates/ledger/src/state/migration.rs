//! The shape of the database, in versions; each is applied once.

use super::LedgerError;
use super::database::Transaction;
use super::row::{Sql, values};
use tokens::Timestamp;

/// Each version's step from the one before it. A step that has been released is never changed.
const STEPS: [Sql; 4] = [
    Sql {
        postgres: include_str!("migrations/postgres-1.sql"),
        sqlite: include_str!("migrations/sqlite-1.sql"),
    },
    Sql {
        postgres: include_str!("migrations/postgres-2.sql"),
        sqlite: include_str!("migrations/sqlite-2.sql"),
    },
    Sql {
        postgres: include_str!("migrations/postgres-3.sql"),
        sqlite: include_str!("migrations/sqlite-3.sql"),
    },
    Sql {
        postgres: include_str!("migrations/postgres-4.sql"),
        sqlite: include_str!("migrations/sqlite-4.sql"),
    },
];

/// Where the versions are kept.
const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS doorward_versions \
                        (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)";

/// Which version the database has, and which one this program knows, if that is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Newer {
    pub(super) found: u64,
    pub(super) known: u64,
}

/// Brings the database to the last version, all of it or nothing.
pub(super) async fn migrate(
    transaction: &mut Transaction,
    now: Timestamp,
) -> Result<Result<(), Newer>, LedgerError> {
    transaction.script(VERSIONS.into()).await?;
    let query = "SELECT COALESCE(MAX(version), 0) FROM doorward_versions";
    let found = transaction.row(query, values![]).await?;
    let found = found.map_or(Ok(0), |row| row.number(0))?;
    let known = u64::try_from(STEPS.len()).unwrap_or(u64::MAX);
    if found > known {
        return Ok(Err(Newer { found, known }));
    }
    for (version, step) in (1_i64..).zip(STEPS) {
        if u64::try_from(version).is_ok_and(|version| version > found) {
            transaction.script(step).await?;
            let note = "INSERT INTO doorward_versions (version, applied_at) VALUES ($1, $2)";
            transaction.change(note, values![version, now]).await?;
        }
    }
    Ok(Ok(()))
}
