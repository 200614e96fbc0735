//! Sessions at the doors: whose they are, where they are good, and that no service is shown one.

use std::time::Duration;

use anyhow::{Result, ensure};
use testbed::clock;

use crate::house::House;
use testbed::browser::{BROWSER, SESSION};

const ALICE: (&str, &str) = ("staff", "alice");
const CAROL: (&str, &str) = ("guests", "carol");
/// How long a session that has ended may still be taken for one; far above what it takes.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_service_is_told_who_it_is_and_is_sent_no_cookie_of_ours() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    browser.plant("orders.localhost", "theirs", "1");
    browser.sign_in(&browser.url("orders.localhost", "/1"), ALICE)?;
    let seen = house.service.take().requests;
    assert_eq!(seen.len(), 1, "nothing but what was permitted");
    assert_eq!(seen[0].values("cookie"), ["theirs=1"]);
    assert_eq!(seen[0].values("x-forwarded-user"), ["alice"]);
    assert_eq!(seen[0].values("x-forwarded-issuer"), ["staff"]);
    let raw = String::from_utf8_lossy(&seen[0].message.head.raw).into_owned();
    for name in [SESSION, BROWSER] {
        let value = browser.cookie("orders.localhost", name).unwrap_or_default();
        ensure!(!value.is_empty() && !raw.contains(&value) && !raw.contains(name), "{raw}");
    }
    Ok(())
}

#[test]
fn groups_that_are_computed_open_what_they_are_for() -> Result<()> {
    let house = House::open()?;
    let (mut alice, mut carol) = (house.browser(), house.browser());
    let (orders, teams) = ("/1", alice.url("orders.localhost", "/teams/1"));
    alice.sign_in(&alice.url("orders.localhost", orders), ALICE)?;
    carol.sign_in(&carol.url("orders.localhost", orders), CAROL)?;
    // Both are in `support`, as their providers call it; for one of the providers it is computed what we call it.
    assert_eq!((alice.get(&teams)?.status, carol.get(&teams)?.status), (200, 403));
    Ok(())
}

#[test]
fn a_cookie_that_was_planted_is_not_the_one_after_signing_in() -> Result<()> {
    let house = House::open()?;
    // The attacker has signed in, and plants its session where the victim signs in.
    let (mut attacker, mut victim) = (house.browser(), house.browser());
    let url = attacker.url("orders.localhost", "/staff/1");
    attacker.sign_in(&attacker.url("orders.localhost", "/1"), CAROL)?;
    for host in ["orders.localhost", "localhost"] {
        let planted = attacker.cookie(host, SESSION).unwrap_or_default();
        victim.plant(host, SESSION, &planted);
    }
    victim.sign_in(&url, ALICE)?;
    for host in ["orders.localhost", "localhost"] {
        let (one, other) = (attacker.cookie(host, SESSION), victim.cookie(host, SESSION));
        ensure!(one.is_some() && other.is_some() && one != other, "{host}");
    }
    ensure!(attacker.get(&url)?.status != 200, "the attacker is not alice");
    // Whoever had the session before has none now: it was replaced.
    let old = attacker.url("orders.localhost", "/1");
    clock::until("the end of the old session", PATIENCE, || {
        Ok((attacker.get(&old)?.status == 302).then_some(()))
    })?;
    Ok(())
}

#[test]
fn a_cookie_that_nobody_has_given_out_is_nobody() -> Result<()> {
    let house = House::open()?;
    for value in ["planted", "", &"A".repeat(43), &"A".repeat(4000), "\"quoted\""] {
        let mut browser = house.browser();
        browser.plant("orders.localhost", SESSION, value);
        let reply = browser.get(&browser.url("orders.localhost", "/1"))?;
        assert_eq!(reply.status, 302, "{value}");
        let who = browser.get(&browser.url("orders.localhost", "/.doorward/session"))?;
        assert_eq!((who.status, who.text().as_str()), (401, "{\"signed_in\":false}"), "{value}");
    }
    ensure!(house.service.take().requests.is_empty());
    Ok(())
}

