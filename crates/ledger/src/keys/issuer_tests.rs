use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::keys::error::KeyFetchError;
use crate::keys::options::KeySource;
use crate::keys::source::{Fetching, Published};
use crate::keys::test_issuer::{
    HandClock, START, TestIssuer, TokioClock, discover, egress, key_set, kid, published,
};
use crate::keys::timing::KeyTiming;
use crate::keys::{IssuerState, KeyRings};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_ahead_of_their_end_again_and_again() {
    let script = Script::of(vec![Ok(published(&[0], Some(600))), Ok(published(&[1], Some(600)))]);
    let (keys, clock) = drive(&script);
    sleep(SECOND).await;
    assert!(keys.snapshot().keys_at(clock.now()).unwrap().contains_kid(&kid(0)));
    assert_eq!(script.fetches(), 1);
    // 80 % of 600 s at the latest.
    sleep(SECOND * 480).await;
    assert_eq!(script.fetches(), 2);
    let snapshot = keys.snapshot();
    let set = snapshot.keys_at(clock.now()).unwrap();
    assert!(set.contains_kid(&kid(1)) && !set.contains_kid(&kid(0)));
    sleep(HOUR * 10).await;
    assert!((75..=87).contains(&script.fetches()), "{}", script.fetches());
}

#[tokio::test(start_paused = true)]
async fn all_who_miss_a_key_share_one_fetch() {
    let script = Script::of(vec![Ok(published(&[0], None)), Ok(published(&[0, 1], None))]);
    script.take(SECOND);
    let (keys, clock) = drive(&script);
    sleep(SECOND * 2).await;
    let now = clock.now();
    let ask = |_| {
        let keys = keys.clone();
        tokio::spawn(async move { keys.refetch_for_unknown_key(&kid(1), now).await })
    };
    for waiter in (0..100).map(ask).collect::<Vec<_>>() {
        assert_eq!(waiter.await.unwrap(), RefetchOutcome::Found);
    }
    assert_eq!(script.fetches(), 2);
    assert_eq!(keys.status(clock.now()).refetches, 1);
}

