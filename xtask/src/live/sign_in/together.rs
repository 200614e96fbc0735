//! Signing in, stepping up and signing out.

use anyhow::{Result, ensure};
use serde_json::json;

use super::house::{BILLING, House, ORDERS, SIGN_IN, is_let_in};
use crate::live::Stage;

pub(super) fn both(stage: &Stage) -> Result<()> {
    let house = House::open(stage)?;
    let alice = house.person()?;
    let tab = alice.tab()?;
    let page = tab.goto(&format!("{ORDERS}/orders/7?a=1&b=%2F"))?;
    ensure!(page.title == "Sign in" && page.text.contains("Code hosting"), "{page}");
    tab.screenshot(&house.place()?.path("choice.png"))?;
    tab.click("text=Example staff")?;
    house.staff.sign_in(&tab, "alice")?;
    let page = tab.until_url(&format!("{ORDERS}/orders/7?a=1&b=%2F"))?;
    is_let_in(&page)?;
    let seen = house.orders.take().requests;
    let last = seen.last().map(|seen| (seen.values("x-forwarded-user"), seen.values("cookie")));
    ensure!(last == Some((vec!["alice"], Vec::new())), "{last:?}");

    // The other service, on another host: nobody is asked anything.
    let page = tab.goto(&format!("{BILLING}/bills"))?;
    is_let_in(&page)?;
    ensure!(page.url == format!("{BILLING}/bills"), "{page}");

    // Groups of one provider are not those of another, and each route takes its own.
    let page = tab.goto(&format!("{ORDERS}/finance/1"))?;
    ensure!(page.status == 403, "{page}");
    let bob = house.person()?;
    let tab = bob.tab()?;
    tab.goto(&format!("{ORDERS}/orders/8"))?;
    tab.click("text=Code hosting")?;
    house.code.authorize(&tab, "alice")?;
    let page = tab.until_url(&format!("{ORDERS}/orders/8"));
    is_let_in(&page.map_err(|error| house.with_logs(error))?)?;
    let seen = house.orders.take().requests;
    let issuers: Vec<_> = seen.iter().flat_map(|seen| seen.values("x-forwarded-issuer")).collect();
    ensure!(issuers.last().is_some_and(|last| *last == "code"), "{issuers:?}");

    // What fetches is told where to sign in, and is not sent there.
    let stranger = house.person()?;
    let tab = stranger.tab()?;
    is_let_in(&tab.goto(&format!("{BILLING}/public"))?)?;
    let fetched = tab.fetch("/bills?x=1", &json!({}))?;
    ensure!(fetched.status == 401, "{fetched:?}");
    ensure!(
        fetched.body.contains("\"sign_in\":\"/.doorward/sign-in?to=/bills%3Fx%3D1\""),
        "{fetched:?}"
    );
    Ok(())
}

pub(super) fn out(stage: &Stage) -> Result<()> {
    let house = House::open(stage)?;
    let alice = house.person()?;
    let (first, second) = (alice.tab()?, alice.tab()?);
    is_let_in(&house.sign_in(&first, &format!("{ORDERS}/orders/1"), "alice")?)?;
    is_let_in(&second.goto(&format!("{BILLING}/bills"))?)?;
    let socket_tab = alice.tab()?;
    is_let_in(&socket_tab.goto(&format!("{ORDERS}/orders/2"))?)?;
    first.goto(&format!("{ORDERS}/.doorward/sign-out"))?;
    first.click("role=button[name=\"Sign out\"]")?;
    // The provider asks once more, and sends back.
    first.until_url(&format!("{}/session/end**", house.staff.issuer()))?;
    first.click("role=button[name=\"Sign out\"]")?;
    let page = first.until_url(&format!("{SIGN_IN}/.doorward/signed-out"))?;
    ensure!(page.title == "Signed out", "{page}");
    for (tab, url) in
        [(&second, format!("{BILLING}/bills")), (&first, format!("{ORDERS}/orders/1"))]
    {
        let page = tab.goto(&url)?;
        ensure!(
            page.url.starts_with(SIGN_IN) || page.url.starts_with(&house.staff.issuer()),
            "{page}"
        );
    }
    Ok(())
}

pub(super) fn step_up(stage: &Stage) -> Result<()> {
    let house = House::open(stage)?;
    let alice = house.person()?;
    let tab = alice.tab()?;
    is_let_in(&house.sign_in(&tab, &format!("{ORDERS}/orders/1"), "alice")?)?;
    tab.goto(&format!("{ORDERS}/vault/1"))?;
    house.staff.step_up(&tab)?;
    is_let_in(&tab.until_url(&format!("{ORDERS}/vault/1"))?)?;
    is_let_in(&tab.goto(&format!("{ORDERS}/vault/2"))?)?;
    ensure!(tab.page()?.url == format!("{ORDERS}/vault/2"), "{}", tab.page()?);
    Ok(())
}
