//! Sessions: begun, found, seen, listed.

use std::time::Duration;

use ledger::state::{
    Change, EndReason, LATEST, LedgerError, NewSession, Position, SessionFilter, StoredSession,
};
use tokens::Timestamp;

use super::{HOURS, House, IDLE, NOW, cookie, end, id, session};

const MILLISECOND: Duration = Duration::from_millis(1);

pub(crate) async fn a_session_is_found_as_it_was_begun(house: House) {
    house.begin([1]).await;
    let expected = StoredSession {
        id: id(1),
        host: "orders.test".into(),
        provider: "corp".into(),
        subject: "subject-1".into(),
        facts: br#"{"groups":["support"]}"#.to_vec(),
        began_at: NOW,
        seen_at: NOW,
        ends_at: NOW.plus(HOURS),
        idle: IDLE,
        refresh_at: Some(NOW),
    };
    assert_eq!(house.ledger().session(cookie(1), NOW).await.unwrap(), Some(expected));
    let endless = NewSession {
        ends_at: Timestamp::MAX,
        idle: Duration::MAX,
        refresh_at: None,
        secrets: None,
        ..session(2)
    };
    house.ledger().start_session(endless, NOW).await.unwrap();
    let found = house.replica().await.session(cookie(2), NOW.plus(HOURS)).await.unwrap().unwrap();
    assert_eq!((found.ends_at, found.refresh_at), (LATEST, None));
}

pub(crate) async fn a_session_is_over_at_either_limit_to_the_millisecond(house: House) {
    let absolute = NewSession { ends_at: NOW.plus(IDLE), idle: HOURS, ..session(1) };
    house.ledger().start_session(absolute, NOW).await.unwrap();
    house.begin([2]).await;
    let over = NOW.plus(IDLE);
    for number in [1, 2] {
        let last = house.ledger().session(cookie(number), over.minus(MILLISECOND)).await.unwrap();
        assert!(last.is_some());
        assert_eq!(house.ledger().session(cookie(number), over).await.unwrap(), None);
    }
    let filter = SessionFilter::default();
    assert!(house.ledger().list_sessions(&filter, None, 10, over).await.unwrap().is_empty());
}

pub(crate) async fn touches_prolong_and_never_move_back_or_revive(house: House) {
    let ledger = house.ledger();
    house.begin([1, 2]).await;
    let seen = NOW.plus(IDLE).minus(MILLISECOND);
    ledger.touch(&[(id(1), seen), (id(1), NOW), (id(9), seen)]).await.unwrap();
    let found = ledger.session(cookie(1), NOW.plus(IDLE)).await.unwrap().unwrap();
    assert_eq!(found.seen_at, seen);
    assert_eq!(ledger.session(cookie(2), NOW.plus(IDLE)).await.unwrap(), None, "it was not seen");
    ledger.touch(&[(id(2), NOW.plus(IDLE))]).await.unwrap();
    assert_eq!(ledger.session(cookie(2), NOW.plus(IDLE)).await.unwrap(), None, "nor revived");
    // The absolute end stays.
    let mut at = seen;
    while at < NOW.plus(HOURS) {
        ledger.touch(&[(id(1), at)]).await.unwrap();
        at = at.plus(IDLE).minus(MILLISECOND);
    }
    let last = NOW.plus(HOURS).minus(MILLISECOND);
    assert!(ledger.session(cookie(1), last).await.unwrap().is_some());
    assert_eq!(ledger.session(cookie(1), NOW.plus(HOURS)).await.unwrap(), None);
    end(&house, 1).await;
    ledger.touch(&[(id(1), seen)]).await.unwrap();
    assert_eq!(ledger.session(cookie(1), NOW).await.unwrap(), None, "ended means ended");
}

pub(crate) async fn each_of_many_touches_is_of_its_own_session(house: House) {
    house.begin(1..=20).await;
    let at = |number: u32| NOW.plus(MILLISECOND * number);
    let seen: Vec<_> = (1..=20).rev().map(|number| (id(number), at(number))).collect();
    let replica = house.replica().await;
    let (here, there) = tokio::join!(house.ledger().touch(&seen), replica.touch(&seen[5..]));
    assert_eq!((here, there), (Ok(()), Ok(())));
    for number in 1..=20 {
        let found = replica.session(cookie(number), NOW).await.unwrap().unwrap();
        assert_eq!(found.seen_at, at(number));
    }
    // Of several moments the latest counts at which it was live.
    let over = at(1).plus(IDLE);
    let seen = [(id(1), at(7)), (id(1), over), (id(1), at(9)), (id(1), at(8))];
    house.ledger().touch(&seen).await.unwrap();
    assert_eq!(replica.session(cookie(1), NOW).await.unwrap().unwrap().seen_at, at(9));
}

pub(crate) async fn ids_are_never_used_again(house: House) {
    house.begin([1]).await;
    let again = NewSession { cookie: cookie("new"), ..session(1) };
    let reused = LedgerError::Reused { what: "session id" };
    let error = house.ledger().start_session(again.clone(), NOW).await.unwrap_err();
    assert_eq!(error, reused);
    assert!(end(&house, 1).await);
    assert_eq!(house.ledger().start_session(again, NOW).await.unwrap_err(), reused);
    assert_eq!(house.ledger().session(cookie("new"), NOW).await.unwrap(), None);
}

pub(crate) async fn a_session_replaces_another(house: House) {
    house.begin([1]).await;
    for (number, old) in [(2, 1), (3, 1)] {
        let new = NewSession { replaces: Some(id(old)), ..session(number) };
        house.ledger().start_session(new, NOW).await.unwrap();
        assert!(house.ledger().session(cookie(number), NOW).await.unwrap().is_some());
        assert_eq!(house.ledger().session(cookie(1), NOW).await.unwrap(), None);
    }
    let changes = house.ledger().log_after(Position::START, 10).await.unwrap();
    assert_eq!(changes.entries, [(changes.upto, Change::Ended(id(1), EndReason::Replaced))]);
}

pub(crate) async fn nothing_of_a_refused_session_stays(house: House) {
    house.begin([1, 2]).await;
    let refused = NewSession { cookie: cookie(1), replaces: Some(id(2)), ..session(3) };
    house.ledger().start_session(refused, NOW).await.unwrap_err();
    assert!(house.ledger().session(cookie(2), NOW).await.unwrap().is_some());
    house.begin([3]).await;
}

pub(crate) async fn sessions_are_listed_by_page_and_filter(house: House) {
    house.begin(1..=5).await;
    let partner = NewSession { provider: "partner".into(), ..session(6) };
    house.ledger().start_session(partner, NOW).await.unwrap();
    let list = async |provider: Option<&str>, subject: Option<&str>, after, limit| {
        let filter = SessionFilter {
            provider: provider.map(str::to_owned),
            subject: subject.map(str::to_owned),
        };
        let found = house.ledger().list_sessions(&filter, after, limit, NOW).await.unwrap();
        found.iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, None, 4).await, [id(1), id(2), id(3), id(4)]);
    assert_eq!(list(None, None, Some(id(4)), 4).await, [id(5), id(6)]);
    assert_eq!(list(Some("partner"), None, None, 4).await, [id(6)]);
    assert_eq!(list(None, Some("subject-2"), None, 4).await, [id(2)]);
    assert_eq!(list(Some("partner"), Some("subject-2"), None, 4).await, []);
    assert_eq!(list(None, None, None, 0).await, []);
}