#[tokio::test(start_paused = true)]
async fn keys_that_nobody_publishes_cause_one_fetch_in_the_interval() {
    let script = Script::of(vec![Ok(published(&[0], Some(3600)))]);
    let (keys, clock) = drive(&script);
    sleep(SECOND).await;
    let (mut unknown, mut too_soon) = (0, 0);
    for _ in 0..1000 {
        match keys.refetch_for_unknown_key("made-up", clock.now()).await {
            RefetchOutcome::StillUnknown => unknown += 1,
            RefetchOutcome::TooSoon => too_soon += 1,
            outcome => panic!("{outcome:?}"),
        }
        sleep(Duration::from_millis(100)).await;
    }
    // 100 s of requests, 10 s apart.
    assert_eq!((unknown, too_soon), (10, 990));
    assert_eq!(script.fetches(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_the_first_fetch() {
    let script = Script::of(vec![Ok(published(&[0], None))]);
    script.take(SECOND * 3);
    let (keys, clock) = drive(&script);
    assert_eq!(keys.status(clock.now()).state, IssuerState::Starting);
    assert!(keys.snapshot().keys_at(clock.now()).is_err());
    assert_eq!(keys.refetch_for_unknown_key(&kid(0), clock.now()).await, RefetchOutcome::Found);
    assert_eq!(script.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_no_longer_than_its_bound() {
    let script = Script::of(vec![Ok(published(&[0], None))]);
    script.take(UNKNOWN_KID_WAIT + SECOND);
    let (keys, clock) = drive(&script);
    assert_eq!(keys.refetch_for_unknown_key(&kid(0), clock.now()).await, RefetchOutcome::TimedOut);
    assert_eq!(clock.now(), START.plus(UNKNOWN_KID_WAIT));
    // The fetch goes on.
    assert_eq!(keys.refetch_for_unknown_key(&kid(0), clock.now()).await, RefetchOutcome::Found);
    assert_eq!(script.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn while_the_issuer_is_down_keys_are_believed_within_the_grace_and_not_beyond() {
    let down = Err(KeyFetchError::NoKeys { first: None });
    let mut answers = vec![Ok(published(&[0], Some(600)))];
    answers.extend(std::iter::repeat_n(down, 1000));
    let script = Script::of(answers);
    let (keys, clock) = drive(&script);
    sleep(SECOND * 599).await;
    assert_eq!(keys.status(clock.now()).state, IssuerState::Failing);
    sleep(SECOND * 2).await;
    assert_eq!(keys.status(clock.now()).state, IssuerState::Stale);
    let asked = keys.refetch_for_unknown_key(&kid(1), clock.now()).await;
    assert_eq!(asked, RefetchOutcome::Failed);
    sleep(HOUR - SECOND * 2).await;
    assert!(keys.snapshot().keys_at(clock.now()).is_ok());
    sleep(SECOND * 2).await;
    assert!(keys.snapshot().keys_at(clock.now()).is_err());
    assert!(keys.snapshot().set.is_empty(), "the keys are gone, not only past");
    assert_eq!(keys.status(clock.now()).state, IssuerState::Expired);

    script.answer(Ok(published(&[2], None)));
    sleep(SECOND * 61).await;
    assert!(keys.snapshot().keys_at(clock.now()).unwrap().contains_kid(&kid(2)));
    assert_eq!(keys.status(clock.now()).state, IssuerState::Fresh);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_to_go_stops_the_task() {
    let script = Script::of(vec![Ok(published(&[0], None))]);
    let (keys, _) = drive(&script);
    sleep(SECOND).await;
    let clone = keys.clone();
    drop(keys);
    sleep(HOUR).await;
    let fetches = script.fetches();
    assert!(fetches > 1);
    drop(clone);
    sleep(HOUR).await;
    assert_eq!(script.fetches(), fetches);
    assert_eq!(Arc::strong_count(&script.0), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_set_file_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let source = KeySource::File(path.clone());
    let clock = TokioClock::start();
    let rings = KeyRings::new(egress(), Arc::clone(&clock), 1);
    let keys = rings.reconcile(vec![options("corp", source)]).remove(0);
    let knows = |place: usize| {
        let snapshot = keys.snapshot();
        snapshot.keys_at(clock.now()).is_ok_and(|set| set.contains_kid(&kid(place)))
    };
    sleep(SECOND * 2).await;
    let missing = format!(
        "key set file `{}` cannot be read: No such file or directory (os error 2)",
        path.display()
    );
    assert_eq!(keys.status(clock.now()).last_error, Some(missing));

    for place in [0, 1, 0] {
        std::fs::write(&path, key_set(&[place])).unwrap();
        sleep(SECOND * 2).await;
        assert!(knows(place) && !knows(1 - place));
    }
    std::fs::write(&path, "{").unwrap();
    sleep(SECOND * 2).await;
    assert!(knows(0), "what cannot be read does not replace what can");
    assert_eq!(keys.status(clock.now()).state, IssuerState::Failing);
    sleep(SECOND * 10).await;
    assert_eq!(keys.status(clock.now()).state, IssuerState::Stale);
    sleep(HOUR).await;
    assert_eq!(keys.status(clock.now()).state, IssuerState::Expired);
    assert!(!knows(0));

    std::fs::write(&path, key_set(&[0])).unwrap();
    sleep(SECOND * 2).await;
    assert!(knows(0), "the same file as before is good again");
    assert_eq!(keys.status(clock.now()).state, IssuerState::Fresh);

    std::fs::write(&path, " ".repeat(crate::keys::MAX_FILE_BYTES + 1)).unwrap();
    sleep(SECOND * 2).await;
    let long = format!("key set file `{}` has more than 1048576 bytes", path.display());
    assert_eq!(keys.status(clock.now()).last_error, Some(long));
}

#[tokio::test(start_paused = true)]
async fn inline_keys_are_there_at_once_and_for_ever() {
    let clock = TokioClock::start();
    let rings = KeyRings::new(egress(), Arc::clone(&clock), 1);
    let keys = rings.reconcile(vec![options("corp", KeySource::Inline(key_set(&[0])))]).remove(0);
    assert!(keys.snapshot().keys_at(clock.now()).unwrap().contains_kid(&kid(0)));
    sleep(HOUR * 10_000).await;
    assert!(keys.snapshot().keys_at(clock.now()).is_ok());
    let status = keys.status(clock.now());
    assert_eq!((status.state, status.keys, status.next), (IssuerState::Fresh, 1, None));
    let asked = keys.refetch_for_unknown_key(&kid(1), clock.now()).await;
    assert_eq!(asked, RefetchOutcome::StillUnknown);
}

#[tokio::test]
async fn a_reload_keeps_what_has_not_changed_and_stops_what_is_gone() {
    let issuer = TestIssuer::start();
    issuer.serve("/keys", key_set(&[0]));
    let clock: Arc<dyn Clock> = Arc::new(HandClock::default());
    let rings = KeyRings::new(egress(), Arc::clone(&clock), 1);
    let url = options("corp", KeySource::JwksUri(format!("{}/keys", issuer.url)));
    let inline = options("partner", KeySource::Inline(key_set(&[1])));

    let old = rings.reconcile(vec![url.clone(), inline.clone()]);
    assert_eq!(old[0].refetch_for_unknown_key(&kid(0), START).await, RefetchOutcome::Found);
    assert_eq!(issuer.requests(), ["/keys"]);

    let other = options("partner", KeySource::Inline(key_set(&[2])));
    let new = rings.reconcile(vec![other, url.clone()]);
    assert!(Arc::ptr_eq(&old[0].running, &new[1].running));
    assert!(!Arc::ptr_eq(&old[1].running, &new[0].running));
    assert!(new[1].snapshot().keys_at(START).is_ok());
    assert_eq!(issuer.requests(), Vec::<String>::new());

    // A new model that is thrown away does not touch the one that runs.
    drop(rings.reconcile(vec![inline]));
    let again = rings.reconcile(vec![url.clone()]);
    assert!(Arc::ptr_eq(&again[0].running, &new[1].running));

    let gone = again[0].downgrade();
    drop((old, new, again));
    assert!(IssuerKeys::upgrade(&gone).is_none());
    let anew = rings.reconcile(vec![url]);
    assert_eq!(anew[0].refetch_for_unknown_key(&kid(0), START).await, RefetchOutcome::Found);
    assert_eq!(issuer.requests(), ["/keys"]);
}

#[tokio::test]
async fn an_issuer_that_rotates_its_keys_is_followed_over_http() {
    const OIDC: &str = "/realm/.well-known/openid-configuration";
    let issuer = TestIssuer::start();
    let name = format!("{}/realm", issuer.url);
    let metadata = serde_json::json!({
        "issuer": name,
        "jwks_uri": format!("{}/keys", issuer.url),
        "token_endpoint": "https://idp.example.com/token",
    });
    issuer.serve(OIDC, metadata.to_string());
    issuer.serve("/keys", key_set(&[0]));
    let (clock, keys) = discover(&name);

    let ask = |place: usize| {
        let (keys, now) = (keys.clone(), clock.now());
        async move { keys.refetch_for_unknown_key(&kid(place), now).await }
    };
    assert_eq!(ask(0).await, RefetchOutcome::Found);
    assert_eq!(issuer.requests(), [OIDC, "/keys"]);
    let snapshot = keys.snapshot();
    let metadata = snapshot.metadata().unwrap();
    assert_eq!(metadata.token_endpoint.as_deref(), Some("https://idp.example.com/token"));
    assert_eq!(snapshot.source(), format!("discovery at {name}"));

    issuer.serve("/keys", key_set(&[1]));
    assert_eq!(ask(1).await, RefetchOutcome::Found);
    assert_eq!(issuer.requests(), [OIDC, "/keys"]);
    let snapshot = keys.snapshot();
    assert!(!snapshot.keys_at(clock.now()).unwrap().contains_kid(&kid(0)));

    assert_eq!(ask(2).await, RefetchOutcome::TooSoon);
    assert_eq!(issuer.requests(), Vec::<String>::new());
    clock.pass(SECOND * 10);
    assert_eq!(ask(2).await, RefetchOutcome::StillUnknown);
    assert_eq!(issuer.requests(), [OIDC, "/keys"]);

    clock.pass(SECOND * 10);
    issuer.withdraw("/keys");
    assert_eq!(ask(2).await, RefetchOutcome::Failed);
    let status = keys.status(clock.now());
    assert_eq!(
        status.last_error,
        Some(format!("`{}/keys` answered 404; expected 200", issuer.url))
    );
    assert_eq!((status.fetches, status.failures, status.refetches), (4, 1, 3));
    assert!(keys.snapshot().keys_at(clock.now()).is_ok());
}

fn options(name: &str, source: KeySource) -> IssuerKeyOptions {
    let issuer = "https://idp.example.com";
    IssuerKeyOptions::new(name, issuer, source, false, KeyTiming::default()).unwrap()
}

fn drive(script: &Script) -> (IssuerKeys, Arc<dyn Clock>) {
    let clock = TokioClock::start();
    let options = options("corp", KeySource::JwksUri("https://idp.example.com/keys".to_owned()));
    let pace = Pace::network(options.timing());
    let keys = IssuerKeys::drive(options, pace, Box::new(script.clone()), Arc::clone(&clock), 1);
    (keys, clock)
}

type Answer = Result<Published, KeyFetchError>;

/// Answers fetches one after the other, and with the last answer from then on.
#[derive(Clone)]
struct Script(Arc<Played>);

#[derive(Default)]
struct Played {
    answers: Mutex<VecDeque<Answer>>,
    fetches: AtomicUsize,
    takes: Mutex<Duration>,
}

impl Script {
    fn of(answers: Vec<Answer>) -> Self {
        Self(Arc::new(Played { answers: Mutex::new(answers.into()), ..Played::default() }))
    }

    /// From now on this is the answer.
    fn answer(&self, answer: Answer) {
        *self.0.answers.lock().unwrap() = VecDeque::from([answer]);
    }

    /// From now on a fetch takes this long.
    fn take(&self, time: Duration) {
        *self.0.takes.lock().unwrap() = time;
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }
}

impl Fetch for Script {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async {
            self.0.fetches.fetch_add(1, Ordering::SeqCst);
            let takes = *self.0.takes.lock().unwrap();
            sleep(takes).await;
            let mut answers = self.0.answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
        })
    }
}
