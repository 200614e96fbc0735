//! What is kept for a browser between two of its requests.

use std::sync::Arc;
use std::time::Duration;

use ledger::state::{MAX_LEFT_BYTES, Secrets};
use tokio::task::JoinSet;

use super::{House, NOW, cookie};

const LIFE: Duration = Duration::from_secs(60);

fn thing(text: &str) -> Secrets {
    Secrets::new(text.as_bytes().to_vec())
}

pub(crate) async fn what_was_left_is_collected_once_over_two_handles(house: House) {
    let replicas = [house.replica().await, house.replica().await];
    for round in 0..20 {
        let what = cookie(format!("state {round}"));
        assert!(house.ledger().leave(what, thing("alice"), NOW.plus(LIFE), NOW).await.unwrap());
        let mut collects = JoinSet::new();
        for number in 0..8 {
            let ledger = Arc::clone(&replicas[number % 2]);
            collects.spawn(async move { ledger.collect(what, NOW).await.unwrap() });
        }
        let found: Vec<_> = collects.join_all().await.into_iter().flatten().collect();
        let [one] = found.as_slice() else { panic!("{} have it", found.len()) };
        assert_eq!(one.as_bytes(), b"alice");
    }
}

pub(crate) async fn nothing_takes_the_place_of_what_was_left(house: House) {
    let (ledger, what, until) = (house.ledger(), cookie("state"), NOW.plus(LIFE));
    assert!(ledger.leave(what, thing("alice"), until, NOW).await.unwrap());
    assert!(!ledger.leave(what, thing("mallory"), until, NOW).await.unwrap());
    assert!(ledger.collect(cookie("other"), NOW).await.unwrap().is_none());
    assert_eq!(ledger.collect(what, NOW).await.unwrap().unwrap().as_bytes(), b"alice");
    assert!(ledger.collect(what, NOW).await.unwrap().is_none());
}

pub(crate) async fn what_was_left_is_gone_at_its_end_and_swept(house: House) {
    let (ledger, until) = (house.ledger(), NOW.plus(LIFE));
    let before = until.minus(Duration::from_millis(1));
    for number in 0..3 {
        assert!(ledger.leave(cookie(number), thing("x"), until, NOW).await.unwrap());
    }
    assert!(!ledger.leave(cookie(4), thing("x"), NOW, NOW).await.unwrap());
    assert_eq!(ledger.sweep(before, 10).await.unwrap(), 0);
    assert!(ledger.collect(cookie(0), before).await.unwrap().is_some());
    assert!(ledger.collect(cookie(1), until).await.unwrap().is_none());
    assert_eq!(ledger.sweep(until, 1).await.unwrap(), 1);
    assert_eq!(ledger.sweep(until, 10).await.unwrap(), 1);
}

pub(crate) async fn what_is_left_has_a_limit_and_is_sealed(house: House) {
    let (ledger, until) = (house.ledger(), NOW.plus(LIFE));
    let long = |bytes| Secrets::new(vec![b'x'; bytes]);
    assert!(ledger.leave(cookie(1), long(MAX_LEFT_BYTES), until, NOW).await.unwrap());
    assert_eq!(
        ledger.collect(cookie(1), NOW).await.unwrap().unwrap().as_bytes().len(),
        MAX_LEFT_BYTES
    );
    let error = ledger.leave(cookie(2), long(MAX_LEFT_BYTES + 1), until, NOW).await.unwrap_err();
    assert_eq!(error.to_string(), "the thing that is left may have 544768 bytes at most");
    // What was left under one name does not open under another.
    ledger.leave(cookie(3), thing("alice"), until, NOW).await.unwrap();
    ledger.leave(cookie(4), thing("mallory"), until, NOW).await.unwrap();
    house.meddle("UPDATE doorward_left SET thing = (SELECT thing FROM doorward_left ORDER BY digest LIMIT 1)").await;
    let collected = [ledger.collect(cookie(3), NOW).await, ledger.collect(cookie(4), NOW).await];
    assert_eq!(collected.iter().filter(|collected| collected.is_err()).count(), 1);
}
