//! What comes by the back channel: from a provider, as it says.

use anyhow::{Result, ensure};

use crate::house::House;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[test]
fn nothing_ends_a_session_but_a_logout_token_of_its_provider() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    browser.sign_in(&browser.url("orders.localhost", "/1"), ("staff", "alice"))?;
    let logout = browser.url("localhost", "/.doorward/logout/staff");
    // Signed by nobody: {"alg":"none"}, {"sub":"alice"}.
    let unsigned = "logout_token=eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.";
    for (what, url, field, body, code) in [
        ("nothing", &logout, FORM, "", Some("logout_token_missing")),
        ("another form", &logout, FORM, "token=1", Some("logout_token_missing")),
        (
            "two tokens",
            &logout,
            FORM,
            "logout_token=1&logout_token=2",
            Some("logout_token_missing"),
        ),
        (
            "JSON",
            &logout,
            "Content-Type: application/json",
            "{\"logout_token\":\"1\"}",
            Some("logout_token_missing"),
        ),
        (
            "text",
            &logout,
            "Content-Type: text/plain",
            "logout_token=1",
            Some("logout_token_missing"),
        ),
        ("no type", &logout, "X-Nothing: 1", "logout_token=1", Some("logout_token_missing")),
        ("no UTF-8", &logout, FORM, "logout_token=%FF", Some("logout_token_missing")),
        ("garbage", &logout, FORM, "logout_token=garbage", None),
        ("an empty token", &logout, FORM, "logout_token=", None),
        ("a token that nobody has signed", &logout, FORM, unsigned, None),
        (
            "a provider that there is not",
            &logout.replace("staff", "nobody"),
            FORM,
            "logout_token=1",
            Some("provider_unknown"),
        ),
    ] {
        let reply = house.browser().send("POST", url, &[field], body)?;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (400, "{\"error\":\"invalid_request\"}"),
            "{what}"
        );
        assert_eq!(reply.field("cache-control"), Some("no-store"), "{what}");
        let recorded = house.recorded(&reply)?;
        assert_eq!(recorded.0, "sign_out_refused", "{what}");
        ensure!(code.is_none_or(|code| recorded.1 == code), "{what}: {}", recorded.1);
    }
    for (method, url, status) in [
        ("GET", logout.clone(), 405),
        ("PUT", logout.clone(), 405),
        ("POST", logout.replace("//localhost", "//orders.localhost"), 404),
        ("POST", format!("{logout}/more"), 404),
    ] {
        let reply = house.browser().send(method, &url, &[FORM], "logout_token=1")?;
        assert_eq!(reply.status, status, "{method} {url}: {}", reply.text());
    }
    let who = browser.get(&browser.url("orders.localhost", "/.doorward/session"))?;
    assert_eq!(who.status, 200, "the session stands");
    Ok(())
}

#[test]
fn a_form_has_at_most_64_kib() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let url = browser.url("localhost", "/.doorward/logout/staff");
    for (bytes, status) in [(64 * 1024, 400), (64 * 1024 + 1, 413)] {
        let body = format!("logout_token={}", "a".repeat(bytes - "logout_token=".len()));
        let reply = browser.send("POST", &url, &[FORM], &body)?;
        assert_eq!(reply.status, status, "{bytes}");
    }
    Ok(())
}
