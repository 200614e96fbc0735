//! The ledger's conformance suite on the embedded SQLite, and what only SQLite has.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod suite;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;
use std::time::Duration;

use ledger::state::{KeyPlace, LedgerOptions, LedgerPlace, OpenError, open};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use suite::{AMPLE, House, NOW, cookie, session};
use testbed::clock::Stopwatch;
use testbed::entropy;

macro_rules! on_sqlite {
    ($($module:ident::$case:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("state/ledger.db");
            let url = format!("sqlite:{}", path.display());
            suite::$module::$case(House::open(LedgerPlace::Sqlite(path), &url).await).await;
        }
    )*};
}

suite::every_case!(on_sqlite);

fn options(folder: &tempfile::TempDir) -> LedgerOptions {
    LedgerOptions {
        place: LedgerPlace::Sqlite(folder.path().join("ledger.db")),
        key: KeyPlace::File(folder.path().join("ledger.key")),
        connections: 1,
        limit: AMPLE,
    }
}

#[tokio::test]
async fn every_file_is_its_owners_alone_and_one_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    let opened = open(&options, Arc::new(entropy::source()), NOW).await.unwrap();
    opened.ledger.start_session(session(1), NOW).await.unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", entry.path());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["ledger.db", "ledger.db-shm", "ledger.db-wal", "ledger.key"]);
    let path = folder.path().join("ledger.db");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
    let error = open(&options, Arc::new(entropy::source()), NOW).await.unwrap_err();
    let expected = format!(
        "ledger `{}` has mode 0604; expected 0600, so that nobody else can read it",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_lost_key_file_is_never_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    open(&options, Arc::new(entropy::source()), NOW).await.unwrap();
    open(&options, Arc::new(entropy::source()), NOW).await.unwrap();
    let path = folder.path().join("ledger.key");
    std::fs::remove_file(&path).unwrap();
    let error = open(&options, Arc::new(entropy::source()), NOW).await.unwrap_err();
    assert!(matches!(&error, OpenError::KeyLost { path: lost } if *lost == path), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    let path = folder.path().join("ledger.db");
    std::fs::write(&path, "not a database, but long enough to look like one".repeat(100)).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = open(&options, Arc::new(entropy::source()), NOW).await.unwrap_err();
    assert_eq!(error.to_string(), "the ledger is damaged: file is not a database");
    assert!(!error.is_retryable());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_another_process_keeps_waiting_fails_in_time_and_readers_do_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let limit = Duration::from_millis(300);
    let options = LedgerOptions { limit, ..options(&folder) };
    let ledger = open(&options, Arc::new(entropy::source()), NOW).await.unwrap().ledger;
    ledger.start_session(session(1), NOW).await.unwrap();
    let path = folder.path().join("ledger.db");
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let watch = Stopwatch::start();
    let error = ledger.start_session(session(2), NOW).await.unwrap_err();
    assert_eq!(error.to_string(), "the ledger is unavailable: no answer within 300ms");
    assert!(error.is_retryable());
    assert!(watch.elapsed() >= limit && watch.elapsed() < limit + Duration::from_secs(1));
    assert!(ledger.session(cookie(1), NOW).await.unwrap().is_some());
    drop(held);
    other.close().await.unwrap();
    ledger.start_session(session(2), NOW).await.unwrap();
}
