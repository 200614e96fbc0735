//! Where people are sent back to: to the host that they came from, and nowhere else.

use anyhow::{Result, ensure};

use crate::house::House;
use crate::refused::is_refused;
use testbed::browser::replaced;

#[test]
fn nobody_is_sent_to_sign_in_for_a_place_elsewhere() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let long = format!("/{}", "a".repeat(1024));
    for to in [
        "//evil.test",
        "//evil.test/%252e%252e",
        "/%5Cevil.test",
        "/\\evil.test",
        "%5C%5Cevil.test",
        "https://evil.test/",
        "https:evil.test",
        "javascript:alert(1)",
        "evil.test",
        "",
        "/%09/evil.test",
        "/x%0d%0aLocation:%20https://evil.test",
        "/x%00",
        "/.//evil.test",
        "/a/..//evil.test",
        "/%252e%252e//evil.test",
        "/x%23//evil.test",
        "@evil.test",
        "/%C3",
        &long,
    ] {
        for host in ["orders.localhost", "localhost"] {
            let url = browser.url(host, &format!("/.doorward/sign-in?to={to}"));
            let reply = browser.get(&url)?;
            ensure!(
                reply.field("location").is_none(),
                "{url} leads to {:?}",
                reply.field("location")
            );
            ensure!((400..=404).contains(&reply.status), "{url}: {}", reply.status);
        }
    }
    for (to, code) in [
        ("//evil.test", "return_elsewhere"),
        ("https://evil.test/", "return_elsewhere"),
        (long.as_str(), "return_elsewhere"),
        ("/1&to=/2", "unreadable"),
    ] {
        let url = browser.url("orders.localhost", &format!("/.doorward/sign-in?to={to}"));
        let reply = browser.get(&url)?;
        is_refused(&house, &reply, code)?;
    }
    Ok(())
}

#[test]
fn who_has_signed_in_is_sent_back_to_the_very_page() -> Result<()> {
    let house = House::open()?;
    for (host, target) in [
        ("orders.localhost", "/a%20b/c?x=1&y=%2F%2Fevil.test&y=2"),
        ("localhost", "/home/1?to=//evil.test"),
    ] {
        let mut browser = house.browser();
        let url = browser.url(host, target);
        let callback = browser.answered(&url, ("staff", "alice"))?;
        let mut at = browser.sent_on(&callback)?;
        if host != "localhost" {
            at = browser.sent_on(&at)?;
        }
        assert_eq!(at, url);
        assert_eq!(browser.get(&url)?.status, 200);
    }
    Ok(())
}

#[test]
fn a_request_that_we_have_not_sealed_leads_nowhere() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let asked = browser.asked(&browser.url("orders.localhost", "/1"))?;
    let forged = browser.get(&replaced(&asked, "request", &"A".repeat(300))?)?;
    is_refused(&house, &forged, "request_forged")?;
    let elsewhere = browser.get(&asked.replace("//localhost:", "//billing.localhost:"))?;
    assert_eq!(elsewhere.status, 404, "{}", elsewhere.text());
    Ok(())
}

#[test]
fn where_people_are_sent_does_not_depend_on_what_anybody_may_write() -> Result<()> {
    let house = House::open()?;
    let gate = house.browser().url("", "");
    let port = gate.rsplit(':').next().unwrap_or_default();
    for field in [
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Proto: https",
        "Forwarded: host=evil.test;proto=https",
        "X-Original-URL: https://evil.test/",
        "Referer: https://evil.test/",
        "Origin: https://evil.test",
    ] {
        let mut browser = house.browser();
        for target in ["/1", "/.doorward/sign-in?to=/1"] {
            let url = browser.url("orders.localhost", target);
            let reply = browser.send("GET", &url, &["Accept: text/html", field], "")?;
            // Either it is not listened to, or the request is refused for it.
            let ours = format!("http://localhost:{port}/.doorward/sign-in?request=");
            let to = reply.field("location").unwrap_or_default();
            let is_ours = to.starts_with(&ours) || to == "/.doorward/sign-in?to=/1";
            ensure!(reply.status == 400 || is_ours, "{field}: {} {to}", reply.status);
        }
    }
    Ok(())
}

#[test]
fn a_host_that_is_asked_without_tls_says_that_signing_in_takes_it() -> Result<()> {
    let house = House::open()?;
    let reply = house.browser().at_host("plain.test", "/1")?;
    assert_eq!((reply.status, reply.field("location")), (302, Some("/.doorward/sign-in?to=/1")));
    let reply = house.browser().at_host("plain.test", "/.doorward/sign-in?to=/1")?;
    let text = reply.text();
    ensure!(reply.status == 400 && text.contains("<h1>This takes HTTPS</h1>"), "{text}");
    ensure!(reply.field("set-cookie").is_none(), "a browser would not keep it");
    assert_eq!(house.recorded(&reply)?.1, "insecure");
    Ok(())
}
