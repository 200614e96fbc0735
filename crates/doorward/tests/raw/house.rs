//! One Doorward, one service behind it, and everything that the rows speak of.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use testbed::audit::Decision;
use testbed::recorder::Log;
use testbed::{Client, Gateway, Issuer, Place, Recorder, Seen, audit, clock};
use tokens::Algorithm;

use super::case::{Case, Expected, Fate, Meanings};
use super::verdict::shown;

/// What is configured: see config.yaml beside this file.
const CONFIG: &str = include_str!("config.yaml");

/// The issuer that is listed, and one that is not.
const ISSUER: &str = "https://idp.corp.test";
const STRANGER: &str = "https://idp.stranger.test";

/// The request that follows every row, to see that its connections are sound.
const SENTINEL: &str = "/open/sentinel";

/// A running house.
pub(crate) struct House {
    meanings: Meanings,
    service: Recorder,
    place: Place,
    /// How many refusals are on record of the rows before.
    refusals: Cell<usize>,
    _gateway: Gateway,
}

impl House {
    /// Opens one.
    pub(crate) fn open() -> Result<Self> {
        let issuer = Issuer::new(ISSUER, Algorithm::Es256)?;
        let meanings = Meanings { tokens: tokens(&issuer)?, limits: limits() };
        let service = Recorder::start()?;
        let place = Place::new()?;
        place.write("keys.json", &issuer.key_set().to_string())?;
        place.configure(&CONFIG.replace("{service}", &service.address().to_string()))?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        Ok(Self { meanings, service, place, refusals: Cell::new(0), _gateway: gateway })
    }

    /// What tokens and limits mean here.
    pub(crate) fn meanings(&self) -> &Meanings {
        &self.meanings
    }

    /// Sends a row and checks all that must hold of it.
    pub(crate) fn try_case(&self, case: &Case) -> Result<()> {
        let said = self.send(case);
        // Whatever went wrong, the next row starts from an empty record.
        let log = self.service.take();
        said.with_context(|| format!("the service saw {}", told(&log)))?;
        let forwarded = self.check_log(case, &log).with_context(|| told(&log))?;
        self.check_records(&forwarded)?;
        self.check_refusals(case)
    }

    /// Checks that each refusal by a row is on record, with the status that the caller got.
    fn check_refusals(&self, case: &Case) -> Result<()> {
        let mut expected: Vec<_> = case.expected.iter().filter_map(Expected::refusal).collect();
        expected.sort_unstable();
        let what = format!("the records of the refusals {expected:?}");
        clock::until(&what, std::time::Duration::from_secs(5), || {
            let decisions = audit::decisions(&self.place.path("audit"))?;
            let mut new: Vec<_> =
                decisions.iter().filter_map(|one| one.refused).skip(self.refusals.get()).collect();
            new.sort_unstable();
            Ok((new == expected).then(|| self.refusals.set(self.refusals.get() + new.len())))
        })
    }

    /// Sends a row, reads as many answers as it expects, and then a sentinel's.
    fn send(&self, case: &Case) -> Result<()> {
        let mut client = Client::connect(self.place.http())?;
        client.send(&case.bytes)?;
        let mut open = true;
        for expected in &case.expected {
            let (status, method) = expected.answer(&case.bytes);
            let reply = client.reply_to(&method)?;
            let got = reply.as_ref().map(|reply| reply.status);
            ensure!(
                got == status,
                "expected {status:?}, got {got:?} {}",
                reply.map(|reply| reply.text()).unwrap_or_default()
            );
            open = status.is_some() && !expected.closed;
        }
        if open && self.sentinel(&mut client)? {
            return Ok(());
        }
        // The row's connection is closed: one of its own.
        let further = client.reply()?;
        ensure!(
            further.is_none(),
            "expected a closed connection, got {:?}",
            further.map(|reply| reply.status)
        );
        ensure!(
            self.sentinel(&mut Client::connect(self.place.http())?)?,
            "expected an answer to the request after the row, got none"
        );
        Ok(())
    }

