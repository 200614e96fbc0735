//! Memory: when idle, with many live tokens, and with many idle connections.

use anyhow::{Context, Result, ensure};
use testbed::Client;
use testbed::misbehaving::open_files;
use tokens::Algorithm;

use super::contestant::Contestant;
use super::field::{Field, HOST};
use super::gates::Gate;
use super::measure::Spread;
use super::peers::Peers;
use super::section::{Goal, Section, Table};
use super::wrk::{Wrk, by_turns};
use super::{MANY, MANY_IF_QUICK, Sections};

/// How long a run with many tokens takes, in seconds.
const SECONDS: u64 = 3;
/// How many connections are idle, if so many files may be open.
const IDLE: usize = 10_000;
/// How many files are kept for what else is open.
const KEPT: u64 = 400;
/// How many connections others may have open.
const MOST_CONNECTIONS: usize = 16_384;
/// How many of the idle connections are asked again in the end, to see that they are still there.
const ASKED_AGAIN: usize = 100;

/// Measures memory, and the processor time with many tokens.
pub(super) fn measure(field: &Field) -> Sections {
    let many = field.usually(MANY, MANY_IF_QUICK);
    let tokens = field.tokens(Algorithm::Es256, many)?;
    let wrk = Wrk::new(&field.folder, "live-tokens", &tokens)?;
    let few =
        Wrk::new(&field.folder, "few-live-tokens", tokens.get(..super::FEW).context("enough")?)?;
    let peers = Peers { kept: many, ..Peers::usual(field) };
    let (envoy, gate) = (peers.envoy("envoy")?, Gate::usual(field));
    let doorward = gate.start(field, "doorward-identity")?;
    let beside = gate.start(field, "doorward-few-tokens")?;
    let pairs = [(&envoy, &wrk), (&beside, &few), (&doorward, &wrk)];
    let samples = by_turns(field, &pairs, SECONDS)?;
    let about = format!(
        "{many} tokens (ES256) in turn, each of which was shown before; Envoy's cache has room for as many. Beside them \
         Doorward with {}.",
        super::FEW
    );
    let live = Section::of_runs(
        ("live-tokens", "Many live tokens"),
        &about,
        &samples,
        &["envoy", "doorward-few-tokens"],
    );
    let with_tokens = |name| -> Result<f64> {
        Ok(samples.spread(name, |one| one.resident).context("it has run")?.most)
    };
    let token = tokens.first().context("there are tokens")?;
    let idle = idle();
    let many_connections = Peers { connections: MOST_CONNECTIONS, ..Peers::usual(field) };
    let rows = [
        (with_idle(&many_connections.nginx()?, token, idle)?, None),
        (with_idle(&many_connections.envoy("envoy")?, token, idle)?, Some(with_tokens("envoy")?)),
        (
            with_idle(&gate.start(field, "doorward-identity")?, token, idle)?,
            Some(with_tokens("doorward-identity")?),
        ),
    ];
    let mut table = Table::new([
        "RSS MB".to_owned(),
        "after the start".to_owned(),
        format!("with {many} live tokens"),
        format!("with {idle} idle connections"),
    ]);
    let mut goals = Vec::new();
    for (Memory { name, at_first, connections }, tokens) in rows {
        println!(
            "{name}: {at_first:.1} MB, {tokens:?} with tokens, {connections:.1} with connections"
        );
        let shown = tokens.map_or("–".to_owned(), |tokens| format!("{tokens:.1}"));
        table.row([name.to_owned(), format!("{at_first:.1}"), shown, format!("{connections:.1}")]);
        if name == "doorward-identity" {
            goals = vec![
                goal("RSS, idle", 20.0, at_first)?,
                goal(
                    &format!("RSS with {many} live tokens"),
                    120.0,
                    tokens.context("it has run")?,
                )?,
                goal(&format!("RSS with {idle} idle connections"), 200.0, connections)?,
            ];
        }
    }
    let text = format!(
        "Resident memory of the process, each in one of its own. A connection is idle that has had one answer and is kept.\n\n{}",
        table.text
    );
    let memory = Section { name: "memory", title: "Memory".to_owned(), text, picture: None, goals };
    Ok(vec![live, memory])
}

fn goal(what: &str, most: f64, megabytes: f64) -> Result<Goal> {
    let measured = Spread::of([megabytes]).context("one figure")?;
    Ok(Goal { number: 8, what: what.to_owned(), most, unit: "MB", measured })
}

/// What one needs, in MB.
struct Memory {
    name: &'static str,
    at_first: f64,
    connections: f64,
}

/// How many connections can be idle: Doorward keeps a file for each, and room for one to a service.
fn idle() -> usize {
    let most = open_files()
        .map_or(IDLE, |files| usize::try_from(files.saturating_sub(KEPT) / 2).unwrap_or(IDLE));
    most.min(IDLE)
}

/// Opens so many idle connections to `contestant`.
fn with_idle(contestant: &Contestant, credential: &str, idle: usize) -> Result<Memory> {
    let request = format!("GET /orders/1 HTTP/1.1\r\nHost: {HOST}\r\n{credential}\r\n\r\n");
    let ask = |client: &mut Client| -> Result<()> {
        client.send(request.as_bytes())?;
        let reply = client.reply()?;
        let reply =
            reply.with_context(|| format!("{} closed without an answer", contestant.name))?;
        ensure!(reply.status == 200, "{} answered {}", contestant.name, reply.status);
        Ok(())
    };
    let mut clients = Vec::with_capacity(idle);
    for number in 0..idle {
        let opened = Client::connect(contestant.address).and_then(|mut client| {
            ask(&mut client)?;
            Ok(client)
        });
        clients.push(opened.with_context(|| format!("connection {number}"))?);
    }
    let connections = contestant.resident()?;
    for client in clients.iter_mut().step_by((idle / ASKED_AGAIN).max(1)) {
        ask(client).context("an idle connection is not there any more")?;
    }
    Ok(Memory { name: contestant.name, at_first: contestant.at_first, connections })
}
