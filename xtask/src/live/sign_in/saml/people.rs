//! A real browser through both providers, in and out.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::client;
use testbed::clock::until;

use super::super::house::{ORDERS, SIGN_IN, is_let_in};
use super::house::House;
use crate::live::Stage;
use crate::live::browser::Tab;

const PATIENCE: Duration = Duration::from_secs(10);

/// One who is let in and one who is not, by the provider's groups.
const PEOPLE: [(&str, &str, &str); 2] = [("campus", "alice", "bob"), ("partner", "dwho", "msmith")];

pub(in super::super) fn signed(stage: &Stage) -> Result<()> {
    both(&House::open(stage, false)?)
}

pub(in super::super) fn encrypted(stage: &Stage) -> Result<()> {
    let house = House::open(stage, true)?;
    both(&house)?;
    // `partner` knows CBC alone, which is not taken unless that is written.
    let first = house.replicas.first().context("there is a first gate")?;
    let file = first.place.path("doorward.yaml");
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, text.replace("      danger_cbc: true\n", ""))?;
    first.gateway.reload()?;
    until("the reload", PATIENCE, || {
        let metrics = client::get(first.place.admin(), "/metrics")?.text();
        Ok(metrics.contains("doorward_config_reloads_total 1").then_some(()))
    })?;
    let tab = house.browser.person()?.tab()?;
    tab.goto(&format!("{ORDERS}/partner/1"))?;
    house.give_password(&tab, "partner", "dwho")?;
    let page = tab.until_url(&format!("{SIGN_IN}/.doorward/callback/partner"))?;
    ensure!(page.status == 400, "{page}");
    let log = first.place.log();
    ensure!(log.contains("code=\"saml_cbc\""), "{log}");
    Ok(())
}

fn both(house: &House) -> Result<()> {
    for (provider, insider, outsider) in PEOPLE {
        let each = || {
            in_and_out(house, provider, insider)?;
            kept_out(house, provider, outsider)
        };
        each().with_context(|| provider.to_owned()).map_err(|error| house.with_logs(error))?;
    }
    Ok(())
}

fn in_and_out(house: &House, provider: &str, user: &str) -> Result<()> {
    let url = format!("{ORDERS}/{provider}/1");
    let who = house.browser.person()?;
    let tab = who.tab()?;
    is_let_in(&house.sign_in(&tab, provider, user)?)?;
    let seen = house.orders.take().requests;
    let seen = seen.last().context("the service has seen a request")?;
    ensure!(
        seen.values("x-forwarded-issuer") == [provider],
        "{:?}",
        seen.values("x-forwarded-issuer")
    );

    // We sign them out there.
    tab.goto(&format!("{ORDERS}/.doorward/sign-out"))?;
    tab.click("role=button[name=\"Sign out\"]")?;
    tab.until_url(&format!("{SIGN_IN}/.doorward/logout/{provider}**"))?;
    tab.until_text("You are signed out. You can close this window.")?;
    asks_for_a_password(&tab, &url)?;

    // The provider signs them out here.
    let page = house.sign_in(&tab, provider, user)?;
    is_let_in(&page)?;
    match provider {
        "campus" => {
            let page = tab.goto(&house.campus.sign_out_url("http://127.0.0.1/nowhere"));
            // Nothing is there; the way led by our place.
            drop(page);
        }
        _ => drop(tab.goto(&format!("http://{}/?logout=1", house.partner.address()))?),
    }
    until("the end of the session", PATIENCE, || Ok(asks_for_a_password(&tab, &url).ok()))?;
    Ok(())
}

fn kept_out(house: &House, provider: &str, user: &str) -> Result<()> {
    let who = house.browser.person()?;
    let tab = who.tab()?;
    let page = house.sign_in(&tab, provider, user)?;
    ensure!(page.status == 403, "{page}");
    Ok(())
}

/// Expects that who goes there is asked for a password: signed in neither here nor at the provider.
fn asks_for_a_password(tab: &Tab, url: &str) -> Result<()> {
    let page = tab.goto(url)?;
    let asks = ["Enter your username and password", "Connect"];
    let asks = asks.iter().any(|text| page.text.contains(text));
    ensure!(page.url.starts_with("http://127.0.0.1:") && asks, "{page}");
    Ok(())
}
