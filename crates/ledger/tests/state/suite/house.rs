//! Where a case finds its ledger, empty at first.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ledger::OperatorKey;
use ledger::state::{KeyPlace, Ledger, LedgerOptions, LedgerPlace, OpenError, Opened, open};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use testbed::entropy;

use super::{NOW, session};

/// More than any call takes, however busy the machine is.
pub(crate) const AMPLE: Duration = Duration::from_secs(30);

/// A database, and the first handle on it.
#[derive(Debug)]
pub(crate) struct House {
    options: LedgerOptions,
    url: String,
    first: Arc<dyn Ledger>,
}

impl House {
    /// At `place`, where nothing is yet.
    pub(crate) async fn open(place: LedgerPlace, url: &str) -> Self {
        let key = KeyPlace::Given(OperatorKey::new(&[7; 32]));
        let options = LedgerOptions { place, key, connections: 4, limit: AMPLE };
        let first = open(&options, Arc::new(entropy::source()), NOW).await.unwrap().ledger;
        Self { options, url: url.to_owned(), first }
    }

    /// The first handle.
    pub(crate) fn ledger(&self) -> &dyn Ledger {
        &*self.first
    }

    /// Another handle, as another replica has one.
    pub(crate) async fn replica(&self) -> Arc<dyn Ledger> {
        self.open_with(&[7; 32]).await.unwrap().ledger
    }

    /// Opens it with this operator's key.
    pub(crate) async fn open_with(&self, key: &[u8; 32]) -> Result<Opened, OpenError> {
        let key = KeyPlace::Given(OperatorKey::new(key));
        let options = LedgerOptions { key, ..self.options.clone() };
        open(&options, Arc::new(entropy::source()), NOW).await
    }

    /// Begins sessions number `numbers`.
    pub(crate) async fn begin(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.first.start_session(session(number), NOW).await.unwrap();
        }
    }

    /// Runs a statement past the ledger.
    pub(crate) async fn meddle(&self, sql: &'static str) {
        if self.url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(&self.url).unwrap();
            let mut connection = options.connect().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        }
    }
}
