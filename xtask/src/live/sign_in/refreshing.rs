//! Sessions are asked about anew: once over all gates, with what holds by then, and not beyond the provider's word.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::clock::{Stopwatch, let_pass, until};
use testbed::{TlsClient, audit};

use super::house::{BILLING, House, ORDERS, Plan, Replica};
use super::walker::Walker;
use super::watching::{Noted, Watching};
use crate::live::Stage;

/// How often sessions are refreshed, the least that can be configured, and how long they go on when that fails.
const STAFF: &str = "    refresh: 1m\n    grace: 10s\n";
const REFRESH: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(10);
/// How many clients each gate has of one session.
const CLIENTS: usize = 4;
/// How a refresh is on record.
const REFRESHED: &str = "\"event\":\"session_refreshed\"";
/// What a refresh may take, and be late by.
const LATE: Duration = Duration::from_secs(5);

pub(super) fn once(stage: &Stage) -> Result<()> {
    let mut house = House::built(stage, &Plan { replicas: 2, staff: STAFF, ..Plan::default() })?;
    let watch = Stopwatch::start();
    let page = format!("{BILLING}/bills/1");
    let (mut alice, mut bob) = (house.walker()?, house.walker()?);
    let signed_in = watch.elapsed();
    alice.sign_in(&page, "alice")?;
    bob.sign_in(&page, "bob")?;
    // The other host, with its own cookie of the same session.
    ensure!(alice.go(&format!("{ORDERS}/orders/1"))?.reply.status == 200, "alice is in support");
    let at = |walker: &Walker, replica: &Replica| -> Result<Watching> {
        let walker = walker.at(replica.address());
        Ok(Watching::start(walker.target(&page)?, walker.fetches(&page)?, watch))
    };
    let mut of_alice = Vec::new();
    for replica in &house.replicas {
        for _ in 0..CLIENTS {
            of_alice.push(at(&alice, replica)?);
        }
    }
    let of_bob = house.replicas.iter().map(|one| at(&bob, one)).collect::<Result<Vec<_>>>()?;
    house.staff.set_groups("alice", &["finance"])?;
    house.staff.revoke("bob")?;
    house.staff.endpoints().counts()?;
    let_pass((signed_in + REFRESH + LATE).saturating_sub(watch.elapsed()));

    // One refresh of each session, however many ask: the groups are new, and who was revoked is out.
    let counts = house.staff.endpoints().counts()?;
    ensure!(counts.get("/token") == Some(&2), "expected one refresh of each session: {counts:?}");
    for replica in &house.replicas {
        let alice = alice.at(replica.address());
        let ask = |url: &str| -> Result<u16> {
            Ok(TlsClient::connect(&alice.target(url)?)?.ask(&alice.fetches(url)?)?.status)
        };
        let statuses = (ask(&format!("{ORDERS}/finance/1"))?, ask(&format!("{ORDERS}/orders/1"))?);
        ensure!(statuses == (200, 403), "groups have not changed: {statuses:?}");
    }
    for noted in stopped(of_bob)? {
        let last = noted.last().context("bob has asked")?;
        ensure!(last.status == 401, "bob is still signed in: {last:?}");
    }

    // The provider is gone: the session goes on for the grace, and no longer.
    house.staff.fail();
    until("the end of the grace", REFRESH + GRACE + LATE, || {
        let mut client = TlsClient::connect(&alice.target(&page)?)?;
        Ok((client.ask(&alice.fetches(&page)?)?.status == 401).then_some(()))
    })
    .map_err(|error| house.with_logs(error))?;
    let_pass(Duration::from_millis(200));
    let noted = stopped(of_alice)?;
    let ends: Vec<_> = noted.iter().filter_map(|noted| end(noted)).collect();
    let lasted: Vec<_> = ends.iter().map(|end| end.saturating_sub(signed_in)).collect();
    println!(
        "  {} requests of one session; it ended after {lasted:?}",
        noted.iter().map(Vec::len).sum::<usize>()
    );
    ensure!(ends.len() == noted.len(), "not every client has seen the end");
    let (least, most) = (REFRESH * 2 + GRACE, REFRESH * 2 + GRACE + LATE);
    ensure!(lasted.iter().all(|lasted| (least..=most).contains(lasted)), "{lasted:?}");
    let mut refreshed = 0;
    for replica in &house.replicas {
        for file in audit::segments(&replica.place.path("audit"))? {
            // As text: it is a long log.
            refreshed += std::fs::read_to_string(file)?.matches(REFRESHED).count();
        }
    }
    ensure!(refreshed == 1, "expected one refresh on record, got {refreshed}");
    Ok(())
}

fn stopped(watchings: Vec<Watching>) -> Result<Vec<Vec<Noted>>> {
    watchings.into_iter().map(Watching::stop).collect()
}

/// When the session had ended, if it was good until then and never after.
fn end(noted: &[Noted]) -> Option<Duration> {
    let first = noted.iter().position(|noted| noted.status != 200)?;
    let after = noted.get(first..)?;
    after.iter().all(|noted| noted.status == 401).then(|| after.first().map(|end| end.at))?
}
