//! Signing out: by a form of our own, everywhere at once.

use std::time::Duration;

use anyhow::{Result, ensure};
use testbed::clock;

use crate::house::House;
use testbed::browser::{Browser, SESSION};

const ALICE: (&str, &str) = ("staff", "alice");
const PATIENCE: Duration = Duration::from_secs(10);

fn is_signed_in(browser: &mut Browser) -> Result<bool> {
    let who = browser.get(&browser.url("orders.localhost", "/.doorward/session"))?;
    Ok(who.status == 200)
}

#[test]
fn nobody_is_signed_out_by_a_link_or_by_a_page_of_another_origin() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    browser.sign_in(&browser.url("orders.localhost", "/1"), ALICE)?;
    let out = browser.url("orders.localhost", "/.doorward/sign-out");
    for method in ["GET", "HEAD"] {
        let reply = browser.send(method, &out, &["Accept: text/html"], "")?;
        assert_eq!((reply.status, reply.field("set-cookie")), (200, None), "{method}");
    }
    let elsewhere = browser.url("billing.localhost", "");
    let origins = [format!("Origin: {elsewhere}"), "Origin: https://evil.test".to_owned()];
    for field in [
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "X-Nothing: 1",
        &origins[0],
        &origins[1],
    ] {
        let reply = browser.send("POST", &out, &[field], "")?;
        let text = reply.text();
        ensure!(
            reply.status == 403 && text.contains("Another page has sent you."),
            "{field}: {text}"
        );
        ensure!(reply.field("set-cookie").is_none(), "{field}");
        assert_eq!(house.recorded(&reply)?.1, "cross_origin", "{field}");
    }
    ensure!(is_signed_in(&mut browser)?);
    Ok(())
}

#[test]
fn who_signs_out_is_signed_out_on_every_host() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let (orders, bills) =
        (browser.url("orders.localhost", "/1"), browser.url("billing.localhost", "/1"));
    browser.sign_in(&orders, ALICE)?;
    assert_eq!(browser.let_on(&bills)?.status, 200);
    let kept: Vec<_> = ["orders.localhost", "billing.localhost", "localhost"]
        .map(|host| (host, browser.cookie(host, SESSION).unwrap_or_default()))
        .into();
    let out = browser.url("orders.localhost", "/.doorward/sign-out");
    let home = browser.url("orders.localhost", "");
    let reply = browser.post(&out, &home, "")?;
    let to = browser.to(&out, &reply)?;
    ensure!(to.contains("/corp/end-session?"), "the provider signs out, too: {to}");
    assert_eq!(house.recorded(&reply)?, ("signed_out".to_owned(), "signed_out".to_owned()));
    ensure!(browser.cookie("orders.localhost", SESSION).is_none());
    let signed_out = browser.sent_on(&to)?;
    assert_eq!(signed_out, browser.url("localhost", "/.doorward/signed-out"));
    let reply = browser.get(&signed_out)?;
    ensure!(reply.text().contains("You are signed out."), "{}", reply.text());
    // Whatever is kept of the cookies is worth nothing.
    for (host, cookie) in kept {
        let mut thief = house.browser();
        thief.plant(host, SESSION, &cookie);
        let session = thief.url(host, "/.doorward/session");
        clock::until("the end of the session", PATIENCE, || {
            Ok((thief.get(&session)?.status == 401).then_some(()))
        })?;
    }
    Ok(())
}

#[test]
fn who_is_not_signed_in_can_sign_out() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let home = browser.url("orders.localhost", "");
    let out = browser.url("orders.localhost", "/.doorward/sign-out");
    let reply = browser.post(&out, &home, "")?;
    let to = browser.url("localhost", "/.doorward/signed-out");
    assert_eq!((reply.status, reply.field("location")), (303, Some(to.as_str())));
    Ok(())
}
