//! A session's cookies.

use ledger::state::{LedgerError, MAX_COOKIES};

use super::{HOURS, House, NOW, cookie, end, id, session};

pub(crate) async fn each_cookie_finds_the_session_with_its_host(house: House) {
    house.begin([1, 2]).await;
    assert!(house.ledger().add_cookie(id(1), cookie("b"), "billing.test", NOW).await.unwrap());
    for (digest, host) in [(cookie(1), "orders.test"), (cookie("b"), "billing.test")] {
        let found = house.ledger().session(digest, NOW).await.unwrap().unwrap();
        assert_eq!((found.id, found.host.as_str()), (id(1), host));
    }
    assert_eq!(house.ledger().session(cookie("other"), NOW).await.unwrap(), None);
}

pub(crate) async fn a_65th_cookie_takes_the_place_of_the_oldest(house: House) {
    house.begin([1]).await;
    for number in 2..=MAX_COOKIES {
        let name = cookie(format!("c{number}"));
        assert!(house.ledger().add_cookie(id(1), name, "billing.test", NOW).await.unwrap());
    }
    assert!(house.ledger().session(cookie(1), NOW).await.unwrap().is_some());
    for (name, gone, stays) in [("c65", cookie(1), "c2"), ("c66", cookie("c2"), "c3")] {
        assert!(house.ledger().add_cookie(id(1), cookie(name), "a.test", NOW).await.unwrap());
        assert_eq!(house.ledger().session(gone, NOW).await.unwrap(), None);
        assert!(house.ledger().session(cookie(stays), NOW).await.unwrap().is_some());
        assert!(house.ledger().session(cookie(name), NOW).await.unwrap().is_some());
    }
}

pub(crate) async fn a_session_that_is_over_gets_no_cookie(house: House) {
    house.begin([1, 2]).await;
    assert!(end(&house, 1).await);
    assert!(!house.ledger().add_cookie(id(1), cookie("b"), "b.test", NOW).await.unwrap());
    assert!(!house.ledger().add_cookie(id(3), cookie("b"), "b.test", NOW).await.unwrap());
    let over = NOW.plus(HOURS);
    assert!(!house.ledger().add_cookie(id(2), cookie("b"), "b.test", over).await.unwrap());
    assert_eq!(house.ledger().session(cookie("b"), NOW).await.unwrap(), None);
}

pub(crate) async fn a_cookie_is_never_shared(house: House) {
    house.begin([1, 2]).await;
    let error = house.ledger().add_cookie(id(2), cookie(1), "b.test", NOW).await.unwrap_err();
    assert_eq!(error, LedgerError::Reused { what: "cookie" });
    assert_eq!(error.to_string(), "the cookie is in use already; expected a new one");
    let mut third = session(3);
    third.cookie = cookie(1);
    assert_eq!(house.ledger().start_session(third, NOW).await.unwrap_err(), error);
    assert_eq!(house.ledger().session(cookie(1), NOW).await.unwrap().unwrap().id, id(1));
}
