//! The whole way of a request: token, decision, both records, forwarding, and the answer, in the real binary.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use testbed::clock::{epoch_seconds, until};
use testbed::{Client, Issuer, Place, Recorder, client};
use tokens::Algorithm;

use super::{cachegrind, instructions};
use crate::bench::gates::Gate;

/// How many requests are counted; as many more begin.
const TIMES: usize = 300;

/// How long it may take to start, and to end, while its instructions are counted.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which requests are sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestKind {
    /// What their tokens are signed with.
    pub(super) algorithm: Algorithm,
    /// Whether the service is told a signed identity.
    pub(super) signs: bool,
    /// Whether each shows a token of its own.
    pub(super) cold: bool,
}

/// Instructions for one request.
pub(super) fn figure(valgrind: &Path, binary: &Path) -> Result<u64> {
    let kind = RequestKind { algorithm: Algorithm::Es256, signs: true, cold: false };
    let counted = |times| instructions(&run(cachegrind(valgrind), binary, kind, times)?);
    let (once, twice) = (counted(TIMES)?, counted(2 * TIMES)?);
    Ok(twice.saturating_sub(once) / u64::try_from(TIMES)?)
}

/// Runs `binary` by `command`, which is Valgrind, until it has answered so many requests; hands over what Valgrind says.
pub(super) fn run(
    mut command: Command,
    binary: &Path,
    kind: RequestKind,
    times: usize,
) -> Result<String> {
    let issuer = Issuer::new("https://idp.test", kind.algorithm)?;
    let service = Recorder::start()?;
    let mut gate = Gate::before(service.address());
    gate.signs = kind.signs;
    let place = gate.furnished(&issuer.key_set().to_string(), "")?;
    command.arg(binary).args(["run", "--config"]).arg(place.path("doorward.yaml"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start Valgrind")?;
    let ready = until("200 at /readyz", PATIENCE, || {
        ensure!(child.try_wait()?.is_none(), "it ended before it was ready");
        let reply = client::get(place.admin(), "/readyz").ok();
        Ok(reply.filter(|reply| reply.status == 200))
    });
    let asked = ready.and_then(|_| ask(&place, &requests(&issuer, kind, times)?));
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
    Ok(said.into_owned())
}

/// So many requests, and one before them.
fn requests(issuer: &Issuer, kind: RequestKind, times: usize) -> Result<Vec<String>> {
    let request = |number: usize| -> Result<String> {
        let claims = json!({
            "groups": ["eng", "oncall"], "scope": "orders:read", "exp": epoch_seconds() + 3600,
        });
        let token = issuer.token(&format!("alice-{number}"), "orders", claims)?;
        Ok(format!(
            "GET /orders/7 HTTP/1.1\r\nHost: orders.test\r\nAuthorization: Bearer {token}\r\n\r\n"
        ))
    };
    if kind.cold {
        return (0..=times).map(request).collect();
    }
    Ok(vec![request(0)?; times + 1])
}

/// Sends the first until it is answered as it should, and then the others, one after another, over one connection.
fn ask(place: &Place, requests: &[String]) -> Result<()> {
    let (first, others) = requests.split_first().context("there is a first request")?;
    // The issuer's keys may come a moment later.
    until("the first answer", PATIENCE, || {
        let reply = client::ask(place.http(), first)?;
        Ok((reply.status == 200).then_some(()))
    })?;
    let mut client = Client::connect(place.http())?;
    for request in others {
        client.send(request.as_bytes())?;
        let reply = client.reply()?.context("the connection was closed")?;
        ensure!(reply.status == 200, "answered {}", reply.status);
    }
    Ok(())
}
