//! A provider that is unlike the others.

use anyhow::{Context as _, Result, ensure};

use super::house::{House, ORDERS, Plan, SIGN_IN, is_let_in};
use crate::live::Stage;

pub(super) fn sign_in(stage: &Stage) -> Result<()> {
    let house = House::built(stage, &Plan { partner: true, ..Plan::default() })?;
    let partner = house.partner.as_ref().context("there is a partner")?;
    let url = format!("{ORDERS}/orders/1");
    let who = house.person()?;
    let tab = who.tab()?;
    tab.goto(&url)?;
    tab.click("text=The partner")?;
    partner.sign_in(&tab, "dwho")?;
    let page = tab.until_url(&url);
    is_let_in(&page.map_err(|error| house.with_logs(error))?)?;
    let seen = house.orders.take().requests;
    let seen = seen.last().context("the service has seen a request")?;
    let told = (seen.values("x-forwarded-user"), seen.values("x-forwarded-issuer"));
    ensure!(told == (vec!["dwho"], vec!["partner"]), "{told:?}");
    // Groups of the same names at other providers are others.
    let page = tab.goto(&format!("{ORDERS}/finance/1"))?;
    ensure!(page.url.starts_with(&house.staff.issuer()) || page.url.starts_with(SIGN_IN), "{page}");

    tab.goto(&format!("{ORDERS}/.doorward/sign-out"))?;
    tab.click("role=button[name=\"Sign out\"]")?;
    partner.go_on(&tab)?;
    let page = tab.until_url(&format!("{SIGN_IN}/.doorward/signed-out**"));
    page.map_err(|error| house.with_logs(error))?;
    let page = tab.goto(&url)?;
    ensure!(page.title == "Sign in", "{page}");
    Ok(())
}
