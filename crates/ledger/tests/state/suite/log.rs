//! The log of changes.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use ledger::state::{Change, EndReason, Ending, LOG_KEPT, Ledger, Position};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{AMPLE, House, NOW, cookie, end, id};

const WRITERS: u32 = 8;
const ENDS: u32 = 50;

/// Reads the log from its start until it has `count` entries, and checks that positions have no gap.
async fn follow(ledger: Arc<dyn Ledger>, count: usize, done: Arc<AtomicBool>) -> Vec<Change> {
    let mut position = Position::START;
    let mut seen = Vec::new();
    loop {
        let over = done.load(Ordering::Acquire);
        let changes = ledger.log_after(position, 7).await.unwrap();
        assert!(!changes.truncated);
        let page = changes.entries.len();
        for (at, change) in changes.entries {
            assert_eq!(at.number(), position.number() + 1, "no gap, and in order");
            position = at;
            seen.push(change);
        }
        assert_eq!(changes.upto, position);
        if seen.len() >= count || (over && page == 0) {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn the_log_has_every_end_once_and_in_order_under_concurrency(house: House) {
    house.begin(1..=WRITERS * ENDS).await;
    let replicas = [house.replica().await, house.replica().await];
    let done = Arc::new(AtomicBool::new(false));
    let count = (WRITERS * ENDS) as usize;
    let reading = tokio::spawn(follow(house.replica().await, count, Arc::clone(&done)));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let ledger = Arc::clone(&replicas[writer as usize % 2]);
        writers.spawn(async move {
            for turn in 0..ENDS {
                let which = Ending::Session(id(writer * ENDS + turn + 1));
                ledger.end_sessions(&which, EndReason::SignedOut, NOW).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    done.store(true, Ordering::Release);
    let seen = reading.await.unwrap();
    assert_eq!(seen.len(), count);
    let mut ended: Vec<_> = seen
        .iter()
        .map(|change| match change {
            Change::Ended(id, EndReason::SignedOut) => *id,
            other => panic!("expected ends, got {other:?}"),
        })
        .collect();
    for writer in 0..WRITERS {
        let first = writer * ENDS + 1;
        let own: Vec<_> = (first..first + ENDS).map(id).collect();
        let order: Vec<_> = ended.iter().filter(|id| own.contains(id)).copied().collect();
        assert_eq!(order, own, "each writer's ends are in the order in which it made them");
    }
    ended.sort();
    assert!(ended.into_iter().eq((1..=WRITERS * ENDS).map(id)), "each end once");
    // A second reader finds the same.
    let again = follow(replicas[0].clone(), count, done).await;
    assert!(again == seen, "two readers read the same");
}

pub(crate) async fn the_log_is_read_in_pages(house: House) {
    assert_eq!(house.ledger().log_position().await.unwrap(), Position::START);
    house.begin(1..=5).await;
    assert_eq!(house.ledger().log_position().await.unwrap(), Position::START, "begun is not told");
    for number in 1..=5 {
        assert!(end(&house, number).await);
    }
    assert!(!end(&house, 5).await);
    let mut position = Position::START;
    for page in [vec![1, 2], vec![3, 4], vec![5], vec![]] {
        let changes = house.ledger().log_after(position, 2).await.unwrap();
        let expected: Vec<_> =
            page.iter().map(|number| Change::Ended(id(*number), EndReason::SignedOut)).collect();
        let found: Vec<_> = changes.entries.iter().map(|(_, change)| *change).collect();
        assert_eq!((found, changes.truncated), (expected, false));
        position = changes.upto;
    }
    assert_eq!(position, house.ledger().log_position().await.unwrap());
    assert_eq!(position.number(), 5);
}

pub(crate) async fn a_position_that_was_swept_or_never_was_is_truncated(house: House) {
    house.begin(1..=3).await;
    for number in 1..=3 {
        end(&house, number).await;
    }
    let first = house.ledger().log_after(Position::START, 1).await.unwrap().upto;
    let last = house.ledger().log_position().await.unwrap();
    let later = NOW.plus(LOG_KEPT).plus(std::time::Duration::from_millis(1));
    assert_eq!(house.ledger().sweep(later, 2).await.unwrap(), 2);
    for swept in [Position::START, first] {
        let changes = house.ledger().log_after(swept, 10).await.unwrap();
        assert!(changes.truncated && changes.entries.is_empty());
        assert_eq!(changes.upto, last);
    }
    let changes = house.ledger().log_after(last, 10).await.unwrap();
    assert!(!changes.truncated && changes.entries.is_empty());
    // As after a restored backup: the follower knows more than the ledger.
    house.meddle("DELETE FROM doorward_changes").await;
    house.meddle("UPDATE doorward_log SET position = 1, swept = 1").await;
    let changes = house.ledger().log_after(last, 10).await.unwrap();
    assert!(changes.truncated);
    assert_eq!(changes.upto, first);
}

pub(crate) async fn a_gap_in_the_log_is_truncated(house: House) {
    house.begin(1..=4).await;
    for number in 1..=4 {
        end(&house, number).await;
    }
    let last = house.ledger().log_position().await.unwrap();
    let first = house.ledger().log_after(Position::START, 1).await.unwrap().upto;
    house.meddle("DELETE FROM doorward_changes WHERE position = 3").await;
    for (position, limit) in [(Position::START, 10), (Position::START, 3), (first, 2)] {
        let changes = house.ledger().log_after(position, limit).await.unwrap();
        assert!(changes.truncated && changes.entries.is_empty());
        assert_eq!(changes.upto, last);
    }
    let before = house.ledger().log_after(Position::START, 2).await.unwrap();
    assert_eq!((before.entries.len(), before.truncated), (2, false));
    // One at the end is a gap too.
    house.meddle("DELETE FROM doorward_changes WHERE position = 4").await;
    assert!(house.ledger().log_after(before.upto, 10).await.unwrap().truncated);
    let changes = house.ledger().log_after(last, 10).await.unwrap();
    assert!(!changes.truncated && changes.entries.is_empty());
}

pub(crate) async fn a_follower_does_not_wait_behind_other_calls(house: House) {
    house.begin([1]).await;
    end(&house, 1).await;
    // Each has a connection or waits for one, and none gives it back: nobody polls them again. One
    // that is answered at its first poll, by a database that was quick, has given its own back.
    let mut calls = Vec::new();
    while calls.len() < 64 {
        let mut call = house.ledger().session(cookie(1), NOW);
        if poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await {
            calls.push(call);
        }
    }
    let follow = async {
        let position = house.ledger().log_position().await.unwrap();
        assert_eq!(house.ledger().log_after(Position::START, 10).await.unwrap().upto, position);
    };
    timeout(AMPLE / 3, follow).await.unwrap();
}

pub(crate) async fn a_hint_comes_after_an_end(house: House) {
    house.begin(1..=2).await;
    for number in 1..=2 {
        end(&house, number).await;
        // At the latest after the end; what came before may bring one more.
        timeout(AMPLE, house.ledger().hint()).await.unwrap();
    }
}
