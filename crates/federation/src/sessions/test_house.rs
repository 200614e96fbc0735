//! A house of processes that share a real ledger, with a clock that stands where it is put.

use std::sync::Arc;
use std::time::Duration;

use gate::{FoundSession, Session, SessionCookie, Sessions as _};
use ledger::state::{
    EndReason, Ending, KeyPlace, LedgerOptions, LedgerPlace, NewSession, Position, open,
};
use ledger::{Clock, OperatorKey};
use tempfile::TempDir;
use tokens::{Facts, SessionId, SubjectKind, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::{Due, Kept, OUT_OF_SIGHT, Sessions, follower};
use crate::provider::test_provider::{HandClock, now, random};

pub(super) const BOUND: Duration = OUT_OF_SIGHT;
pub(super) const IDLE: Duration = Duration::from_secs(10 * 60);
/// No multiple of the time after which a session is read anew.
pub(super) const LIFETIME: Duration = Duration::from_secs(65 * 60);
/// How long a test lets the clock run while it keeps the log in sight.
pub(super) const STEP: Duration = Duration::from_secs(5 * 60);

pub(super) fn after(time: Duration) -> Timestamp {
    now().plus(time)
}

pub(super) fn kept(group: &str, fresh_until: Option<Timestamp>) -> Vec<u8> {
    let facts = Facts {
        subject: "alice".to_owned(),
        kind: SubjectKind::User,
        groups: vec![group.to_owned()],
        claims: Default::default(),
        acr: None,
        amr: Vec::new(),
        auth_time: None,
    };
    Kept { facts, revision: "1".to_owned(), fresh_until }.to_bytes()
}

/// A ledger in a folder of its own.
pub(super) struct House {
    pub(super) folder: TempDir,
}

/// A process with its handle on the ledger.
pub(super) struct Process {
    pub(super) sessions: Arc<Sessions>,
    pub(super) due: mpsc::Receiver<Due>,
    pub(super) clock: Arc<HandClock>,
    pub(super) position: Option<Position>,
}

impl House {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A process that has the log in sight.
    pub(super) async fn process(&self) -> Process {
        let options = LedgerOptions {
            place: LedgerPlace::Sqlite(self.folder.path().join("ledger.db")),
            key: KeyPlace::Given(OperatorKey::new(&[7; 32])),
            connections: 2,
            limit: Duration::from_secs(30),
        };
        let ledger = open(&options, random(), now()).await.unwrap().ledger;
        let clock = Arc::new(HandClock::at(now()));
        let own: Arc<dyn Clock> = Arc::<HandClock>::clone(&clock);
        let key = OperatorKey::new(&[7; 32]);
        let (sessions, due) = Sessions::new((ledger, &key), own, Handle::current());
        let mut process = Process { sessions: Arc::new(sessions), due, clock, position: None };
        process.look(now()).await;
        process
    }

    /// Begins a session; tells its id and its cookie.
    pub(super) async fn begin(
        &self,
        process: &Process,
        change: impl FnOnce(&mut NewSession),
    ) -> Known {
        let id = SessionId::random(&*random()).unwrap();
        let cookie = process.cookie();
        let mut new = NewSession {
            id,
            cookie: *cookie.digest(),
            host: "orders.example.com".to_owned(),
            provider: "corp".to_owned(),
            subject: "alice".to_owned(),
            provider_session: None,
            alias: None,
            facts: kept("support", None),
            secrets: None,
            vouched_at: now(),
            began_at: now(),
            ends_at: after(LIFETIME),
            idle: IDLE,
            refresh_at: None,
            replaces: None,
        };
        change(&mut new);
        process.sessions.ledger().start_session(new, now()).await.unwrap();
        Known { id, cookie }
    }
}

#[derive(Clone)]
pub(super) struct Known {
    pub(super) id: SessionId,
    pub(super) cookie: SessionCookie,
}

impl Process {
    /// Puts the clock and looks at the log.
    pub(super) async fn look(&mut self, now: Timestamp) {
        self.clock.put(now);
        follower::look(&self.sessions, &mut self.position).await.unwrap();
    }

    /// What is at hand of a cookie.
    pub(super) fn find(&self, cookie: &SessionCookie) -> Found {
        Found::of(self.sessions.find(cookie.digest(), self.clock.now()))
    }

    /// What a request finds, which has the ledger asked if it is not at hand.
    pub(super) async fn ask(&self, cookie: &SessionCookie) -> Found {
        match self.find(cookie) {
            Found::NotAtHand => {
                assert!(self.sessions.load(cookie).await.unwrap());
                self.find(cookie)
            }
            found => found,
        }
    }

    /// A cookie that nobody has yet.
    pub(super) fn cookie(&self) -> SessionCookie {
        self.sessions.new_cookie(&*random()).unwrap()
    }

    pub(super) fn session(&self, cookie: &SessionCookie) -> Session {
        match self.sessions.find(cookie.digest(), self.clock.now()) {
            FoundSession::Known(identity) => identity.session().unwrap().clone(),
            other => panic!("expected a session, found {other:?}"),
        }
    }

    pub(super) fn session_at(&self, cookie: &SessionCookie, now: Timestamp) -> Session {
        self.clock.put(now);
        self.session(cookie)
    }

    pub(super) async fn end(&self, session: SessionId) {
        let which = Ending::Session(session);
        let now = self.clock.now();
        let ended = self.sessions.ledger().end_sessions(&which, EndReason::SignedOut, now).await;
        assert_eq!(ended.unwrap(), [session]);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Ended,
    /// It is known, with these groups.
    Known(Vec<String>),
    NotAtHand,
    Unavailable,
}

impl Found {
    pub(super) fn of(found: FoundSession) -> Self {
        match found {
            FoundSession::Ended => Self::Ended,
            FoundSession::Known(identity) => {
                Self::Known(identity.session().unwrap().facts.groups.clone())
            }
            FoundSession::NotAtHand => Self::NotAtHand,
            FoundSession::Unavailable => Self::Unavailable,
        }
    }
}

pub(super) fn known(group: &str) -> Found {
    Found::Known(vec![group.to_owned()])
}
