//! What ends a session ends it at every gate.

use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use testbed::TlsClient;
use testbed::clock::{Stopwatch, let_pass, until};

use super::house::{BILLING, HANDSHAKE, House, Plan, Replica};
use super::walker::Walker;
use super::watching::{Noted, Watching};
use crate::live::Stage;

/// How many sessions are ended, in the usual tier and in the long one.
const TRIALS: (usize, usize) = (20, 500);
/// How long after its end a session may open something.
const BOUND: Duration = Duration::from_secs(1);
/// How many answers are looked at after the first denial, so that none of them lets in again.
const AFTERWARDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(15);

/// By what a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// OpenID Connect Back-Channel Logout.
    Provider,
    /// `doorward sessions revoke`.
    Administrator,
    /// Signing out, at the first gate.
    Person,
}

pub(super) fn everywhere(stage: &Stage) -> Result<()> {
    let house = House::built(stage, &Plan { replicas: 2, ..Plan::default() })?;
    let trials = if stage.is_soak() { TRIALS.1 } else { TRIALS.0 };
    for by in [By::Provider, By::Administrator] {
        let (mut denied, mut cut) = (Vec::new(), Vec::new());
        for _ in 0..trials / 2 {
            let took = trial(stage, &house, by).map_err(|error| house.with_logs(error))?;
            denied.extend(took.denied);
            cut.push(took.cut);
        }
        tell(&format!("{by:?}, first denial at a gate"), &mut denied, stage)?;
        tell(&format!("{by:?}, end of the open WebSocket"), &mut cut, stage)?;
    }
    let took = trial(stage, &house, By::Person).map_err(|error| house.with_logs(error))?;
    tell("Person, first denial at a gate", &mut took.denied.to_vec(), stage)
}

/// From when what ends a session was done.
struct Took {
    /// Until the first denial at each gate.
    denied: [Duration; 2],
    /// Until the WebSocket at the second gate was cut off.
    cut: Duration,
}

fn trial(stage: &Stage, house: &House, by: By) -> Result<Took> {
    let [first, second] = house.replicas.as_slice() else { anyhow::bail!("expected two gates") };
    let watch = Stopwatch::start();
    let mut alice = house.walker()?;
    let page = format!("{BILLING}/bills/1");
    alice.sign_in(&page, "alice")?;
    let at = |replica: &Replica| -> Result<Watching> {
        let walker = alice.at(replica.address());
        Ok(Watching::start(walker.target(&page)?, walker.fetches(&page)?, watch))
    };
    let conversing = converse(&alice.at(second.address()), watch)?;
    let watchings = [at(first)?, at(second)?];
    let list = |replica: &Replica| {
        stage.doorward(&replica.place, &["sessions", "list", "--json", "--subject", "alice"])
    };
    let id = only(&list(first)?)?;
    match by {
        By::Provider => {
            let told = house.staff.end_sessions("alice")?;
            ensure!(
                !told.is_empty() && told.iter().all(|told| told == "doorward: told"),
                "{told:?}"
            );
        }
        By::Administrator => {
            let said = stage.doorward(&first.place, &["sessions", "revoke", &id])?;
            ensure!(said.trim() == "1 session ended", "{said}");
        }
        By::Person => {
            let out = alice.clone().sign_out(BILLING)?;
            ensure!(out.status == 303, "{} {}", out.status, out.text());
        }
    }
    let done = watch.elapsed();
    until_refused(&alice, &page, &house.replicas)?;
    let cut = conversing.join().ok().context("who converses panicked")??;
    let_pass(Duration::from_millis(100));
    let [one, other] = watchings;
    let denied = [first_denial(&one.stop()?, done)?, first_denial(&other.stop()?, done)?];
    ensure!(cut + Duration::from_millis(500) > done, "the WebSocket ended before the session did");
    let left = list(first)?;
    ensure!(!left.contains(&id), "{left}");
    Ok(Took { denied, cut: cut.saturating_sub(done) })
}

/// Waits until every gate refuses `walker` the page. Watchings are looked at when they are stopped; until then the gates
/// are asked beside them.
pub(super) fn until_refused(walker: &Walker, page: &str, gates: &[Replica]) -> Result<()> {
    until("the session's end at every gate", PATIENCE, || {
        for gate in gates {
            let walker = walker.at(gate.address());
            let reply = TlsClient::connect(&walker.target(page)?)?.ask(&walker.fetches(page)?)?;
            if reply.status != 401 {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

/// The id of the only session that is listed.
fn only(listed: &str) -> Result<String> {
    let session: Value = serde_json::from_str(listed.trim()).with_context(|| listed.to_owned())?;
    let id = session.get("id").and_then(Value::as_str);
    Ok(id.with_context(|| listed.to_owned())?.to_owned())
}

/// Opens a WebSocket, and waits for its end.
fn converse(walker: &Walker, watch: Stopwatch) -> Result<JoinHandle<Result<Duration>>> {
    let url = format!("{BILLING}/chat");
    let mut socket = TlsClient::connect(&walker.target(&url)?)?;
    let status = socket.open(&walker.opens(&url, HANDSHAKE)?)?;
    ensure!(status == 101, "no WebSocket: {status}");
    Ok(std::thread::spawn(move || {
        socket.until_closed()?;
        Ok(watch.elapsed())
    }))
}

/// How long after `done` it was first denied; it was let in before, and never after.
pub(super) fn first_denial(noted: &[Noted], done: Duration) -> Result<Duration> {
    let denied = noted.iter().position(|noted| noted.status != 200);
    let denied = denied.context("it was never denied")?;
    ensure!(denied > 0, "it was never let in");
    let after = noted.get(denied..).unwrap_or_default();
    ensure!(after.iter().all(|noted| noted.status == 401), "{after:?}");
    ensure!(after.len() >= AFTERWARDS, "only {} answers afterwards", after.len());
    let first = after.first().context("there is a first denial")?;
    Ok(first.at.saturating_sub(done))
}

pub(super) fn tell(what: &str, times: &mut [Duration], stage: &Stage) -> Result<()> {
    times.sort_unstable();
    let part = |part: usize| times.get((times.len() * part / 100).min(times.len() - 1)).copied();
    let [p50, p99, max] = [50, 99, 100].map(|of| part(of).unwrap_or_default());
    println!(
        "  {what}: p50 {} ms, p99 {} ms, most {} ms of {}",
        p50.as_millis(),
        p99.as_millis(),
        max.as_millis(),
        times.len()
    );
    ensure!(p99 <= BOUND, "{what}: p99 {p99:?}");
    // A busy machine may delay one of many; in few, none is.
    ensure!(stage.is_soak() || max <= BOUND, "{what}: {max:?}");
    Ok(())
}
