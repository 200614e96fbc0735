use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::registry::Registry;

use super::super::test_server::{Manner, TestServer};
use super::*;

const NAME: &str = "one.test";
const DAY: Duration = Duration::from_hours(24);

/// A clock that is set by hand.
#[derive(Debug, Default)]
struct Hands(AtomicU64);

impl Hands {
    fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

fn day(number: u32) -> Timestamp {
    Timestamp::from_secs(1_700_000_000).plus(DAY * number)
}

/// A keeper that orders from a server, both in one place.
struct House {
    place: tempfile::TempDir,
    clock: Arc<Hands>,
    server: TestServer,
    keeper: Keeper,
}

impl House {
    fn new(manner: Manner) -> Self {
        Self::at(std::net::TcpListener::bind("127.0.0.1:0").unwrap(), manner)
    }

    fn at(listener: std::net::TcpListener, manner: Manner) -> Self {
        let (place, clock) = (tempfile::tempdir().unwrap(), Arc::new(Hands::default()));
        clock.set(day(0));
        let server = TestServer::start(listener, manner);
        let keeper = keeper(place.path(), &server.url, &server.authority(), &clock);
        Self { place, clock, server, keeper }
    }

    /// Another process with the same cache.
    fn beside(&self) -> Keeper {
        keeper(self.place.path(), &self.server.url, &self.server.authority(), &self.clock)
    }

    async fn attend(&self) -> DomainStatus {
        attended(&self.keeper).await
    }

