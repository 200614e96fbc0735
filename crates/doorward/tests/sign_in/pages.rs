//! Our own pages: what may be sent to them, and what they let a browser do.

use anyhow::{Result, ensure};
use testbed::client::Reply;

use crate::house::House;

#[test]
fn every_page_is_for_nobody_else_to_frame_to_keep_or_to_add_to() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let asked = browser.asked(&browser.url("orders.localhost", "/1"))?;
    for (url, status) in [
        (asked, 200),
        (browser.url("localhost", "/.doorward/sign-in?request=forged"), 400),
        (browser.url("localhost", "/.doorward/callback/staff?state=%3Cscript%3E&code=1"), 400),
        (browser.url("orders.localhost", "/.doorward/enter?pass=%22%3E%3Cscript%3E"), 400),
        (browser.url("orders.localhost", "/.doorward/sign-in?to=//evil.test"), 400),
        (browser.url("orders.localhost", "/.doorward/sign-out"), 200),
        (browser.url("localhost", "/.doorward/signed-out"), 200),
        (browser.url("orders.localhost", "/.doorward/signed-out"), 404),
    ] {
        let reply = browser.get(&url)?;
        assert_eq!(reply.status, status, "{url}: {}", reply.text());
        is_guarded(&reply).map_err(|error| error.context(url))?;
    }
    Ok(())
}

fn is_guarded(reply: &Reply) -> Result<()> {
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "strict-origin"),
    ] {
        assert_eq!(reply.message.head.values(name), [value], "{name}");
    }
    let policy = reply.field("content-security-policy").unwrap_or_default();
    for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        ensure!(policy.split("; ").any(|found| found == part), "{part}: {policy}");
    }
    ensure!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    ensure!(!policy.contains('*') && !policy.contains("http"), "{policy}");
    let html = reply.text().to_ascii_lowercase();
    for none in
        ["<script", "javascript:", "//evil.test", " on", "<iframe", "<link", "@import", "url("]
    {
        // Words of the text begin with `on`; attributes have a value.
        let found = match none {
            " on" => html.split(" on").skip(1).any(|rest| {
                let name: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
                rest.get(name.len()..).is_some_and(|rest| rest.starts_with('='))
            }),
            none => html.contains(none),
        };
        ensure!(!found, "{none} in {html}");
    }
    for rest in html.split("src=\"").skip(1) {
        ensure!(rest.starts_with("data:"), "{rest}");
    }
    for rest in html.split("href=\"").skip(1) {
        ensure!(rest.starts_with("/.doorward/"), "{rest}");
    }
    Ok(())
}

#[test]
fn each_page_takes_its_methods_and_no_others() -> Result<()> {
    let house = House::open()?;
    let browser = house.browser();
    let home = format!("Origin: {}", browser.url("localhost", ""));
    for (place, takes) in [
        ("/.doorward/sign-in", &["GET", "HEAD"][..]),
        // What is good once is not used up by who only looks.
        ("/.doorward/callback/staff", &["GET"]),
        ("/.doorward/enter", &["GET"]),
        ("/.doorward/sign-out", &["GET", "HEAD", "POST"]),
        ("/.doorward/signed-out", &["GET", "HEAD"]),
        ("/.doorward/session", &["GET", "HEAD"]),
        ("/.doorward/logout/staff", &["POST"]),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let reply =
                house.browser().send(method, &browser.url("localhost", place), &[&home], "")?;
            assert_eq!(reply.status != 405, takes.contains(&method), "{method} {place}");
            if method == "HEAD" {
                ensure!(reply.message.body.is_empty(), "{place}");
            }
        }
    }
    Ok(())
}

#[test]
fn below_our_prefix_there_is_nothing_else() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    browser.sign_in(&browser.url("orders.localhost", "/1"), ("staff", "alice"))?;
    drop(house.service.take());
    for place in [
        "/.doorward/unknown",
        "/.doorward/",
        "/.doorward",
        "/.doorward/sign-in/",
        "/.doorward/callback",
        "/.doorward/callback/staff/more",
        "/.doorward/session/1",
        "/.doorward/SIGN-IN",
    ] {
        let reply = browser.get(&browser.url("orders.localhost", place))?;
        assert_eq!(reply.status, 404, "{place}: {}", reply.text());
    }
    for place in [
        "/.doorward//sign-in",
        "/.doorward/x/../sign-in",
        "/.doorward/%2e%2e/1",
        "//.doorward/sign-in",
        "/.doorward/sign%2Din",
    ] {
        let reply = browser.get(&browser.url("orders.localhost", place))?;
        ensure!((300..=404).contains(&reply.status), "{place}: {}", reply.text());
    }
    ensure!(house.service.take().requests.is_empty(), "no service is asked");
    Ok(())
}
