//! What only PostgreSQL has: a server that fails, and a way to it.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use ledger::OperatorKey;
use ledger::state::{
    EndReason, Ending, KeyPlace, Ledger, LedgerError, LedgerOptions, LedgerPlace, OpenError,
    Opened, PostgresUrl, open,
};
use sqlx::{Connection, PgConnection};
use testbed::clock::{Stopwatch, until};
use testbed::{Postgres, entropy};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::suite::{AMPLE, NOW, cookie, id, session};

/// How long a call may take here.
const LIMIT: Duration = Duration::from_millis(1_000);
/// How much longer than that an answer may take on a busy machine.
const SLACK: Duration = Duration::from_millis(1_000);

/// Without a hint for so long, none is on its way.
const QUIET: Duration = Duration::from_millis(1_500);

/// Each with the server, which it may end.
pub(crate) const CASES: &[(&str, fn(&mut Postgres, &Runtime))] = &[
    ("calls_fail_in_time_during_an_outage_and_succeed_after_it", outage),
    ("announcements_are_heard_again_after_an_outage", announcements),
    ("a_call_that_waits_for_a_lock_fails_in_time_and_leaves_nothing", lock),
    ("a_server_that_does_not_answer_is_unavailable_in_time", silence),
    ("no_error_shows_the_password", password),
    ("tls_is_with_the_server_that_the_certificate_names_or_not_at_all", tls),
];

async fn opened(url: &str) -> Result<Opened, OpenError> {
    let options = LedgerOptions {
        place: LedgerPlace::Postgres(PostgresUrl::parse(url).unwrap()),
        key: KeyPlace::Given(OperatorKey::new(&[7; 32])),
        connections: 2,
        limit: LIMIT,
    };
    open(&options, Arc::new(entropy::source()), NOW).await
}

fn assert_in_time(watch: Stopwatch) {
    assert!(watch.elapsed() < LIMIT + SLACK, "it took {:?}", watch.elapsed());
}

fn assert_unavailable<T: std::fmt::Debug>(result: Result<T, LedgerError>) {
    let error = result.unwrap_err();
    assert!(matches!(error, LedgerError::Unavailable(_)) && error.is_retryable(), "{error:?}");
}

fn until_it_answers(ledger: &dyn Ledger, runtime: &Runtime) {
    let look = || Ok(runtime.block_on(ledger.ping()).ok());
    until("the ledger to answer again", AMPLE, look).unwrap();
}

fn outage(postgres: &mut Postgres, runtime: &Runtime) {
    let url = postgres.database("outage").unwrap();
    let ledger = runtime.block_on(opened(&url)).unwrap().ledger;
    runtime.block_on(ledger.start_session(session(1), NOW)).unwrap();
    postgres.fail().unwrap();
    let which = Ending::Session(id(1));
    for _ in 0..3 {
        let watch = Stopwatch::start();
        assert_unavailable(runtime.block_on(ledger.session(cookie(1), NOW)));
        assert_in_time(watch);
        let watch = Stopwatch::start();
        assert_unavailable(runtime.block_on(ledger.end_sessions(&which, EndReason::Revoked, NOW)));
        assert_in_time(watch);
    }
    let error = runtime.block_on(opened(&url)).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    postgres.recover().unwrap();
    until_it_answers(&*ledger, runtime);
    assert!(runtime.block_on(ledger.session(cookie(1), NOW)).unwrap().is_some());
    let ended = runtime.block_on(ledger.end_sessions(&which, EndReason::Revoked, NOW)).unwrap();
    assert_eq!(ended, [id(1)]);
    // What was confirmed survives a crash of the server.
    postgres.fail().unwrap();
    postgres.recover().unwrap();
    until_it_answers(&*ledger, runtime);
    assert_eq!(runtime.block_on(ledger.session(cookie(1), NOW)).unwrap(), None);
    assert_eq!(runtime.block_on(ledger.log_position()).unwrap().number(), 1);
}

