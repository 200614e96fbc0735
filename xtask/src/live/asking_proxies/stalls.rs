//! The gate's process is stopped, or the gate waits for what does not come: nothing goes through, and callers are told in time.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testbed::client::ask;
use testbed::clock::{Stopwatch, until};
use testbed::{Acting, Issuer, Port};
use tokens::Algorithm;

use super::house::{House, RECOVERY};
use super::proxy::Proxy;
use crate::live::Stage;
use crate::live::stage::{ISSUER, request};

/// What a caller may wait beyond what the example says: for the scheduler, not for the gate.
const SLACK: Duration = Duration::from_secs(2);

pub(super) fn play(stage: &Stage) -> Result<()> {
    for proxy in Proxy::ALL {
        let house = House::open(stage, proxy)?;
        house.until_well()?;
        stopped(&house).with_context(|| format!("{proxy:?}, the gate stopped"))?;
        slow(&house).with_context(|| format!("{proxy:?}, the gate slow"))?;
        house.gateway.stop()?;
    }
    Ok(())
}

/// HAProxy goes on after an error in Lua: what follows the action denies.
pub(super) fn action(stage: &Stage) -> Result<()> {
    let house = House::open(stage, Proxy::Haproxy)?;
    house.until_well()?;
    let front = Port::reserve()?;
    let folder = house.place.path("failing");
    std::fs::create_dir(&folder)?;
    let addresses = (front.address(), house.door(), house.service.address(), house.place.http());
    let _failing = Proxy::start_failing(&folder, addresses)?;
    let _ = house.service.take();
    let reply = ask(front.address(), &house.good())?;
    ensure!(reply.status == 503, "expected 503, got {}", reply.status);
    ensure!(house.service.take().requests.is_empty(), "something went through");
    house.gateway.stop()
}

/// The process holds its sockets and does nothing.
fn stopped(house: &House) -> Result<()> {
    let (status, within) = house.proxy.silence();
    let good = house.good();
    house.gateway.freeze()?;
    let _ = house.service.take();
    for _ in 0..3 {
        let watch = Stopwatch::start();
        let reply = ask(house.front(), &good)?;
        let waited = watch.elapsed();
        println!("  {:?}, stopped: {} after {} ms", house.proxy, reply.status, waited.as_millis());
        ensure!(reply.status == status, "expected {status}, got {}", reply.status);
        ensure!(waited <= within + SLACK, "answered after {waited:?}");
    }
    ensure!(house.service.take().requests.is_empty(), "something went through");
    house.gateway.thaw()?;
    house.until_well()
}

/// The gate waits for an issuer that has told its keys once and does not answer again: for five seconds, by itself.
fn slow(house: &House) -> Result<()> {
    let keys = house.issuer.key_set().to_string();
    let silent = Acting::start(move |number, reader| {
        reader.head()?;
        if number == 0 {
            let length = keys.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            reader.stream().write_all(&[head.as_bytes(), keys.as_bytes()].concat())?;
        }
        // Until the other side gives up.
        while reader.head()?.is_some() {}
        Ok(())
    })?;
    let file = house.place.path("doorward.yaml");
    let before = std::fs::read_to_string(&file)?;
    let keys = format!("keys: {{ jwks_uri: \"http://{}/keys\" }}", silent.address());
    let after = before.replace("keys: { file: keys.json }", &keys);
    ensure!(after != before, "the issuer has no keys in a file");
    house.place.write("doorward.yaml", &after)?;
    house.gateway.reload()?;
    until("the keys to be asked for", RECOVERY, || Ok((silent.connections() > 0).then_some(())))?;
    house.until_well()?;
    let _ = house.service.take();
    // A key that the gate asks the issuer for.
    let newer = Issuer::new(ISSUER, Algorithm::Es256)?;
    let token = newer.token("alice", "orders", json!({ "scope": "orders:read" }))?;
    let (status, within) = house.proxy.silence();
    let watch = Stopwatch::start();
    let reply = ask(house.front(), &request("/orders/7", &token))?;
    let waited = watch.elapsed();
    println!("  {:?}, slow: {} after {} ms", house.proxy, reply.status, waited.as_millis());
    ensure!(reply.status == status, "expected {status}, got {}", reply.status);
    ensure!(waited <= within + SLACK, "answered after {waited:?}");
    ensure!(house.service.take().requests.is_empty(), "something went through");
    // Whoever has a key that is known does not wait.
    let watch = Stopwatch::start();
    let reply = ask(house.front(), &house.good())?;
    ensure!(reply.status == 200 && watch.elapsed() < SLACK, "got {}", reply.status);
    house.place.write("doorward.yaml", &before)?;
    house.gateway.reload()?;
    house.until_well()
}
