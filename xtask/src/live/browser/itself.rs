//! The browser itself, at a site of the test (xtask/live/browser/site.mjs).

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testbed::{Authority, Place, Port};

use super::Browser;
use super::person::Cookie;
use super::tab::{Hop, Look, SocketEnd, Tab};
use crate::command::root;
use crate::live::Stage;
use crate::peer::Peer;

const SITE: &str = "https://orders.example.test";
/// The cookie that the site sets.
const VISITOR: &str = "__Host-visitor";

pub(super) fn play(_: &Stage) -> Result<()> {
    let (place, authority, port) = (Place::new()?, Authority::new()?, Port::reserve()?);
    place.write("ca.pem", &authority.pem())?;
    place.write("site.pem", &authority.sign("orders.example.test")?)?;
    let _site = site(&place, port.address())?;
    let hosts = [("*.example.test", port.address())];
    let browser = Browser::start(&place, &hosts, &place.path("ca.pem"))?;
    let alice = browser.person()?;
    let tab = alice.tab()?;
    walks(&tab)?;
    fetches(&tab)?;
    is_seen(&tab, &place)?;
    believes_one_authority_and_stays_here(&tab)?;

    let cookie = alice.cookie(VISITOR, "orders.example.test")?;
    let expected = Cookie {
        name: VISITOR.to_owned(),
        value: "first".to_owned(),
        host: "orders.example.test".to_owned(),
        path: "/".to_owned(),
        ends_at: None,
        is_secure: true,
        is_http_only: true,
        same_site: "Lax".to_owned(),
    };
    ensure!(cookie.as_ref() == Some(&expected), "{cookie:?}");

    // Others share nothing, but can steal.
    let mallory = browser.person_without_scripts()?;
    let other = mallory.tab()?;
    ensure!(mallory.cookies()?.is_empty(), "{:?}", mallory.cookies()?);
    mallory.take_cookie(&Cookie { value: "stolen".to_owned(), ..expected })?;
    let page = other.goto(&format!("{SITE}/seen"))?;
    ensure!(page.text == format!("{VISITOR}=stolen"), "{page}");
    alice.drop_cookies(VISITOR)?;
    ensure!(alice.cookies()?.is_empty(), "{:?}", alice.cookies()?);
    let page = other.goto(&format!("{SITE}/guarded"))?;
    ensure!(page.title == "Guarded", "{page}");
    tab.close()?;
    alice.leave()
}

fn site(place: &Place, address: SocketAddr) -> Result<Peer> {
    let mut command = Command::new("node");
    command
        .arg(root().join("xtask/live/browser/site.mjs"))
        .arg(address.port().to_string())
        .arg(place.path("site.pem"));
    Peer::logging("the site", &mut command, &place.path(""), address)
}

fn walks(tab: &Tab) -> Result<()> {
    let page = tab.goto(&format!("{SITE}/leave"))?;
    ensure!(page.status == 200 && page.title == "Welcome", "{page}");
    let hop = |path: &str, status| {
        let url = format!("{SITE}{path}");
        Hop { method: "GET".to_owned(), url, status }
    };
    let trail = tab.trail()?;
    ensure!(trail == [hop("/leave", 302), hop("/", 200)], "{trail:?}");

    let field = "role=textbox[name=\"Name\"]";
    tab.fill(field, "Alice")?;
    tab.click("role=button[name=\"Say hello\"]")?;
    let page = tab.until_text("Hello, Alice")?;
    ensure!(page.url == format!("{SITE}/hello?name=Alice"), "{page}");
    tab.back()?;
    tab.fill(field, "Bob")?;
    tab.press(field, "Enter")?;
    let page = tab.until_url("**/hello?name=Bob")?;
    ensure!(page.text.contains("Hello, Bob"), "{page}");
    ensure!(tab.reload()? == page, "{}", tab.page()?);

    // Two things at once: one waits for what the other does.
    tab.back()?;
    std::thread::scope(|scope| -> Result<()> {
        let waiting = scope.spawn(|| tab.until_text("Hello, Carol"));
        tab.fill(field, "Carol")?;
        tab.press(field, "Enter")?;
        let page = waiting.join().ok().context("the thread has panicked")??;
        ensure!(page.url.ends_with("?name=Carol"), "{page}");
        Ok(())
    })?;

    // What fails tells where it was, and an answer without a body is one.
    let page = tab.goto(&format!("{SITE}/empty"))?;
    ensure!(page.status == 403 && page.url == format!("{SITE}/empty"), "{page}");
    let page = tab.goto(&format!("{SITE}/nowhere"))?;
    ensure!(page.status == 404, "{page}");
    tab.trail()?;
    tab.complaints()?;
    let error = format!("{:#}", tab.run("nothing()").err().context("`nothing` was found")?);
    ensure!(
        error.contains("nothing is not defined") && error.contains("/nowhere (404)"),
        "{error}"
    );
    Ok(())
}

fn fetches(tab: &Tab) -> Result<()> {
    tab.goto(SITE)?;
    let seen = tab.fetch("/seen", &json!({}))?;
    ensure!(seen.status == 200 && seen.kind == "basic", "{seen:?}");
    ensure!(
        seen.url == format!("{SITE}/seen") && seen.body == format!("{VISITOR}=first"),
        "{seen:?}"
    );
    ensure!(seen.headers.get("x-seen").is_some_and(|value| value == "yes"), "{seen:?}");
    let kept = tab.fetch("/leave", &json!({ "redirect": "manual" }))?;
    ensure!(kept.status == 0 && kept.kind == "opaqueredirect", "{kept:?}");
    ensure!(tab.run("document.cookie")? == "", "a script can read the cookie");

    let end = tab.open_socket("wss://orders.example.test/live")?.ended()?;
    let expected = SocketEnd { code: 4001, reason: "enough".to_owned(), is_clean: true };
    ensure!(end == expected, "{end:?}");
    Ok(())
}

fn is_seen(tab: &Tab, place: &Place) -> Result<()> {
    let page = tab.goto(&format!("{SITE}/guarded"))?;
    ensure!(page.title == "Guarded", "{page}");
    let complaints = tab.complaints()?;
    ensure!(complaints.iter().any(|one| one.contains("script-src 'none'")), "{complaints:?}");
    let outline = tab.outline()?;
    ensure!(outline == "- heading \"Guarded\" [level=1]", "{outline}");
    tab.look(Look { width: 320, height: 480, dark: true, still: true })?;
    let seen = tab.run(
        "[innerWidth, innerHeight, matchMedia('(prefers-color-scheme: dark)').matches,
          matchMedia('(prefers-reduced-motion: reduce)').matches]",
    )?;
    ensure!(seen == json!([320, 480, true, true]), "{seen}");
    let picture = place.path("picture.png");
    tab.screenshot(&picture)?;
    ensure!(std::fs::read(picture)?.starts_with(b"\x89PNG"), "expected a PNG");
    Ok(())
}

fn believes_one_authority_and_stays_here(tab: &Tab) -> Result<()> {
    for (url, expected) in [
        ("https://bills.example.test/", "ERR_CERT_COMMON_NAME_INVALID"),
        ("https://elsewhere.test/", "ERR_NAME_NOT_RESOLVED"),
    ] {
        let error = format!("{:#}", tab.goto(url).err().context("it was reached")?);
        ensure!(error.contains(expected), "{error}");
    }
    Ok(())
}