fn announcements(postgres: &mut Postgres, runtime: &Runtime) {
    let url = postgres.database("announcements").unwrap();
    let ledger = runtime.block_on(opened(&url)).unwrap().ledger;
    let replica = runtime.block_on(opened(&url)).unwrap().ledger;
    for round in 1..=2 {
        runtime.block_on(ledger.start_session(session(round), NOW)).unwrap();
        runtime.block_on(async {
            // That it listens, again, is a hint too.
            replica.hint().await;
            while timeout(QUIET, replica.hint()).await.is_ok() {}
            let which = Ending::Session(id(round));
            ledger.end_sessions(&which, EndReason::Revoked, NOW).await.unwrap();
            timeout(AMPLE, replica.hint()).await.unwrap();
        });
        postgres.fail().unwrap();
        postgres.recover().unwrap();
        until_it_answers(&*ledger, runtime);
        until_it_answers(&*replica, runtime);
    }
}

fn lock(postgres: &mut Postgres, runtime: &Runtime) {
    let url = postgres.database("lock").unwrap();
    runtime.block_on(async {
        let ledger = opened(&url).await.unwrap().ledger;
        ledger.start_session(session(1), NOW).await.unwrap();
        let mut other = PgConnection::connect(&url).await.unwrap();
        let mut held = other.begin().await.unwrap();
        let lock = "LOCK TABLE doorward_sessions IN ACCESS EXCLUSIVE MODE";
        sqlx::raw_sql(lock).execute(&mut *held).await.unwrap();
        for _ in 0..3 {
            let watch = Stopwatch::start();
            assert_unavailable(ledger.session(cookie(1), NOW).await);
            assert_unavailable(ledger.start_session(session(2), NOW).await);
            assert!(watch.elapsed() < (LIMIT + SLACK) * 2, "it took {:?}", watch.elapsed());
        }
        held.rollback().await.unwrap();
        assert!(ledger.session(cookie(1), NOW).await.unwrap().is_some());
        ledger.start_session(session(2), NOW).await.unwrap();
    });
}

fn silence(_: &mut Postgres, runtime: &Runtime) {
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("postgres://u:p@{}/ledger", mute.local_addr().unwrap());
    let watch = Stopwatch::start();
    let error = runtime.block_on(opened(&url)).unwrap_err();
    assert_in_time(watch);
    assert_eq!(error.to_string(), "the ledger is unavailable: it does not answer");
    assert!(error.is_retryable());
}

fn password(postgres: &mut Postgres, runtime: &Runtime) {
    let url = postgres.database("password").unwrap();
    let secret = postgres.password();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let cases = [
        url.replace("/password", "/absent"),
        url.replace("doorward:", "somebody:"),
        format!("postgres://u:{secret}@{closed}/ledger"),
        format!("{url}?sslmode=verify-full"),
    ];
    for url in cases {
        let error = runtime.block_on(opened(&url)).unwrap_err();
        assert!(matches!(error, OpenError::Ledger(LedgerError::Unavailable(_))), "{error:?}");
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    let opened = runtime.block_on(opened(&url)).unwrap();
    assert!(!format!("{opened:?}").contains(secret), "{opened:?}");
}

fn tls(postgres: &mut Postgres, runtime: &Runtime) {
    let url = postgres.database("tls").unwrap();
    let verified = postgres.verified(&url);
    runtime.block_on(async {
        let ledger = opened(&verified).await.unwrap().ledger;
        ledger.ping().await.unwrap();
        let mut other = PgConnection::connect(&format!("{url}?sslmode=disable")).await.unwrap();
        let query = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE datname = 'tls' AND pid <> pg_backend_pid()";
        let found: Vec<bool> = sqlx::query_scalar(query).fetch_all(&mut other).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|tls| *tls), "{found:?}");
        // The certificate has no such name, and nobody else's authority counts.
        for url in [
            verified.replace("@localhost:", "@127.0.0.1:"),
            verified.split_once("&sslrootcert").unwrap().0.to_owned(),
        ] {
            let error = opened(&url).await.unwrap_err();
            assert!(matches!(error, OpenError::Ledger(LedgerError::Unavailable(_))), "{error:?}");
        }
    });
}