    /// The one file of the cache whose name ends in `end`.
    fn file(&self, end: &str) -> PathBuf {
        let folder = fs::read_dir(self.place.path().join("acme")).unwrap().next().unwrap();
        let files = fs::read_dir(folder.unwrap().path()).unwrap().map(|file| file.unwrap().path());
        files.into_iter().find(|path| path.to_string_lossy().ends_with(end)).unwrap()
    }
}

fn keeper(place: &Path, url: &str, authority: &str, clock: &Arc<Hands>) -> Keeper {
    let ca = place.join("ca.pem");
    fs::write(&ca, authority).unwrap();
    let options = config::Acme {
        directory: format!("{url}/directory"),
        domains: vec![NAME.to_owned()],
        contact: vec!["mailto:ops@one.test".to_owned()],
        cache: place.join("acme"),
        ca: Some(ca),
        renew_before: DAY * 30,
    };
    let metrics = Metrics::new(&mut Registry::default());
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Keeper::new(options, clock, entropy::system(), metrics).unwrap()
}

async fn attended(keeper: &Keeper) -> DomainStatus {
    keeper.attend(NAME).await;
    keeper.domains.lock().unwrap()[0].clone()
}

fn ninety_days() -> Manner {
    Manner::Issue(day(0), day(90))
}

#[tokio::test]
async fn a_certificate_is_issued_kept_and_renewed_in_time() {
    let house = House::new(ninety_days());
    let first = house.attend().await;
    assert_eq!((first.error, first.failures), (None, 0));
    assert!(first.due > day(56) && first.due <= day(60), "{}", first.due);
    let (kept, account) = (fs::read(house.file(".pem")).unwrap(), fs::read(house.file(".json")));

    // As long as it is good, another look orders nothing.
    assert_eq!(house.attend().await.error, None);
    assert_eq!(house.server.orders(), 1);

    house.clock.set(day(61));
    house.server.behaves(Manner::Issue(day(61), day(151)));
    let second = house.attend().await;
    assert!(second.due > day(117) && second.due <= day(121), "{}", second.due);
    assert_eq!((house.server.orders(), house.server.accounts()), (2, 1));
    assert_ne!(fs::read(house.file(".pem")).unwrap(), kept);
    assert_eq!(fs::read(house.file(".json")).unwrap(), account.unwrap());
}

#[tokio::test]
async fn a_process_uses_what_another_has_obtained_and_waits_while_it_orders() {
    let house = House::new(ninety_days());
    let other = house.beside();
    let lock = other.orders.cache.lock().unwrap();
    let waiting = house.attend().await;
    assert_eq!((waiting.failures, waiting.error, waiting.due), (0, None, day(0).plus(LOOK_AGAIN)));
    assert_eq!(house.server.orders(), 0);
    drop(lock);

    assert!(attended(&other).await.validity.is_some());
    assert!(house.attend().await.validity.is_some());
    assert_eq!(house.server.orders(), 1);
}

#[tokio::test]
async fn what_the_server_refuses_is_told_and_not_asked_again_before_it_wants() {
    let house = House::new(Manner::Refuse(429, 86_400));
    let status = house.attend().await;
    let told = "the ACME server refuses: too many of you (urn:ietf:params:acme:error:rateLimited)";
    assert_eq!(status.error.as_deref(), Some(told));
    assert_eq!(status.failures, 1);
    assert!(status.due >= day(1), "{}", status.due);
    house.server.behaves(Manner::Refuse(403, 0));
    let status = house.attend().await;
    assert_eq!(status.failures, 2);
    let wait = status.due.since(day(0)).as_secs();
    assert!((240..=300).contains(&wait), "{wait}");
    // It holds when the server has come to its senses.
    house.server.behaves(ninety_days());
    let status = house.attend().await;
    assert_eq!((status.failures, status.error), (0, None));
}

#[tokio::test]
async fn garbage_is_told_as_such() {
    let house = House::new(Manner::Garbage);
    let status = house.attend().await;
    let told = "the ACME server answers what is not ACME: failed to (de)serialize JSON: expected value at line 1 column 1";
    assert_eq!(status.error.as_deref(), Some(told));
    assert!(status.validity.is_none());
}

#[tokio::test]
async fn a_server_that_is_down_is_tried_again_soon() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let place = tempfile::tempdir().unwrap();
    let clock = Arc::new(Hands::default());
    clock.set(day(0));
    let authority = House::new(ninety_days()).server.authority();
    let keeper = keeper(place.path(), &format!("http://{address}"), &authority, &clock);
    let status = attended(&keeper).await;
    let told = format!(
        "the ACME server: `http://{address}/directory` cannot be connected to: {address}: Connection refused (os error 111)"
    );
    assert_eq!(status.error, Some(told));
    let wait = status.due.since(day(0)).as_millis();
    assert!((10_000..=12_500).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_by_our_clock_is_shown_and_told_of() {
    for (from, until) in [(day(1), day(91)), (day(10).minus(DAY * 30), day(0).minus(DAY))] {
        let house = House::new(Manner::Issue(from, until));
        let status = house.attend().await;
        assert_eq!(status.error, Some(AcmeError::Clock.to_string()));
        assert_eq!(status.failures, 1);
        assert!(status.due >= day(0).plus(Duration::from_secs(120)), "{}", status.due);
        assert_eq!(status.validity.map(|validity| validity.from), Some(from));
    }
}

#[tokio::test]
async fn a_certificate_with_hardly_any_life_is_not_ordered_again_at_once() {
    let house = House::new(Manner::Issue(day(0), day(0).plus(Duration::from_secs(2))));
    let status = house.attend().await;
    assert_eq!(status.error, None);
    assert_eq!(status.due, day(0).plus(BETWEEN_ORDERS));
}

#[tokio::test]
async fn a_broken_file_is_told_of_and_left_as_it_is() {
    let house = House::new(ninety_days());
    house.attend().await;
    house.clock.set(day(70));
    let (pem, account) = (house.file(".pem"), house.file("account.json"));
    let (good_pem, good_account) = (fs::read(&pem).unwrap(), fs::read(&account).unwrap());

    fs::write(&pem, "nothing").unwrap();
    let told = format!(
        "`{0}` cannot be used: `{0}` holds neither a certificate nor a private key; restore it, or move it away",
        pem.display()
    );
    assert_eq!(house.attend().await.error, Some(told));
    assert_eq!(fs::read(&pem).unwrap(), b"nothing");

    fs::write(&pem, &good_pem).unwrap();
    fs::write(&account, "{\"contact\": [],\n\"credentials\": \"secret\"}").unwrap();
    let error = house.attend().await.error.unwrap();
    let told = format!(
        "`{}` does not hold the ACME account: line 2, column 23; restore it, or move it away",
        account.display()
    );
    assert_eq!(error, told);
    assert_eq!(house.server.orders(), 1);

    fs::write(&account, &good_account).unwrap();
    house.server.behaves(Manner::Issue(day(70), day(160)));
    assert_eq!(house.attend().await.error, None);
    assert_eq!((house.server.orders(), house.server.accounts()), (2, 1));
}

#[tokio::test]
async fn what_was_put_off_by_a_clock_that_was_put_back_is_due() {
    let house = House::new(Manner::Refuse(403, 0));
    house.clock.set(day(3000));
    house.attend().await;
    assert!(house.keeper.due().is_empty());
    house.clock.set(day(0));
    assert_eq!(house.keeper.due(), [NAME]);
}
