//! Sessions at hand against a real ledger, with a clock that stands where it is put.

use gate::Sessions as _;
use ledger::OperatorKey;
use ledger::state::{
    EndReason, Ending, KeyPlace, LedgerOptions, LedgerPlace, NewFacts, NewSession, Position, open,
};
use tempfile::TempDir;
use tokens::{Facts, SubjectKind};

use super::*;
use crate::provider::test_provider::{HandClock, now, random};

const BOUND: Duration = OUT_OF_SIGHT;
const IDLE: Duration = Duration::from_secs(10 * 60);
/// No multiple of the time after which a session is read anew.
const LIFETIME: Duration = Duration::from_secs(65 * 60);
/// How long a test lets the clock run while it keeps the log in sight.
const STEP: Duration = Duration::from_secs(5 * 60);

fn after(time: Duration) -> Timestamp {
    now().plus(time)
}

fn kept(group: &str, fresh_until: Option<Timestamp>) -> Vec<u8> {
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
struct House {
    folder: TempDir,
}

/// A process with its handle on the ledger.
struct Process {
    sessions: Arc<Sessions>,
    errands: mpsc::Receiver<Errand>,
    clock: Arc<HandClock>,
    position: Option<Position>,
}

impl House {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A process that has the log in sight.
    async fn process(&self) -> Process {
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
        let (sessions, errands) = Sessions::new((ledger, &key), own, Handle::current());
        let mut process = Process { sessions: Arc::new(sessions), errands, clock, position: None };
        process.look(now()).await;
        process
    }

    /// Begins a session; tells its id and its cookie.
    async fn begin(&self, process: &Process, change: impl FnOnce(&mut NewSession)) -> Known {
        let id = SessionId::random(&*random()).unwrap();
        let cookie = process.cookie();
        let mut new = NewSession {
            id,
            cookie: *cookie.digest(),
            host: "orders.example.com".to_owned(),
            provider: "corp".to_owned(),
            subject: "alice".to_owned(),
            provider_session: None,
            facts: kept("support", None),
            secrets: None,
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
struct Known {
    id: SessionId,
    cookie: SessionCookie,
}

impl Process {
    /// Puts the clock and looks at the log.
    async fn look(&mut self, now: Timestamp) {
        self.clock.put(now);
        follower::look(&self.sessions, &mut self.position).await.unwrap();
    }

    /// What is at hand of a cookie.
    fn find(&self, cookie: &SessionCookie) -> Found {
        Found::of(self.sessions.find(cookie.digest(), self.clock.now()))
    }

    /// What a request finds, which has the ledger asked if it is not at hand.
    async fn ask(&self, cookie: &SessionCookie) -> Found {
        match self.find(cookie) {
            Found::NotAtHand => {
                assert!(self.sessions.load(cookie).await.unwrap());
                self.find(cookie)
            }
            found => found,
        }
    }

    /// A cookie that nobody has yet.
    fn cookie(&self) -> SessionCookie {
        self.sessions.new_cookie(&*random()).unwrap()
    }

    fn session(&self, cookie: &SessionCookie) -> Session {
        match self.sessions.find(cookie.digest(), self.clock.now()) {
            FoundSession::Known(identity) => identity.session().unwrap().clone(),
            other => panic!("expected a session, found {other:?}"),
        }
    }

    fn session_at(&self, cookie: &SessionCookie, now: Timestamp) -> Session {
        self.clock.put(now);
        self.session(cookie)
    }

    async fn end(&self, session: SessionId) {
        let which = Ending::Session(session);
        let now = self.clock.now();
        let ended = self.sessions.ledger().end_sessions(&which, EndReason::SignedOut, now).await;
        assert_eq!(ended.unwrap(), [session]);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Ended,
    /// It is known, with these groups.
    Known(Vec<String>),
    NotAtHand,
    Unavailable,
}

impl Found {
    fn of(found: FoundSession) -> Self {
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

fn known(group: &str) -> Found {
    Found::Known(vec![group.to_owned()])
}

#[tokio::test]
async fn a_session_is_read_once_and_is_then_at_hand() {
    let house = House::new();
    let process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    assert_eq!(process.find(&alice.cookie), known("support"));
    let session = process.session(&alice.cookie);
    assert_eq!((&*session.host, &*session.provider), ("orders.example.com", "corp"));
}

#[tokio::test]
async fn a_session_that_is_not_seen_for_its_idle_time_is_over() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    process.look(after(IDLE - Duration::from_millis(1))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    process.sessions.note_seen().await;
    // Seen a moment ago, it has as long again.
    process.look(after(IDLE * 2 - Duration::from_millis(2))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    process.sessions.note_seen().await;
    process.look(after(IDLE * 3)).await;
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
    assert_eq!(process.ask(&alice.cookie).await, Found::Ended);
}

#[tokio::test]
async fn a_session_that_another_process_has_seen_is_not_idle() {
    let house = House::new();
    let (mut here, mut there) = (house.process().await, house.process().await);
    let alice = house.begin(&here, |_| {}).await;
    assert_eq!(here.ask(&alice.cookie).await, known("support"));
    there.look(after(STEP)).await;
    assert_eq!(there.ask(&alice.cookie).await, known("support"));
    there.sessions.note_seen().await;
    here.look(after(IDLE)).await;
    assert_eq!(here.find(&alice.cookie), Found::NotAtHand, "only the ledger knows");
    assert_eq!(here.ask(&alice.cookie).await, known("support"));
    here.look(after(STEP + IDLE * 2)).await;
    assert_eq!(here.ask(&alice.cookie).await, Found::Ended);
}

#[tokio::test]
async fn a_session_is_over_at_its_end_however_often_it_is_seen() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    let mut at = Duration::ZERO;
    while at < LIFETIME {
        process.look(after(at)).await;
        assert_eq!(process.ask(&alice.cookie).await, known("support"), "after {at:?}");
        process.sessions.note_seen().await;
        at += STEP;
    }
    process.look(after(LIFETIME - Duration::from_millis(1))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    process.look(after(LIFETIME)).await;
    assert_eq!(process.find(&alice.cookie), Found::Ended);
    assert_eq!(process.ask(&alice.cookie).await, Found::Ended);
}

#[tokio::test]
async fn what_ended_elsewhere_is_gone_as_soon_as_the_log_was_looked_at() {
    let house = House::new();
    let (mut here, there) = (house.process().await, house.process().await);
    let alice = house.begin(&there, |_| {}).await;
    assert_eq!(here.ask(&alice.cookie).await, known("support"));
    let session = here.session(&alice.cookie);
    assert!(here.sessions.stands(&session, here.clock.now()));
    there.end(alice.id).await;
    here.look(after(Duration::from_millis(250))).await;
    assert_eq!(here.find(&alice.cookie), Found::Ended);
    assert!(!here.sessions.stands(&session, here.clock.now()), "what runs ends, too");
    here.sessions.load(&alice.cookie).await.unwrap();
    assert_eq!(here.find(&alice.cookie), Found::Ended);
}

#[tokio::test]
async fn a_session_that_another_takes_the_place_of_is_gone() {
    let house = House::new();
    let mut process = house.process().await;
    let old = house.begin(&process, |_| {}).await;
    assert_eq!(process.ask(&old.cookie).await, known("support"));
    let new = house.begin(&process, |new| new.replaces = Some(old.id)).await;
    process.look(now()).await;
    assert_eq!(process.ask(&old.cookie).await, Found::Ended);
    assert_eq!(process.ask(&new.cookie).await, known("support"));
}

#[tokio::test]
async fn nothing_is_believed_while_the_log_is_out_of_sight() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    let session = process.session(&alice.cookie);
    process.clock.put(after(BOUND));
    assert_eq!(process.find(&alice.cookie), known("support"), "at the bound");
    assert!(process.sessions.stands(&session, process.clock.now()));
    process.clock.put(after(BOUND + Duration::from_millis(1)));
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand, "beyond the bound");
    assert!(!process.sessions.stands(&session, process.clock.now()));
    assert_eq!(process.find(&process.cookie()), Found::NotAtHand);
    process.look(process.clock.now()).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    assert!(process.sessions.stands(&session, process.clock.now()));
}

#[tokio::test]
async fn a_reading_waits_for_the_log_to_be_in_sight() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    process.clock.put(after(BOUND * 2));
    let mut reading = Box::pin(process.sessions.load(&alice.cookie));
    let is_waiting = std::future::poll_fn(|context| {
        std::task::Poll::Ready(reading.as_mut().poll(context).is_pending())
    });
    assert!(is_waiting.await);
    follower::look(&process.sessions, &mut process.position).await.unwrap();
    reading.await.unwrap();
    assert_eq!(process.find(&alice.cookie), known("support"));
}

#[tokio::test]
async fn facts_that_have_changed_are_read_anew_and_what_runs_by_the_old_ones_ends() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    let session = process.session(&alice.cookie);
    let new =
        NewFacts { facts: kept("finance", None), secrets: None, refresh_at: None, claim: None };
    assert!(process.sessions.ledger().replace_facts(alice.id, new, now()).await.unwrap());
    process.look(now()).await;
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
    assert!(!process.sessions.stands(&session, now()));
    assert_eq!(process.ask(&alice.cookie).await, known("finance"));
    let session = process.session(&alice.cookie);
    assert!(process.sessions.stands(&session, now()));
}

#[tokio::test]
async fn facts_that_could_not_be_refreshed_in_time_are_not_used() {
    let house = House::new();
    let mut process = house.process().await;
    let fresh_until = after(STEP);
    let alice = house.begin(&process, |new| new.facts = kept("support", Some(fresh_until))).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    process.look(after(STEP - Duration::from_millis(1))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    process.look(after(STEP)).await;
    assert_eq!(process.find(&alice.cookie), Found::Ended);
}

#[tokio::test]
async fn a_refresh_that_is_due_is_asked_for_once_a_second() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |new| new.refresh_at = Some(after(STEP))).await;
    process.look(after(STEP)).await;
    for _ in 0..3 {
        assert_eq!(process.ask(&alice.cookie).await, known("support"));
    }
    assert_eq!(process.errands.try_recv().ok(), Some(Errand::Refresh(alice.id)));
    assert!(process.errands.try_recv().is_err(), "it is asked for already");
    process.look(after(STEP + Duration::from_secs(1))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    assert_eq!(process.errands.try_recv().ok(), Some(Errand::Refresh(alice.id)));
}

#[tokio::test]
async fn what_an_administrator_has_ended_is_to_be_put_on_record() {
    let house = House::new();
    let (mut here, there) = (house.process().await, house.process().await);
    let alice = house.begin(&there, |_| {}).await;
    let which = Ending::Session(alice.id);
    there.sessions.ledger().end_sessions(&which, EndReason::Revoked, now()).await.unwrap();
    here.look(now()).await;
    assert_eq!(here.errands.try_recv().ok(), Some(Errand::Revoked(alice.id)));
}

#[tokio::test]
async fn a_cookie_that_nobody_has_is_asked_for_once_in_five_seconds() {
    let house = House::new();
    let mut process = house.process().await;
    let stranger = process.cookie();
    assert_eq!(process.find(&stranger), Found::NotAtHand);
    assert_eq!(process.ask(&stranger).await, Found::Ended);
    process.look(after(Duration::from_millis(4999))).await;
    assert_eq!(process.find(&stranger), Found::Ended, "the ledger is not asked");
    process.look(after(Duration::from_secs(5))).await;
    assert_eq!(process.find(&stranger), Found::NotAtHand);
}

#[tokio::test]
async fn a_session_that_had_to_make_room_is_read_anew() {
    let house = House::new();
    let process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    process.sessions.entries.remove(alice.cookie.digest());
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    assert_eq!(process.sessions.at_hand(), 1);
}

#[tokio::test]
async fn a_session_is_read_anew_before_its_end_can_have_been_forgotten() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |new| new.idle = LIFETIME).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    process.look(after(REREAD_AFTER - Duration::from_millis(1))).await;
    assert_eq!(process.find(&alice.cookie), known("support"));
    process.look(after(REREAD_AFTER)).await;
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
}

#[tokio::test]
async fn all_sessions_are_read_anew_when_the_log_was_lost_sight_of() {
    let house = House::new();
    let (mut here, there) = (house.process().await, house.process().await);
    let long = |new: &mut NewSession| {
        new.idle = LIFETIME * 4;
        new.ends_at = after(LIFETIME * 4);
    };
    let (alice, bob) = (house.begin(&here, long).await, house.begin(&here, long).await);
    assert_eq!(here.ask(&alice.cookie).await, known("support"));
    assert_eq!(here.ask(&bob.cookie).await, known("support"));
    let session = here.session(&alice.cookie);
    there.end(alice.id).await;
    // What the log has said is swept away before it was read here.
    let late = after(LIFETIME * 2);
    while there.sessions.ledger().sweep(late, 100).await.unwrap() > 0 {}
    here.look(late).await;
    assert_eq!(here.find(&bob.cookie), Found::NotAtHand);
    assert!(!here.sessions.stands(&session, late), "what is not known does not stand");
    assert_eq!(here.ask(&alice.cookie).await, Found::Ended);
    assert_eq!(here.ask(&bob.cookie).await, known("support"));
}

#[tokio::test]
async fn a_cookie_that_nobody_was_given_costs_no_reading_of_the_ledger() {
    let house = House::new();
    let process = house.process().await;
    for made_up in ["", "AAAA", "not-ours", &"A".repeat(4096)] {
        let read = process.sessions.load(&SessionCookie::new(made_up)).await;
        assert_eq!(read, Ok(false), "{made_up}");
    }
}

#[tokio::test]
async fn a_clock_that_was_put_back_makes_nothing_good() {
    let house = House::new();
    let mut process = house.process().await;
    let alice = house.begin(&process, |_| {}).await;
    process.look(after(STEP)).await;
    assert_eq!(process.ask(&alice.cookie).await, known("support"));
    process.clock.put(now());
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand, "since when is not known");
    // Put far ahead, what has ended is forgotten; put back, it is still over.
    let session = process.session_at(&alice.cookie, after(STEP));
    process.end(alice.id).await;
    process.look(after(STEP)).await;
    process.sessions.recent.tidy(after(LIFETIME * 9));
    assert_eq!(process.find(&alice.cookie), Found::NotAtHand);
    assert!(!process.sessions.stands(&session, process.clock.now()));
    assert_eq!(process.ask(&alice.cookie).await, Found::Ended);
}