#[test]
fn two_sessions_in_one_request_are_one_too_many() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    browser.sign_in(&browser.url("orders.localhost", "/1"), ALICE)?;
    let cookie = browser.cookie("orders.localhost", SESSION).unwrap_or_default();
    drop(house.service.take());
    for lines in [
        &["Cookie: __Host-doorward=other"][..],
        &["Cookie: a=1; __Host-doorward=other; b=2"],
        &["Cookie: __Host-doorward="],
    ] {
        for target in
            ["/1", "/.doorward/session", "/.doorward/sign-in?to=/1", "/.doorward/sign-out"]
        {
            let url = browser.url("orders.localhost", target);
            let reply = browser.send("GET", &url, lines, "")?;
            assert_eq!(reply.status, 400, "{target} {lines:?}: {}", reply.text());
        }
    }
    ensure!(house.service.take().requests.is_empty());
    // The same twice says the same.
    let url = browser.url("orders.localhost", "/1");
    let again = format!("Cookie: {SESSION}={cookie}");
    assert_eq!(browser.send("GET", &url, &[&again], "")?.status, 200);
    Ok(())
}

#[test]
fn a_session_of_one_host_is_nobody_on_another() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    browser.sign_in(&browser.url("orders.localhost", "/1"), ALICE)?;
    for from in ["orders.localhost", "localhost"] {
        let stolen = browser.cookie(from, SESSION).unwrap_or_default();
        let mut thief = house.browser();
        thief.plant("billing.localhost", SESSION, &stolen);
        let reply = thief.get(&thief.url("billing.localhost", "/1"))?;
        assert_eq!(reply.status, 302, "{from}");
        let who = thief.get(&thief.url("billing.localhost", "/.doorward/session"))?;
        assert_eq!(who.status, 401, "{from}");
        // Nor does it lead to a pass, where people sign in.
        thief.plant(
            "localhost",
            SESSION,
            &browser.cookie("orders.localhost", SESSION).unwrap_or_default(),
        );
        let asked = thief.asked(&thief.url("billing.localhost", "/1"))?;
        assert_eq!(thief.get(&asked)?.status, 200, "it is asked to choose a provider");
    }
    // The browser itself is let on, and has another cookie there.
    let reply = browser.let_on(&browser.url("billing.localhost", "/1"))?;
    assert_eq!(reply.status, 200);
    Ok(())
}

#[test]
fn a_session_opens_only_what_takes_its_provider() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    browser.sign_in(&browser.url("orders.localhost", "/1"), CAROL)?;
    drop(house.service.take());
    let reply = browser.get(&browser.url("orders.localhost", "/staff/1"))?;
    let to = reply.field("location");
    assert_eq!((reply.status, to), (302, Some("/.doorward/sign-in?to=/staff/1")));
    // It leads to the one provider that will do, without a choice.
    let asked = browser.asked(&browser.url("orders.localhost", "/staff/1"))?;
    let page = browser.sent_on(&asked)?;
    ensure!(page.contains("/corp/authorize?"), "{page}");
    // What fetches is told, and is not sent.
    let url = browser.url("orders.localhost", "/staff/1");
    let fetched = browser.send("GET", &url, &["Sec-Fetch-Mode: cors"], "")?;
    assert_eq!(fetched.status, 401);
    ensure!(fetched.text().contains("\"sign_in\":\"/.doorward/sign-in?to=/staff/1\""));
    ensure!(house.service.take().requests.is_empty());
    Ok(())
}

#[test]
fn a_page_of_another_origin_cannot_act_with_a_session() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let url = browser.url("orders.localhost", "/1");
    browser.sign_in(&url, ALICE)?;
    drop(house.service.take());
    for field in [
        "Origin: https://evil.test",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
    ] {
        let reply = browser.send("POST", &url, &[field], "a=1")?;
        assert_eq!(reply.status, 403, "{field}: {}", reply.text());
    }
    ensure!(house.service.take().requests.is_empty());
    let home = browser.url("orders.localhost", "");
    assert_eq!(browser.post(&url, &home, "a=1")?.status, 200);
    Ok(())
}
