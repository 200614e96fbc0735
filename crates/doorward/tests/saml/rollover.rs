//! The provider's certificates change, or the provider is switched off.

use std::time::Duration;

use anyhow::{Result, ensure};
use testbed::{SamlParty, client, clock};

use crate::house::House;

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until an answer of this party is believed or not.
fn until(house: &House, party: &SamlParty, believed: bool) -> Result<()> {
    clock::until("the new metadata", PATIENCE, || {
        let url = house.request(&mut house.browser(), "corp")?;
        let brought = house.bring(&party.answer(&url, &house.said("s"))?, "corp")?;
        Ok(((brought.status == 303) == believed).then_some(()))
    })
}

#[test]
fn a_certificate_is_believed_from_the_day_it_is_told_to_the_day_it_is_told_no_more() -> Result<()> {
    let house = House::open()?;
    let (old, new) = (&house.corp, SamlParty::new(house.corp.issuer())?);
    let file = house.demo.path("corp.xml");
    let told = |text: String| {
        // As a whole, so that nobody reads half of it.
        let beside = file.with_extension("new");
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, &file)
    };
    until(&house, old, true)?;
    until(&house, &new, false)?;
    told(old.metadata(&[&new]))?;
    until(&house, &new, true)?;
    until(&house, old, true)?;
    told(new.metadata(&[]))?;
    until(&house, old, false)?;
    until(&house, &new, true)?;
    // What cannot be read changes nothing.
    told("<md:EntityDescriptor".to_owned())?;
    clock::until("the complaint", PATIENCE, || {
        let ready = client::get(house.demo.admin(), "/readyz")?;
        let why = "provider `corp`: the provider's metadata is not had anew: the document is not well-formed XML";
        Ok((ready.status == 200 && ready.text().contains(why)).then_some(()))
    })?;
    let counted = client::get(house.demo.admin(), "/metrics")?.text();
    for outcome in ["changed", "failed"] {
        let name = "doorward_saml_metadata_total";
        let line = format!("{name}{{provider=\"corp\",outcome=\"{outcome}\"}}");
        ensure!(counted.contains(&line), "{line}");
    }
    until(&house, &new, true)
}

#[test]
fn a_provider_that_is_switched_off_is_refused_at_every_entry() -> Result<()> {
    let house = House::open()?;
    let (mut signed_in, mut underway, mut landing) =
        (house.browser(), house.browser(), house.browser());
    house.sign_in(&mut signed_in, &house.said("s-1"))?;
    let url = house.request(&mut underway, "corp")?;
    let answer = house.corp.answer(&url, &house.said("s-2"))?;
    let landing_url = house.request(&mut landing, "corp")?;
    let brought = house.bring(&house.corp.answer(&landing_url, &house.said("s-3"))?, "corp")?;
    let landing_url = landing.to(&house.place("callback", "corp"), &brought)?;

    let file = house.demo.path("doorward.yaml");
    let config = std::fs::read_to_string(&file)?;
    let off = config.replacen("  corp:\n", "  corp:\n    disabled: true\n", 1);
    ensure!(off != config, "expected a provider");
    std::fs::write(&file, off)?;
    clock::until("the new configuration", PATIENCE, || {
        let metadata = house.browser().get(&house.place("saml", "corp"))?;
        Ok((metadata.status == 404).then_some(()))
    })?;
    ensure!(!house.is_let_in(&mut signed_in)?, "a session goes on");
    house.is_refused(&house.bring(&answer, "corp")?, "provider_changed")?;
    let reply = landing.get(&landing_url)?;
    ensure!(reply.status == 400, "{}", reply.text());
    assert_eq!(house.recorded(&reply)?.1, "provider_changed");
    let out =
        house.corp.sign_out("_1", &house.place("logout", "corp"), &house.said("s-1"), true)?;
    assert_eq!(house.browser().get(&out)?.status, 405);
    let mut browser = house.browser();
    let asked = browser.asked(&browser.url("orders.localhost", "/1"))?;
    let chosen = browser.get(&format!("{asked}&provider=corp"))?;
    ensure!(chosen.status == 200 && !chosen.text().contains("provider=corp"), "{}", chosen.text());
    Ok(())
}

/// What the doctor says of this configuration, from `provider corp` on, and whether all is well.
fn doctor(house: &House) -> Result<(bool, String)> {
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_doorward"))
        .args(["doctor", "--config"])
        .arg(house.demo.path("doorward.yaml"))
        .output()?;
    let text = String::from_utf8(ran.stdout)?;
    let lines: Vec<_> = text.lines().filter(|line| line.contains("provider corp")).collect();
    let failed = lines.iter().any(|line| line.starts_with("FAIL"));
    Ok((!failed, lines.join("\n")))
}

#[test]
fn the_doctor_tells_what_the_metadata_says_and_what_the_provider_is_to_know() -> Result<()> {
    let house = House::open()?;
    let (well, told) = doctor(&house)?;
    ensure!(well && told.contains("ok    provider corp: its metadata has 1 certificate"), "{told}");
    for what in ["saml", "callback", "logout"] {
        ensure!(told.contains(&house.place(what, "corp")), "{what}: {told}");
    }
    let until = |moment: &str| {
        let from = "<md:EntityDescriptor ";
        house.corp.metadata(&[]).replace(from, &format!("{from}validUntil=\"{moment}\" "))
    };
    let file = house.demo.path("corp.xml");
    std::fs::write(&file, until("2020-01-01T00:00:00Z"))?;
    let (well, told) = doctor(&house)?;
    ensure!(!well && told.contains("the metadata is no longer valid (`validUntil`)"), "{told}");
    std::fs::write(&file, until("2099-01-01T00:00:00Z"))?;
    let (well, told) = doctor(&house)?;
    ensure!(well && told.contains("valid until 2099-01-01T00:00:00Z"), "{told}");
    ensure!(!told.contains("ends soon"), "{told}");
    Ok(())
}
