//! What has expired is removed.

use std::time::Duration;

use ledger::state::{Change, EndReason, LOG_KEPT, MARK_KEPT, NewSession, Position, Purpose};
use tokio::time::timeout;

use super::{AMPLE, HOURS, House, IDLE, NOW, cookie, end, id, session};

pub(crate) async fn what_has_expired_is_swept_in_batches(house: House) {
    let ledger = house.ledger();
    let over = NOW.plus(IDLE);
    house.begin(1..=3).await;
    ledger.add_cookie(id(1), cookie("b"), "billing.test", NOW).await.unwrap();
    let longer = NewSession { idle: HOURS, ..session(4) };
    ledger.start_session(longer, NOW).await.unwrap();
    for number in 1..=3 {
        let what = cookie(format!("state {number}"));
        assert!(ledger.use_once(Purpose::SignIn, what, over.minus(MARK_KEPT), NOW).await.unwrap());
    }
    assert_eq!(ledger.sweep(over.minus(Duration::from_millis(1)), 10).await.unwrap(), 0);
    assert_eq!(ledger.sweep(over, 0).await.unwrap(), 0);
    assert_eq!(ledger.sweep(over, 2).await.unwrap(), 4, "two sessions and two marks");
    assert_eq!(ledger.sweep(over, 2).await.unwrap(), 2);
    assert_eq!(ledger.sweep(over, 2).await.unwrap(), 0);
    assert!(ledger.session(cookie(4), over).await.unwrap().is_some());
    // Their cookies went with them.
    assert!(ledger.add_cookie(id(4), cookie(1), "a.test", over).await.unwrap());
    assert!(ledger.add_cookie(id(4), cookie("b"), "a.test", over).await.unwrap());
}

pub(crate) async fn a_session_that_is_swept_has_ended_in_the_log_once(house: House) {
    let replica = house.replica().await;
    house.begin(1..=5).await;
    house.ledger().touch(&[(id(4), NOW.plus(IDLE / 2))]).await.unwrap();
    let over = NOW.plus(IDLE);
    while timeout(Duration::ZERO, house.ledger().hint()).await.is_ok() {}
    assert_eq!(house.ledger().sweep(over, 2).await.unwrap(), 2);
    timeout(AMPLE, house.ledger().hint()).await.unwrap();
    let (here, there) = tokio::join!(house.ledger().sweep(over, 10), replica.sweep(over, 10));
    assert_eq!(here.unwrap() + there.unwrap(), 2);
    let changes = replica.log_after(Position::START, 10).await.unwrap();
    let mut ended: Vec<_> = changes.entries.iter().map(|(_, change)| *change).collect();
    ended.sort_by_key(|change| match change {
        Change::Ended(id, EndReason::Expired) => *id,
        other => panic!("expected ends, got {other:?}"),
    });
    let expected = [1, 2, 3, 5].map(|number| Change::Ended(id(number), EndReason::Expired));
    assert_eq!(ended, expected);
    assert_eq!(EndReason::Expired.name(), "expired");
    assert!(replica.session(cookie(4), over).await.unwrap().is_some());
}

pub(crate) async fn the_log_is_kept_for_an_hour(house: House) {
    let ledger = house.ledger();
    house.begin(1..=3).await;
    for number in 1..=3 {
        assert!(end(&house, number).await);
    }
    let edge = NOW.plus(LOG_KEPT);
    assert_eq!(ledger.sweep(edge, 10).await.unwrap(), 0);
    assert_eq!(ledger.log_after(Position::START, 10).await.unwrap().entries.len(), 3);
    let later = edge.plus(Duration::from_millis(1));
    assert_eq!(ledger.sweep(later, 2).await.unwrap(), 2);
    assert_eq!(ledger.sweep(later, 2).await.unwrap(), 1);
    assert_eq!(ledger.sweep(later, 2).await.unwrap(), 0);
    assert_eq!(ledger.log_position().await.unwrap().number(), 3, "positions go on");
}
