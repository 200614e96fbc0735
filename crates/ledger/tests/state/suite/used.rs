//! What may be used once only.

use std::sync::Arc;
use std::time::Duration;

use ledger::state::{MARK_KEPT, Purpose};
use tokio::task::JoinSet;

use super::{House, NOW, cookie};

const LIFE: Duration = Duration::from_secs(600);

pub(crate) async fn one_of_many_uses_wins_over_two_handles(house: House) {
    let replicas = [house.replica().await, house.replica().await];
    for round in 0..20 {
        let mut uses = JoinSet::new();
        for user in 0..8 {
            let ledger = Arc::clone(&replicas[user % 2]);
            uses.spawn(async move {
                let what = cookie(format!("state {round}"));
                ledger.use_once(Purpose::SignIn, what, NOW.plus(LIFE), NOW).await.unwrap()
            });
        }
        let won = uses.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1);
    }
}

pub(crate) async fn a_purpose_and_an_end_belong_to_a_use(house: House) {
    let (ledger, until) = (house.ledger(), NOW.plus(LIFE));
    let what = cookie("state");
    assert!(ledger.use_once(Purpose::SignIn, what, until, NOW).await.unwrap());
    assert!(ledger.use_once(Purpose::Handoff, what, until, NOW).await.unwrap());
    assert!(ledger.use_once(Purpose::LogoutToken, what, until, NOW).await.unwrap());
    let last = until.minus(Duration::from_millis(1));
    assert!(!ledger.use_once(Purpose::SignIn, what, until, last).await.unwrap());
    // What is over is never used, also once its mark is gone.
    let swept = until.plus(MARK_KEPT);
    assert!(!ledger.use_once(Purpose::SignIn, what, until, until).await.unwrap());
    assert_eq!(ledger.sweep(swept, 10).await.unwrap(), 3);
    assert!(!ledger.use_once(Purpose::SignIn, what, until, until).await.unwrap());
}

pub(crate) async fn a_mark_outlasts_clocks_that_differ(house: House) {
    let (ledger, until) = (house.ledger(), NOW.plus(LIFE));
    let what = cookie("state");
    assert!(ledger.use_once(Purpose::SignIn, what, until, NOW).await.unwrap());
    let (behind, millisecond) = (until.minus(LIFE / 2), Duration::from_millis(1));
    for ahead in [until, until.plus(MARK_KEPT).minus(millisecond)] {
        assert_eq!(ledger.sweep(ahead, 10).await.unwrap(), 0);
        assert!(!ledger.use_once(Purpose::SignIn, what, until, behind).await.unwrap());
    }
    assert_eq!(ledger.sweep(until.plus(MARK_KEPT), 10).await.unwrap(), 1);
}
