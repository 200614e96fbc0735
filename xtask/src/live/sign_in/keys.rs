//! The provider's keys come and go while people sign in.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::clock::{let_pass, until};

use super::house::{BILLING, House};
use crate::live::Stage;

/// How many people sign in at a time.
const PEOPLE: usize = 3;
/// How often keys rotate.
const ROTATIONS: usize = 3;
/// Longer than keys are left alone that a token with an unknown key would have fetched
/// (`issuers.<name>.refresh.unknown_kid_interval`).
const LEFT_ALONE: Duration = Duration::from_secs(11);
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn rotate(stage: &Stage) -> Result<()> {
    let house = House::open(stage)?;
    let page = format!("{BILLING}/bills/1");
    let (done, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let sign_ins = || -> Result<()> {
        while !done.load(Ordering::SeqCst) {
            house.walker()?.sign_in(&page, "alice").map_err(|error| house.with_logs(error))?;
            count.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let people: Vec<_> = (0..PEOPLE).map(|_| scope.spawn(sign_ins)).collect();
        for _ in 0..stage.rounds(ROTATIONS) {
            let_pass(LEFT_ALONE);
            if house.staff.rotate().is_err() {
                break;
            }
        }
        let_pass(stage.spell());
        done.store(true, Ordering::SeqCst);
        for person in people {
            person.join().ok().context("who signs in panicked")??;
        }
        anyhow::Ok(())
    })?;
    println!("  {} sign-ins during {} rotations", count.into_inner(), stage.rounds(ROTATIONS));

    // Once the gate has seen what is left of the keys, those that are gone sign nobody in.
    house.staff.retire()?;
    let_pass(LEFT_ALONE);
    house.staff.rotate()?;
    until("a sign-in with the newest key", PATIENCE, || {
        Ok(house.walker()?.sign_in(&page, "alice").ok().map(drop))
    })?;
    let_pass(LEFT_ALONE);
    house.staff.relapse()?;
    let refused = house.walker()?.sign_in(&page, "alice");
    let error = refused.err().context("a key that is gone has signed somebody in")?;
    ensure!(format!("{error:#}").contains("/.doorward/callback/staff"), "{error:#}");
    let log = house.place()?.log();
    ensure!(log.contains("code=\"unknown_key\""), "{log}");
    Ok(())
}