    /// Sends the sentinel; false when the connection is closed.
    fn sentinel(&self, client: &mut Client) -> Result<bool> {
        let request =
            format!("GET {SENTINEL} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
        if client.send(request.as_bytes()).is_err() {
            return Ok(false);
        }
        let Some(reply) = client.reply()? else { return Ok(false) };
        ensure!(reply.status == 200, "the request after the row got {}", reply.status);
        let more = client.reply()?;
        ensure!(more.is_none(), "an answer too many: {:?}", more.map(|reply| reply.status));
        Ok(true)
    }

    /// Checks that the service saw what was expected and nothing else, and hands over what was forwarded.
    fn check_log(&self, case: &Case, log: &Log) -> Result<Vec<Seen>> {
        let mut seen = log.requests.iter();
        let mut forwarded = Vec::new();
        let mut may_break = false;
        for expected in &case.expected {
            match &expected.fate {
                Fate::Broken { .. } => may_break = true,
                Fate::Closed | Fate::Refused { .. } => {}
                Fate::Forwarded { method, target } => {
                    let request = seen.next().context("expected a request more at the service")?;
                    let got = (request.method(), request.target());
                    ensure!(got == (method, target), "expected {method} {target}, got {got:?}");
                    for clause in &expected.clauses {
                        clause.check(request)?;
                    }
                    check_head(request)?;
                    forwarded.push(request.clone());
                }
            }
        }
        let last = seen.next().context("expected the sentinel at the service")?;
        ensure!(last.target() == SENTINEL, "expected the sentinel, got {}", last.target());
        ensure!(seen.next().is_none(), "expected no request after the sentinel");
        let stray = log.stray.len();
        ensure!(stray <= usize::from(may_break), "expected no stray bytes at the service");
        Ok(forwarded)
    }

    /// Checks that each forwarded request is the one that was judged.
    fn check_records(&self, forwarded: &[Seen]) -> Result<()> {
        for request in forwarded {
            let id = request.values("x-request-id");
            let [id] = id.as_slice() else { bail!("expected one x-request-id, got {id:?}") };
            let judged = self.decision(id)?;
            let got = (request.method(), request.values("host"), request.path());
            let expected =
                (judged.method.as_str(), vec![judged.host.as_str()], judged.path.as_str());
            ensure!(got == expected, "judged {expected:?}, forwarded {got:?}");
            ensure!(judged.allowed, "forwarded, but recorded as denied");
        }
        Ok(())
    }

    fn decision(&self, id: &str) -> Result<Decision> {
        let what = format!("the decision of {id}");
        clock::until(&what, std::time::Duration::from_secs(5), || {
            let decisions = audit::decisions(&self.place.path("audit"))?;
            Ok(decisions.into_iter().find(|decision| decision.request_id == id))
        })
    }
}

impl Expected {
    /// The status of a refusal by the gate: what the caller is refused after it, for its body, is an outcome.
    fn refusal(&self) -> Option<u16> {
        match self.fate {
            Fate::Refused { status } if status != 413 => Some(status),
            _ => None,
        }
    }

    /// The status that the caller must get, if any, and the method that its answer is to.
    fn answer(&self, bytes: &[u8]) -> (Option<u16>, String) {
        let first = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
        match &self.fate {
            Fate::Broken { status } | Fate::Refused { status } => {
                (Some(*status), String::from_utf8_lossy(first).into_owned())
            }
            Fate::Closed => (None, String::new()),
            Fate::Forwarded { method, .. } => (Some(200), method.clone()),
        }
    }
}

/// What holds of every forwarded request: it has one reading.
fn check_head(request: &Seen) -> Result<()> {
    let head = &request.message.head;
    let raw = head.raw.as_slice();
    ensure!(head.first_line.ends_with(" HTTP/1.1"), "forwarded as `{}`", head.first_line);
    ensure!(head.first_line.split(' ').count() == 3, "forwarded as `{}`", head.first_line);
    ensure!(request.values("host").len() == 1, "forwarded with hosts {:?}", request.values("host"));
    let framings =
        request.values("content-length").len() + request.values("transfer-encoding").len();
    ensure!(framings <= 1, "forwarded with {framings} framings");
    let bare =
        raw.split(|byte| *byte == b'\n').rev().skip(1).any(|line| line.last() != Some(&b'\r'));
    ensure!(!bare, "forwarded with a bare line feed");
    let crs = raw.iter().filter(|byte| **byte == b'\r').count();
    let lfs = raw.iter().filter(|byte| **byte == b'\n').count();
    ensure!(crs == lfs && !raw.contains(&0), "forwarded with a control byte");
    Ok(())
}

/// What the service saw, for a message.
fn told(log: &Log) -> String {
    let requests = log.requests.iter().map(|seen| shown(&seen.message.head.raw));
    let stray = log.stray.iter().map(|bytes| format!("stray {}", shown(bytes)));
    let all: Vec<_> = requests.chain(stray).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join("\n   ") }
}

fn tokens(issuer: &Issuer) -> Result<BTreeMap<String, String>> {
    let forger = Issuer::new(ISSUER, Algorithm::Es256)?;
    let stranger = Issuer::new(STRANGER, Algorithm::Es256)?;
    let support = || json!({ "groups": ["support"], "scope": "orders:read" });
    let expired = json!({ "groups": ["support"], "iat": 1_000_000_000, "exp": 1_000_003_600 });
    let all = [
        ("alice", issuer.token("alice", "app", support())?),
        ("billing", issuer.token("alice", "billing", support())?),
        ("expired", issuer.token("alice", "app", expired)?),
        ("forged", forger.token("alice", "app", support())?),
        ("mallory", issuer.token("mallory", "app", json!({ "groups": ["guests"] }))?),
        ("trusting", issuer.token("alice", "trusting", support())?),
        ("padded", issuer.token(" alice", "app", support())?),
        ("stranger", stranger.token("alice", "app", support())?),
    ];
    Ok(all.into_iter().map(|(name, token)| (name.to_owned(), token)).collect())
}

/// The limits that rows test at their edges.
fn limits() -> Vec<(&'static str, usize)> {
    vec![("BODY", 1 << 10), ("HEADERS", 100), ("HEAD", 32 << 10), ("URI", 8 << 10)]
}
