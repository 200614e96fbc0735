//! Crashes: what was forwarded is on record, whatever happens to the process.

use std::time::Duration;

use anyhow::{Result, ensure};
use testbed::clock::let_pass;
use testbed::{Load, Recorder, audit};

use super::stage::{house, request, token};
use super::{Listed, Stage};

pub(super) const SCENARIOS: Listed =
    &[("twenty_kills_under_load_leave_no_forwarded_request_without_its_decision", twenty_kills)];

fn twenty_kills(stage: &Stage) -> Result<()> {
    let service = Recorder::start()?;
    let (place, issuer) = house(&[format!("http://{}", service.address())])?;
    let token = token(&issuer)?;
    let mut forwarded = 0;
    for round in 0..stage.rounds(20) {
        let gateway = place.start(stage.binary())?;
        let shown = token.clone();
        let load = Load::start(place.http(), 16, move |number, turn| {
            request(&format!("/orders/{number}-{turn}"), &shown)
        });
        // A different moment of the writer's work each time.
        let_pass(Duration::from_millis(120 + 17 * (round as u64 % 20)));
        gateway.kill()?;
        drop(load.stop());
        let seen = service.take().requests;
        let recorded = audit::allowed(&place.path("audit"))?;
        for request in &seen {
            let ids = request.values("x-request-id");
            let [id] = ids.as_slice() else {
                anyhow::bail!("expected one x-request-id, got {ids:?}")
            };
            ensure!(
                recorded.contains(*id),
                "round {round}: {id} was forwarded, and is not on record"
            );
        }
        forwarded += seen.len();
    }
    ensure!(forwarded > 1000, "only {forwarded} requests were forwarded");
    // One clean run at the end: the log goes on after a crash.
    place.start(stage.binary())?.stop()?;
    stage.doorward(&place, &["audit", "verify", "audit"])?;
    println!("  {forwarded} requests forwarded, each on record");
    Ok(())
}
