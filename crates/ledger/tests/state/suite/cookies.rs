//! A session's cookies.

use ledger::state::{LedgerError, MAX_COOKIES, MAX_COOKIES_OF_HOST};

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

pub(crate) async fn a_third_cookie_of_a_host_takes_the_place_of_its_oldest(house: House) {
    house.begin([1]).await;
    let ledger = house.ledger();
    assert!(ledger.add_cookie(id(1), cookie("b1"), "billing.test", NOW).await.unwrap());
    let mut live = vec![cookie(1)];
    for number in 2..=MAX_COOKIES {
        let name = cookie(format!("o{number}"));
        assert!(ledger.add_cookie(id(1), name, "orders.test", NOW).await.unwrap());
        live.push(name);
        if live.len() > MAX_COOKIES_OF_HOST as usize {
            assert_eq!(ledger.session(live.remove(0), NOW).await.unwrap(), None);
        }
        for name in live.iter().copied().chain([cookie("b1")]) {
            assert!(ledger.session(name, NOW).await.unwrap().is_some(), "{number}");
        }
    }
}

pub(crate) async fn a_65th_cookie_takes_the_place_of_the_oldest_but_of_the_first_host(
    house: House,
) {
    house.begin([1]).await;
    let ledger = house.ledger();
    // The cookie with which the session began gives way to others of its host, which is the first one all the same.
    for name in ["b", "second", "third"] {
        let host = if name == "b" { "b.test" } else { "orders.test" };
        assert!(ledger.add_cookie(id(1), cookie(name), host, NOW).await.unwrap());
    }
    assert_eq!(ledger.session(cookie(1), NOW).await.unwrap(), None);
    for number in 4..=MAX_COOKIES {
        let (name, host) = (cookie(format!("c{number}")), format!("h{number}.test"));
        assert!(ledger.add_cookie(id(1), name, &host, NOW).await.unwrap());
    }
    let alive = async |name: &str| ledger.session(cookie(name), NOW).await.unwrap().is_some();
    assert!(alive("b").await && alive("second").await && alive("third").await);
    for (name, gone) in [("c65", "b"), ("c66", "third"), ("c67", "c4")] {
        let host = format!("{name}.test");
        assert!(ledger.add_cookie(id(1), cookie(name), &host, NOW).await.unwrap());
        assert!(!alive(gone).await, "{gone}");
        assert!(alive("second").await && alive("c5").await && alive(name).await, "{name}");
    }
    for number in 68..=MAX_COOKIES * 2 {
        let (name, host) = (cookie(format!("c{number}")), format!("h{number}.test"));
        assert!(ledger.add_cookie(id(1), name, &host, NOW).await.unwrap());
    }
    assert!(alive("second").await && !alive("c5").await);
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
