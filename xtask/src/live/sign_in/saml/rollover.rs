//! A provider changes its certificate while people sign in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testbed::clock::{let_pass, until};
use testbed::{RsaPair, client};

use super::super::house::{ORDERS, SIGN_IN};
use super::ends::{sign_in, try_to_sign_in};
use super::house::House;
use crate::live::Stage;

const PATIENCE: Duration = Duration::from_secs(30);

pub(in super::super) fn rollover(stage: &Stage) -> Result<()> {
    let house = House::open(stage, false)?;
    // From a file, which an operator's chore keeps up to date, as at once as a test wants it.
    for replica in &house.replicas {
        let file = replica.place.path("doorward.yaml");
        let text = std::fs::read_to_string(&file)?;
        let at =
            format!("      metadata: {}\n      signed_by: campus.crt\n", house.campus.issuer());
        ensure!(text.contains(&at), "{text}");
        publish(&house, replica)?;
        std::fs::write(&file, text.replace(&at, "      metadata: campus.xml\n"))?;
        replica.gateway.reload()?;
        until("the reload", PATIENCE, || {
            let metrics = client::get(replica.place.admin(), "/metrics")?.text();
            Ok(metrics.contains("doorward_config_reloads_total 1").then_some(()))
        })?;
    }
    house.until_known()?;

    let (stopping, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let new = RsaPair::new("new")?;
    let page = format!("{ORDERS}/campus/1");
    let signing_in = {
        let (walker, stopping, count, page) =
            (house.walker()?, Arc::clone(&stopping), Arc::clone(&count), page.clone());
        std::thread::spawn(move || -> Result<()> {
            while !stopping.load(Ordering::SeqCst) {
                sign_in(&mut walker.clone(), &page, "alice")?;
                count.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        })
    };
    let some_more = || {
        let before = count.load(Ordering::SeqCst);
        until("more sign-ins", PATIENCE, || {
            Ok((count.load(Ordering::SeqCst) >= before + 3).then_some(()))
        })
    };
    let turn = || -> Result<()> {
        some_more()?;
        house.campus.write("idp-new.key", &new.key)?;
        house.campus.write("idp-new.crt", &new.certificate)?;
        // Announced: it signs with the old one.
        let next = json!({ "new_privatekey": "idp-new.key", "new_certificate": "idp-new.crt" });
        house.campus.change(&json!({ "idp": next }))?;
        told(&house)?;
        some_more()?;
        // It signs with the new one, and the old one is told still.
        let now = json!({ "privatekey": "idp-new.key", "certificate": "idp-new.crt",
            "new_privatekey": null, "new_certificate": "idp.crt" });
        house.campus.change(&json!({ "idp": now }))?;
        some_more()?;
        told(&house)?;
        some_more()?;
        // The old one is told no more.
        house.campus.change(&json!({ "idp": { "new_certificate": null } }))?;
        told(&house)?;
        some_more()
    };
    let turned = turn();
    stopping.store(true, Ordering::SeqCst);
    let signed_in = signing_in.join().ok().context("who signs in panicked")?;
    signed_in.and(turned).map_err(|error| house.with_logs(error))?;
    let count = count.load(Ordering::SeqCst);

    // Who signs with the old one is refused.
    house
        .campus
        .change(&json!({ "idp": { "privatekey": "idp.key", "certificate": "idp.crt" } }))?;
    let arrived = try_to_sign_in(&mut house.walker()?, &page, "alice")?;
    ensure!(arrived.reply.status == 400, "{}", arrived.reply.text());
    ensure!(
        arrived.url.starts_with(&format!("{SIGN_IN}/.doorward/callback/campus")),
        "{}",
        arrived.url
    );
    println!("  {count} sign-ins during the change, none failed");
    Ok(())
}

/// Takes the provider's metadata into the files of both gates, and waits until they go by it.
fn told(house: &House) -> Result<()> {
    let changes = |replica: &super::super::house::Replica| -> Result<u64> {
        let metrics = client::get(replica.place.admin(), "/metrics")?.text();
        let name = "doorward_saml_metadata_total{provider=\"campus\",outcome=\"changed\"} ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        Ok(line.unwrap_or("0").parse()?)
    };
    for replica in &house.replicas {
        let before = changes(replica)?;
        publish(house, replica)?;
        until("the new metadata", PATIENCE, || Ok((changes(replica)? > before).then_some(())))?;
    }
    let_pass(Duration::from_millis(10));
    Ok(())
}

fn publish(house: &House, replica: &super::super::house::Replica) -> Result<()> {
    let metadata = client::get(house.campus.address(), "/saml2/idp/metadata.php")?;
    ensure!(metadata.status == 200, "{}", metadata.text());
    replica.place.write("campus.new", &metadata.text())?;
    Ok(std::fs::rename(replica.place.path("campus.new"), replica.place.path("campus.xml"))?)
}
