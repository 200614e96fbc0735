//! Our own pages: how they look, what they say to a screen reader, and that the browser has nothing to complain about.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::house::{BILLING, House, ORDERS, SIGN_IN, is_let_in};
use crate::live::Stage;
use crate::live::browser::{Look, Tab};

/// A folder that keeps the pictures, if the environment names one.
const PICTURES: &str = "DOORWARD_LIVE_PICTURES";
const DESK: Look = Look { width: 1024, height: 768, dark: false, still: true };
const NIGHT: Look = Look { dark: true, ..DESK };
const PHONE: Look = Look { width: 360, height: 640, ..DESK };

pub(super) fn look_well(stage: &Stage) -> Result<()> {
    let house = House::open(stage)?;
    let folder = std::env::var_os(PICTURES).map(PathBuf::from);
    let folder = folder.map_or_else(|| Ok(house.place()?.path("pictures")), anyhow::Ok)?;
    std::fs::create_dir_all(&folder)?;
    let picture = |tab: &Tab, name: &str| tab.screenshot(&folder.join(format!("{name}.png")));
    let alice = house.person()?;
    let tab = alice.tab()?;
    let orders = format!("{ORDERS}/orders/1");

    tab.goto(&orders)?;
    for (look, name) in [(DESK, "choice"), (NIGHT, "choice-dark"), (PHONE, "choice-phone")] {
        tab.look(look)?;
        picture(&tab, name)?;
    }
    tab.look(DESK)?;
    outlined(
        &tab,
        &["heading \"Sign in\"", "link \"Example staff\"", "textbox \"Or by your e-mail address\""],
    )?;
    let wide = tab.run("document.documentElement.scrollWidth <= window.innerWidth")?;
    ensure!(wide == true, "the page is wider than the window");

    // An e-mail address of no provider's, and one of a provider's.
    tab.fill("[name=email]", "alice@elsewhere.test")?;
    tab.click("role=button[name=\"Continue\"]")?;
    tab.until_text("No provider is known for that address.")?;
    picture(&tab, "choice-note")?;
    tab.fill("[name=email]", "alice@corp.test")?;
    tab.press("[name=email]", "Enter")?;
    house.staff.sign_in(&tab, "alice")?;
    is_let_in(&tab.until_url(&orders)?)?;

    let page = tab.goto(&format!("{ORDERS}/finance/1"))?;
    ensure!(page.status == 403, "{page}");
    picture(&tab, "forbidden")?;
    outlined(&tab, &["heading"])?;

    let page = tab.goto(&format!("{SIGN_IN}/.doorward/callback/staff?code=1&state=forged"))?;
    ensure!(page.status == 400, "{page}");
    picture(&tab, "error")?;
    outlined(&tab, &["heading \"The sign-in did not work\""])?;

    tab.goto(&format!("{ORDERS}/.doorward/sign-out"))?;
    picture(&tab, "sign-out")?;
    outlined(&tab, &["heading \"Sign out?\"", "button \"Sign out\""])?;
    tab.click("role=button[name=\"Sign out\"]")?;
    tab.until_url(&format!("{}/session/end**", house.staff.issuer()))?;
    tab.click("role=button[name=\"Sign out\"]")?;
    tab.until_url(&format!("{SIGN_IN}/.doorward/signed-out"))?;
    picture(&tab, "signed-out")?;
    outlined(&tab, &["heading \"Signed out\""])?;

    // What was chosen last is first.
    tab.goto(&orders)?;
    tab.click("text=Code hosting")?;
    house.code.authorize(&tab, "alice")?;
    is_let_in(&tab.until_url(&orders)?)?;
    tab.goto(&format!("{BILLING}/.doorward/sign-out"))?;
    alice.drop_cookies("__Host-doorward")?;
    let page = tab.goto(&orders)?;
    let place = |title: &str| page.text.find(title).with_context(|| format!("{title}: {page}"));
    ensure!(place("Code hosting")? < place("Example staff")?, "{page}");
    ensure!(page.text.contains("used last"), "{page}");
    picture(&tab, "choice-again")?;

    let complaints = tab.complaints()?;
    let of_pages =
        |one: &&String| !one.starts_with("Failed to load resource: the server responded");
    let complaints: Vec<_> = complaints.iter().filter(of_pages).collect();
    ensure!(complaints.is_empty(), "{complaints:?}");
    Ok(())
}

/// Expects a screen reader to be told of each of `parts`.
fn outlined(tab: &Tab, parts: &[&str]) -> Result<()> {
    let outline = tab.outline()?;
    for part in parts {
        ensure!(outline.contains(part), "no {part} in:\n{outline}");
    }
    Ok(())
}
