//! The whole way of a request: token, decision, both records, forwarding, and the answer, in the real binary.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use testbed::clock::{epoch_seconds, until};
use testbed::{Client, Issuer, Place, Recorder, client};
use tokens::Algorithm;

use super::{instructions, under};
use crate::bench::gates::Gate;

/// How many requests are counted; as many more begin.
const TIMES: u64 = 300;

/// How long it may take to start, and to end, while its instructions are counted.
const PATIENCE: Duration = Duration::from_secs(120);

/// Instructions for one request.
pub(super) fn figure(valgrind: &Path, binary: &Path) -> Result<u64> {
    let once = counted(valgrind, binary, TIMES)?;
    let twice = counted(valgrind, binary, 2 * TIMES)?;
    Ok(twice.saturating_sub(once) / TIMES)
}

fn counted(valgrind: &Path, binary: &Path, times: u64) -> Result<u64> {
    let issuer = Issuer::new("https://idp.test", Algorithm::Es256)?;
    let service = Recorder::start()?;
    let place = Gate::before(service.address()).furnished(&issuer.key_set().to_string(), "")?;
    let mut command = under(valgrind, binary);
    command.args(["run", "--config"]).arg(place.path("doorward.yaml"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start Valgrind")?;
    let ready = until("200 at /readyz", PATIENCE, || {
        ensure!(child.try_wait()?.is_none(), "it ended before it was ready");
        let reply = client::get(place.admin(), "/readyz").ok();
        Ok(reply.filter(|reply| reply.status == 200))
    });
    let asked = ready.and_then(|_| ask(&place, &issuer, times));
    if asked.is_ok()
        && let Some(pid) = Pid::from_raw(i32::try_from(child.id())?)
    {
        kill_process(pid, Signal::TERM)?;
    } else {
        child.kill()?;
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    asked.with_context(|| said.clone().into_owned())?;
    instructions(&said)
}

/// Sends so many requests, one after another, over one connection.
fn ask(place: &Place, issuer: &Issuer, times: u64) -> Result<()> {
    let token = issuer.token(
        "alice",
        "orders",
        json!({ "groups": ["eng", "oncall"], "scope": "orders:read", "exp": epoch_seconds() + 3600 }),
    )?;
    let request = format!(
        "GET /orders/7 HTTP/1.1\r\nHost: orders.test\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    // The issuer's keys may come a moment later.
    until("the first answer", PATIENCE, || {
        let reply = client::ask(place.http(), &request)?;
        Ok((reply.status == 200).then_some(()))
    })?;
    let mut client = Client::connect(place.http())?;
    for _ in 0..times {
        client.send(request.as_bytes())?;
        let reply = client.reply()?.context("the connection was closed")?;
        ensure!(reply.status == 200, "answered {}", reply.status);
    }
    Ok(())
}
