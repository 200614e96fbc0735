//! The ledger is gone for a while.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testbed::TlsClient;
use testbed::clock::{Stopwatch, let_pass, until};

use super::house::{BILLING, House, ORDERS, Plan, Replica, is_let_in};
use super::walker::Walker;
use super::watching::{Noted, Watching};
use crate::live::Stage;

/// How long after the ledger has gone sessions may open something: what has ended meanwhile cannot be known.
const BOUND: Duration = Duration::from_secs(1);
/// How long it is gone.
const OUTAGE: Duration = Duration::from_secs(10);
/// How long gates may take to be well again.
const RECOVERY: Duration = Duration::from_secs(15);
/// How many people are signed in.
const PEOPLE: usize = 4;

/// Whose requests they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    SignedIn,
    /// Of a session that was ended just before.
    SignedOut,
    Machine,
    Nobody,
}

pub(super) fn outlived(stage: &Stage) -> Result<()> {
    let mut house = House::built(stage, &Plan { replicas: 2, ..Plan::default() })?;
    let watch = Stopwatch::start();
    let page = format!("{BILLING}/bills/1");
    let people =
        (0..PEOPLE).map(|_| signed_in(&house, &page, "alice")).collect::<Result<Vec<_>>>()?;
    let gone = signed_in(&house, &page, "bob")?;
    let token = house.machines.token("reporter", "billing", json!({}))?;
    let mut watchings = Vec::new();
    for replica in &house.replicas {
        let at = |walker: &Walker, url: &str, more: &str| -> Result<Watching> {
            let walker = walker.at(replica.address());
            let request = walker.fetches(url)?.replacen("\r\n", &format!("\r\n{more}"), 1);
            Ok(Watching::start(walker.target(url)?, request, watch))
        };
        for person in &people {
            watchings.push((Whose::SignedIn, at(person, &page, "")?));
        }
        watchings.push((Whose::SignedOut, at(&gone, &page, "")?));
        let nobody = house.walker()?;
        let bearer = format!("Authorization: Bearer {token}\r\n");
        watchings.push((Whose::Machine, at(&nobody, &format!("{BILLING}/reports/1"), &bearer)?));
        watchings.push((Whose::Nobody, at(&nobody, &format!("{BILLING}/public"), "")?));
    }
    // Two are about to sign in: one at the provider's page, one who has not begun.
    let (eve, frank) = (house.person()?, house.person()?);
    let (at_provider, unbegun) = (eve.tab()?, frank.tab()?);
    at_provider.goto(&format!("{ORDERS}/orders/5"))?;
    at_provider.click("text=Example staff")?;
    at_provider.until_text("Sign in at staff")?;
    let_pass(stage.spell());

    let place = house.place()?;
    let bob = ["sessions", "revoke", "--provider", "staff", "--subject", "bob"];
    let said = stage.doorward(place, &bob)?;
    ensure!(said.trim() == "1 session ended", "{said}");
    let revoked = watch.elapsed();
    let ledger = house.ledger.as_mut().context("there is a PostgreSQL")?;
    ledger.fail()?;
    let killed = watch.elapsed();
    let page_seen = {
        house.staff.sign_in(&at_provider, "bob")?;
        at_provider.until_text("This does not work at the moment")?
    };
    ensure!(page_seen.status == 503 && page_seen.text.contains("Try again"), "{page_seen}");
    // Who has not begun can still choose, as nothing of that is in the ledger.
    let choice = unbegun.goto(&format!("{ORDERS}/orders/6"))?;
    ensure!(choice.title == "Sign in", "{choice}");
    let_pass(OUTAGE.saturating_sub(watch.elapsed().saturating_sub(killed)));
    let began = watch.elapsed();
    house.ledger.as_mut().context("there is a PostgreSQL")?.recover()?;
    let back = watch.elapsed();
    until("both gates to let people in again", RECOVERY, || {
        let well = |replica: &Replica| -> Result<bool> {
            let person = people.first().context("somebody is signed in")?.at(replica.address());
            let mut client = TlsClient::connect(&person.target(&page)?)?;
            Ok(client.ask(&person.fetches(&page)?)?.status == 200)
        };
        let well = house.replicas.iter().map(well).collect::<Result<Vec<_>>>()?;
        Ok(well.iter().all(|well| *well).then_some(()))
    })
    .map_err(|error| house.with_logs(error))?;
    let recovered = watch.elapsed();
    let_pass(stage.spell());
    at_provider.click("role=link[name=\"Try again\"]")?;
    at_provider.until_text("Sign in")?;
    at_provider.click("text=Example staff")?;
    is_let_in(&at_provider.until_url(&format!("{ORDERS}/orders/5"))?)?;
    println!(
        "  gone for {} ms; people are let in again {} ms after it is back",
        began.saturating_sub(killed).as_millis(),
        recovered.saturating_sub(back).as_millis()
    );
    for (whose, watching) in watchings {
        let noted = watching.stop()?;
        judge(whose, &noted, (revoked, killed, began, recovered))
            .map_err(|error| house.with_logs(error.context(format!("{whose:?}"))))?;
    }
    Ok(())
}

fn judge(
    whose: Whose,
    noted: &[Noted],
    (revoked, killed, began, recovered): (Duration, Duration, Duration, Duration),
) -> Result<()> {
    let between = |from: Duration, to: Duration| {
        noted.iter().filter(move |noted| noted.asked >= from && noted.at <= to)
    };
    let count = |status: u16| noted.iter().filter(|noted| noted.status == status).count();
    println!("  {whose:?}: {} asked, {} let in, {} told 503", noted.len(), count(200), count(503));
    match whose {
        Whose::Nobody | Whose::Machine => {
            ensure!(noted.iter().all(|noted| noted.status == 200), "not all were let in");
        }
        Whose::SignedIn => {
            let before = between(Duration::ZERO, killed).all(|noted| noted.status == 200);
            ensure!(before, "not all were let in before");
            let meanwhile = |noted: &&Noted| noted.at >= killed + BOUND && noted.at <= began;
            let out: Vec<_> = noted.iter().filter(meanwhile).collect();
            ensure!(!out.is_empty(), "nothing was answered meanwhile");
            let told = out.iter().all(|noted| noted.status == 503 && noted.says_when);
            ensure!(told, "{out:?}");
            let after: Vec<_> = between(recovered, Duration::MAX).collect();
            ensure!(!after.is_empty(), "nothing was answered afterwards");
            ensure!(after.iter().all(|noted| noted.status == 200), "{after:?}");
        }
        Whose::SignedOut => {
            let late: Vec<_> = between(revoked + BOUND, Duration::MAX).collect();
            ensure!(late.iter().all(|noted| noted.status != 200), "{late:?}");
            let after: Vec<_> = between(recovered, Duration::MAX).collect();
            ensure!(!after.is_empty(), "nothing was answered afterwards");
            ensure!(after.iter().all(|noted| noted.status == 401), "{after:?}");
        }
    }
    Ok(())
}

fn signed_in(house: &House, page: &str, user: &str) -> Result<Walker> {
    let mut walker = house.walker()?;
    walker.sign_in(page, user)?;
    Ok(walker)
}
