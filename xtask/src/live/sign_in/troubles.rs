//! Sign-ins that do not go as they should end at a page that helps, and never in a loop.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::clock::until;

use super::house::{BILLING, House, ORDERS, SIGN_IN, is_let_in};
use crate::live::Stage;
use crate::live::browser::{Page, Tab};
use crate::live::providers::endpoints::Fault;

const REFUSED: &str = "The sign-in did not work";
const DECLINED: &str = "You are not signed in";
const UNAVAILABLE: &str = "This does not work at the moment";
/// More redirects than any sign-in has, from the page that needs it to the provider, or back.
const HOPS: usize = 8;
/// How long a provider may be left alone that has failed.
const LEFT_ALONE: Duration = Duration::from_secs(20);

pub(super) fn tabs(stage: &Stage) -> Result<()> {
    let house = House::open(stage)?;
    let alice = house.person()?;
    let urls = [1, 2, 3].map(|number| format!("{ORDERS}/orders/{number}"));
    let mut tabs = Vec::new();
    for url in &urls {
        let tab = alice.tab()?;
        tab.goto(url)?;
        tab.click("text=Example staff")?;
        tab.until_text("Sign in at staff")?;
        tabs.push((tab, url));
    }
    for (tab, url) in &tabs {
        house.staff.sign_in(tab, "alice")?;
        let page = tab.until_url(url);
        is_let_in(&page.map_err(|error| house.with_logs(error))?)?;
    }
    for (tab, _) in &tabs {
        is_let_in(&tab.reload()?)?;
    }

    // The answer once more, in the same browser and in another.
    let (tab, url) = tabs.first().context("there is a first tab")?;
    let trail = tab.trail()?;
    ensure!(trail.len() <= 3 * HOPS, "{trail:?}");
    let answer = trail.iter().find(|hop| hop.url.contains("/.doorward/callback/"));
    let answer = &answer.with_context(|| format!("no answer in {trail:?}"))?.url;
    let page = tab.goto(answer)?;
    ensure!(page.status == 400 && page.title == REFUSED, "{page}");
    let again = tab.reload()?;
    ensure!(again.status == 400 && again.title == REFUSED, "{again}");
    goes_on(tab, url)?;
    let mallory = house.person()?;
    let stolen = mallory.tab()?;
    let page = stolen.goto(answer)?;
    ensure!(page.status == 400 && page.title == REFUSED, "{page}");
    let page = stolen.goto(url)?;
    ensure!(page.title == "Sign in", "{page}");

    // Back, from what was wanted: whatever that shows, it is no loop, and the way forward is open.
    tab.trail()?;
    let page = tab.back()?;
    let trail = tab.trail()?;
    ensure!(trail.len() <= HOPS, "{page} {trail:?}");
    is_let_in(&tab.goto(url)?)
}

pub(super) fn of_the_provider(stage: &Stage) -> Result<()> {
    let mut house = House::open(stage)?;
    let url = format!("{ORDERS}/orders/1");
    let alice = house.person()?;
    let tab = alice.tab()?;
    let begin = || -> Result<()> {
        tab.goto(&url)?;
        tab.click("text=Example staff")
    };
    let shows = |title: &str, status: u64| -> Result<Page> {
        let page = tab.until_text(title)?;
        ensure!(page.status == status && page.title == title, "{page}");
        let helps = page.text.contains("Try again") && page.text.contains("quote the request");
        ensure!(helps && !page.text.contains("error"), "{page}");
        Ok(page)
    };

    house.staff.refuse(Some("access_denied"))?;
    begin()?;
    shows(DECLINED, 403)?;
    house.staff.refuse(Some("server_error"))?;
    begin()?;
    shows(UNAVAILABLE, 503)?;
    house.staff.refuse(None)?;
    begin()?;
    house.staff.cancel(&tab)?;
    shows(DECLINED, 403)?;
    house.staff.endpoints().fail("/token", Fault::Status(500))?;
    begin()?;
    house.staff.sign_in(&tab, "alice")?;
    shows(UNAVAILABLE, 503)?;
    house.staff.endpoints().fail("/token", Fault::Hang)?;
    begin()?;
    shows(UNAVAILABLE, 503).map_err(|error| house.with_logs(error))?;
    house.staff.endpoints().heal("/token")?;
    goes_on_at_provider(&tab, &url)?;

    // Gone before the gate has met it: the others are offered.
    let bob = house.person()?;
    let tab = bob.tab()?;
    house.staff.fail();
    let first = house.replicas.pop().context("there is a gate")?;
    let first = first.restarted(stage)?;
    house.replicas.push(first);
    tab.goto(&url)?;
    tab.click("text=Example staff")?;
    let page = tab.until_text("Example staff cannot be reached at the moment.")?;
    ensure!(page.status == 503 && page.text.contains("Code hosting"), "{page}");
    tab.click("text=Code hosting")?;
    house.code.authorize(&tab, "alice")?;
    is_let_in(&tab.until_url(&url)?)?;
    // Where there is no other, the page says so.
    let page = tab.goto(&format!("{BILLING}/bills/1"))?;
    ensure!(page.status == 503 && page.title == UNAVAILABLE, "{page}");
    house.staff.recover()?;
    let bills = format!("{BILLING}/bills/1");
    // A provider that has failed is left alone for a moment.
    until("the provider to be asked again", LEFT_ALONE, || {
        Ok((tab.goto(&bills)?.title != UNAVAILABLE).then_some(()))
    })?;
    house.staff.sign_in(&tab, "bob")?;
    is_let_in(&tab.until_url(&bills)?)
}

pub(super) fn cookies(stage: &Stage) -> Result<()> {
    let house = House::open(stage)?;
    let page = format!("{BILLING}/bills/1");
    for blocked in ["example.test", "id.example.test", "billing.example.test"] {
        let mut walker = house.walker()?.blocking(blocked);
        let arrived = walker.try_to_sign_in(&page, "alice")?;
        let text = arrived.reply.text();
        let told = arrived.reply.status == 400 && text.contains("Cookies have to be allowed");
        ensure!(told && arrived.hops <= HOPS, "{blocked}: {} after {}", text, arrived.hops);
    }
    let page = house.walker()?.go(&format!("{SIGN_IN}/.doorward/sign-in?request=forged"))?;
    ensure!(page.reply.status == 400, "{}", page.reply.text());
    Ok(())
}

/// Follows the link on the page that `tab` shows, which leads to `url`.
fn goes_on(tab: &Tab, url: &str) -> Result<()> {
    tab.click("role=link[name=\"Try again\"]")?;
    is_let_in(&tab.until_url(url)?)
}

/// The same, by way of the provider, which knows who it is.
fn goes_on_at_provider(tab: &Tab, url: &str) -> Result<()> {
    tab.click("role=link[name=\"Try again\"]")?;
    tab.until_text("Example staff")?;
    tab.click("text=Example staff")?;
    is_let_in(&tab.until_url(url)?)
}
