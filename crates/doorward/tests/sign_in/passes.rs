//! Passes, with which a browser enters the host that it came from.

use anyhow::{Result, ensure};

use crate::house::House;
use crate::refused::{Attack, all_are_refused};
use testbed::browser::{SESSION, replaced, value};

const ALICE: (&str, &str) = ("staff", "alice");

#[test]
fn no_pass_is_taken_that_is_not_for_this_browser_on_this_host() -> Result<()> {
    all_are_refused(&[
        Attack {
            name: "a pass that we have not sealed",
            code: "pass_forged",
            act: |house| {
                let mut browser = house.browser();
                let enter = browser.passed(&browser.url("orders.localhost", "/1"), ALICE)?;
                browser.get(&replaced(&enter, "pass", &"A".repeat(300))?)
            },
        },
        Attack {
            name: "no pass",
            code: "pass_forged",
            act: |house| {
                let mut browser = house.browser();
                browser.get(&browser.url("orders.localhost", "/.doorward/enter"))
            },
        },
        Attack {
            name: "two passes",
            code: "pass_forged",
            act: |house| {
                let mut browser = house.browser();
                let enter = browser.passed(&browser.url("orders.localhost", "/1"), ALICE)?;
                browser.get(&format!("{enter}&pass=1"))
            },
        },
        Attack {
            name: "a request in the place of a pass",
            code: "pass_forged",
            act: |house| {
                let mut browser = house.browser();
                let asked = browser.asked(&browser.url("orders.localhost", "/1"))?;
                let enter = format!("/.doorward/enter?pass={}", value(&asked, "request")?);
                browser.get(&browser.url("orders.localhost", &enter))
            },
        },
        Attack {
            name: "a pass that was used before",
            code: "pass_replayed",
            act: |house| {
                let mut browser = house.browser();
                let enter = browser.passed(&browser.url("orders.localhost", "/1"), ALICE)?;
                browser.sent_on(&enter)?;
                browser.get(&enter)
            },
        },
        Attack {
            name: "a pass of another browser, which has begun to sign in itself",
            code: "pass_of_other_browser",
            act: |house| {
                let mut browser = house.browser();
                let url = browser.url("orders.localhost", "/1");
                let enter = browser.passed(&url, ALICE)?;
                let mut victim = house.browser();
                victim.at_provider(&url, "staff")?;
                victim.get(&enter)
            },
        },
        Attack {
            name: "a pass in a browser that has begun nothing",
            code: "pass_of_other_browser",
            act: |house| {
                let mut browser = house.browser();
                let enter = browser.passed(&browser.url("orders.localhost", "/1"), ALICE)?;
                house.browser().get(&enter)
            },
        },
        Attack {
            name: "a pass that signs a victim in as the attacker, by way of the victim's sign-in",
            code: "pass_of_other_browser",
            act: |house| {
                let mut attacker = house.browser();
                let asked = attacker.asked(&attacker.url("orders.localhost", "/1"))?;
                let mut victim = house.browser();
                victim.sign_in(&victim.url("billing.localhost", "/1"), ALICE)?;
                let enter = victim.sent_on(&asked)?;
                attacker.get(&enter)?;
                victim.get(&enter)
            },
        },
        Attack {
            name: "a pass for another host",
            code: "pass_of_other_host",
            act: |house| {
                let mut browser = house.browser();
                let enter = browser.passed(&browser.url("orders.localhost", "/1"), ALICE)?;
                browser.get(&enter.replace("//orders.", "//billing."))
            },
        },
        Attack {
            name: "a pass of a session that has ended since",
            code: "session_ended",
            act: |house| {
                let mut browser = house.browser();
                let enter = browser.passed(&browser.url("orders.localhost", "/1"), ALICE)?;
                let home = browser.url("localhost", "");
                let out = browser.url("localhost", "/.doorward/sign-out");
                let reply = browser.post(&out, &home, "")?;
                ensure!(reply.status == 303, "{}", reply.text());
                browser.get(&enter)
            },
        },
    ])
}

#[test]
fn a_pass_sets_a_cookie_that_only_this_host_is_sent() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let enter = browser.passed(&browser.url("orders.localhost", "/1"), ALICE)?;
    let reply = browser.get(&enter)?;
    let lines = reply.message.head.values("set-cookie");
    let cookie = browser.cookie("orders.localhost", SESSION).unwrap_or_default();
    let flags = "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=43200";
    assert_eq!(lines, [format!("{SESSION}={cookie}{flags}")]);
    // 224 random bits, and the seal by which they are known to be ours, in base64.
    assert_eq!(cookie.len(), 60);
    assert_ne!(browser.cookie("localhost", SESSION), Some(cookie), "each host has one of its own");
    Ok(())
}
