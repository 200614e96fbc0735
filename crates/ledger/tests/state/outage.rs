//! What only PostgreSQL has: a server that fails, and a way to it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
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

use crate::suite::{AMPLE, HOURS, NOW, cookie, id, session};

/// How long a call may take here.
const LIMIT: Duration = Duration::from_millis(1_000);
/// How much longer than that an answer may take on a busy machine.
const SLACK: Duration = Duration::from_millis(1_000);

/// Without a hint for so long, none is on its way.
const QUIET: Duration = Duration::from_millis(1_500);

/// What happens with the server, which it may end.
type Case = fn(&mut Postgres, &Runtime);

/// Each by its name.
pub(crate) const CASES: &[(&str, Case)] = &[
    ("calls_fail_in_time_during_an_outage_and_succeed_after_it", outage),
    ("announcements_are_heard_again_after_an_outage", announcements),
    ("a_call_that_waits_for_a_lock_fails_in_time_and_leaves_nothing", lock),
    ("many_sessions_take_as_few_round_trips_as_one", trips),
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
    let look = || Ok(runtime.block_on(ledger.session(cookie(1), NOW)).ok());
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

fn trips(postgres: &mut Postgres, runtime: &Runtime) {
    const MANY: u32 = 200;
    let (url, trips) = counted(&postgres.database("trips").unwrap());
    let few = |what: &str, before: u32| {
        let made = trips.load(Ordering::Acquire) - before;
        // The statements of three transactions at most, each prepared first.
        assert!((1..=40).contains(&made), "{what} took {made}");
    };
    runtime.block_on(async {
        let ledger = opened(&url).await.unwrap().ledger;
        for number in 1..=MANY {
            ledger.start_session(session(number), NOW).await.unwrap();
        }
        let seen: Vec<_> = (1..=MANY).map(|number| (id(number), NOW.plus(LIMIT))).collect();
        let before = trips.load(Ordering::Acquire);
        ledger.touch(&seen).await.unwrap();
        few("noting uses", before);
        let before = trips.load(Ordering::Acquire);
        assert_eq!(ledger.sweep(NOW.plus(HOURS), MANY / 2).await.unwrap(), u64::from(MANY / 2));
        few("sweeping", before);
        let before = trips.load(Ordering::Acquire);
        let ended = ledger.end_sessions(&Ending::All, EndReason::Revoked, NOW).await.unwrap();
        assert_eq!(ended.len(), MANY as usize / 2);
        few("ending", before);
        assert_eq!(ledger.log_position().await.unwrap().number(), u64::from(MANY));
    });
}

/// A way to the server at `url`, which counts how often a caller says something after it has been answered.
fn counted(url: &str) -> (String, Arc<AtomicU32>) {
    let server = url.split(['@', '/']).nth(3).unwrap().to_owned();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = url.replace(&server, &listener.local_addr().unwrap().to_string());
    let trips = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&trips);
    thread::spawn(move || {
        for caller in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(&server).unwrap();
            let (counter, answered) = (Arc::clone(&counter), Arc::new(AtomicBool::new(true)));
            let (heard, said) = (Arc::clone(&answered), answered);
            let (from, to) = (caller.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || {
                pass_on(from, to, || {
                    if heard.swap(false, Ordering::AcqRel) {
                        counter.fetch_add(1, Ordering::AcqRel);
                    }
                });
            });
            thread::spawn(move || pass_on(server, caller, || said.store(true, Ordering::Release)));
        }
    });
    (url, trips)
}

/// Passes on what comes, and tells of each piece before.
fn pass_on(mut from: TcpStream, mut to: TcpStream, mut piece: impl FnMut()) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        piece();
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
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
        ledger.session(cookie(1), NOW).await.unwrap();
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
