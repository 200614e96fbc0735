//! Sessions that somebody else ends: an operator, or the configuration.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::{audit, clock};

use crate::house::{House, text};

const ALICE: (&str, &str) = ("staff", "alice");
/// Far above what it takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `doorward sessions` with these arguments on the house's ledger, and tells what it prints.
fn sessions(house: &House, arguments: &[&str]) -> Result<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_doorward"))
        .arg("sessions")
        .args(arguments)
        .current_dir(house.path(""))
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The reasons of all records with this code.
fn reasons(house: &House, code: &str) -> Result<Vec<String>> {
    let records = audit::records(&house.path("audit"))?;
    let ours = records.iter().filter(|record| text(record, "/unmapped/doorward/code") == code);
    Ok(ours.map(|record| text(record, "/status_detail")).collect())
}

#[test]
fn what_an_operator_ends_is_over_and_on_record_once_with_who_and_why() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let url = browser.url("orders.localhost", "/1");
    browser.sign_in(&url, ALICE)?;
    let told = sessions(&house, &["revoke", "--all", "--reason", "left the company"])?;
    assert_eq!(told, "1 session ended\n");
    clock::until("the end of the session", PATIENCE, || {
        Ok((browser.get(&url)?.status == 302).then_some(()))
    })?;
    let reason = clock::until("the record", PATIENCE, || {
        Ok(reasons(&house, "session_revoked")?.into_iter().next())
    })?;
    ensure!(reason.starts_with("by ") && reason.ends_with(": left the company"), "{reason}");
    // Another one is on record after it, and the first was not put there again.
    browser.sign_in(&url, ALICE)?;
    sessions(&house, &["revoke", "--provider", "staff", "--subject", "alice"])?;
    let all = clock::until("the second record", PATIENCE, || {
        Ok(Some(reasons(&house, "session_revoked")?).filter(|reasons| reasons.len() > 1))
    })?;
    assert_eq!(all.len(), 2, "{all:?}");
    Ok(())
}

#[test]
fn what_an_operator_ends_while_no_gate_runs_is_on_record_when_one_does() -> Result<()> {
    let mut house = House::open()?;
    let mut browser = house.browser();
    let url = browser.url("orders.localhost", "/1");
    browser.sign_in(&url, ALICE)?;
    house.demo.stop();
    sessions(&house, &["revoke", "--all", "--reason", "in the night"])?;
    house.demo.run()?;
    assert_eq!(browser.get(&url)?.status, 302);
    let reason = clock::until("the record", PATIENCE, || {
        Ok(reasons(&house, "session_revoked")?.into_iter().next())
    })?;
    ensure!(reason.ends_with(": in the night"), "{reason}");
    Ok(())
}

#[test]
fn whoever_names_no_session_ends_none() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let url = browser.url("orders.localhost", "/1");
    browser.sign_in(&url, ALICE)?;
    let refused = sessions(&house, &["revoke", "--reason", "everybody"]);
    let error = refused.err().context("expected an error")?.to_string();
    ensure!(error.contains("required arguments were not provided"), "{error}");
    assert_eq!(browser.get(&url)?.status, 200);
    Ok(())
}

#[test]
fn a_provider_that_was_disabled_has_no_sessions_when_it_is_enabled_again() -> Result<()> {
    let house = House::open()?;
    let mut browser = house.browser();
    let url = browser.url("orders.localhost", "/1");
    browser.sign_in(&url, ALICE)?;
    let file = house.path("doorward.yaml");
    let before = std::fs::read_to_string(&file)?;
    let disabled = before.replacen("  staff:\n", "  staff:\n    disabled: true\n", 1);
    ensure!(disabled != before);
    std::fs::write(&file, disabled)?;
    clock::until("no session to be left", PATIENCE, || {
        Ok((sessions(&house, &["list"])? == "0 sessions\n").then_some(()))
    })?;
    // Where nobody else is taken, nobody is sent to sign in, which would lead back here.
    let staff = browser.url("orders.localhost", "/staff/1");
    assert_eq!(house.browser().get(&staff)?.status, 401);
    std::fs::write(&file, before)?;
    clock::until("the provider to be offered again", PATIENCE, || {
        let mut other = house.browser();
        Ok(other.at_provider(&url, "staff").ok().map(drop))
    })?;
    assert_eq!(browser.get(&url)?.status, 302);
    let reasons = reasons(&house, "provider_disabled")?;
    assert_eq!(reasons.len(), 1);
    Ok(())
}
