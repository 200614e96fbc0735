//! Memory: when idle, with many live tokens, and with many idle connections.

use anyhow::{Context, Result, ensure};
use testbed::Client;
use testbed::misbehaving::open_files;
use tokens::Algorithm;

use super::contestant::Contestant;
use super::field::{Field, HOST};
use super::gates::Gate;
use super::measure::{Samples, Spread};
use super::peers::Peers;
use super::picture::{Bar, Picture};
use super::section::{Goal, Section, Table};
use super::wrk::{Wrk, by_turns};
use super::{FEW, Sections};

/// Doorward, with all tokens, and beside it with few.
const DOORWARD: &str = "doorward-identity";
const FEW_TOKENS: &str = "doorward-few-tokens";
/// How many tokens are live.
const MANY: usize = 100_000;
/// The same in a quick run.
const MANY_IF_QUICK: usize = 10_000;
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
    let samples = live(field, &tokens)?;
    let about = format!(
        "{many} tokens (ES256) in turn, each of which was shown before; Envoy's cache has room for as many. Beside them \
         Doorward with {FEW}."
    );
    let title = ("live-tokens", "Many live tokens");
    let live = Section::of_runs(title, &about, &samples, &["envoy", FEW_TOKENS]);
    let token = tokens.first().context("there are tokens")?;
    let peers = Peers { connections: MOST_CONNECTIONS, ..Peers::usual(field) };
    let idle = idle();
    let mut all = [
        Memory::with_idle(&peers.nginx()?, token, idle)?,
        Memory::with_idle(&peers.envoy("envoy")?, token, idle)?,
        Memory::with_idle(&Gate::usual(field).start(field, DOORWARD)?, token, idle)?,
    ];
    for one in &mut all {
        one.tokens = samples.spread(one.name, |run| run.resident).map(|spread| spread.most);
        println!("{one:?}");
    }
    Ok(vec![live, section(&all, many, idle)?])
}

/// Runs with all of `tokens`, and with few of them.
fn live(field: &Field, tokens: &[String]) -> Result<Samples> {
    let wrk = Wrk::new(&field.folder, "live-tokens", tokens)?;
    let few = tokens.get(..FEW).context("there are more than a few")?;
    let few = Wrk::new(&field.folder, "few-live-tokens", few)?;
    let envoy = Peers { kept: tokens.len(), ..Peers::usual(field) }.envoy("envoy")?;
    let gate = Gate::usual(field);
    let (beside, doorward) = (gate.start(field, FEW_TOKENS)?, gate.start(field, DOORWARD)?);
    by_turns(field, &[(&envoy, &wrk), (&beside, &few), (&doorward, &wrk)], SECONDS)
}

fn section(all: &[Memory], many: usize, idle: usize) -> Result<Section> {
    let (with_tokens, with_connections) =
        (format!("with {many} live tokens"), format!("with {idle} idle connections"));
    let mut table =
        Table::new(["RSS MB", "after the start", with_tokens.as_str(), with_connections.as_str()]);
    let (mut bars, mut goals) = (Vec::new(), Vec::new());
    for Memory { name, at_first, tokens, connections } in all {
        let tokens_shown = tokens.map_or("–".to_owned(), |tokens| format!("{tokens:.1}"));
        table.row([
            (*name).to_owned(),
            format!("{at_first:.1}"),
            tokens_shown,
            format!("{connections:.1}"),
        ]);
        for (short, what, most, megabytes) in [
            ("idle", "idle", 20.0, Some(*at_first)),
            ("tokens", with_tokens.as_str(), 120.0, *tokens),
            ("connections", with_connections.as_str(), 200.0, Some(*connections)),
        ] {
            let Some(measured) = Spread::of(megabytes) else { continue };
            bars.extend(Bar::new(format!("{name}, {short}"), measured));
            if *name == DOORWARD {
                let what = format!("RSS, {what}");
                goals.push(Goal { number: 8, what, most, unit: "MB", measured });
            }
        }
    }
    let text = format!(
        "Resident memory of the process, each in one of its own. A connection is idle that has had one answer and is \
         kept.\n\n{}",
        table.text
    );
    let picture = Some(Picture { title: "RSS in MB".to_owned(), bars });
    Ok(Section { name: "memory", title: "Memory".to_owned(), text, picture, goals })
}

/// What one needs, in MB.
#[derive(Debug)]
struct Memory {
    name: &'static str,
    at_first: f64,
    tokens: Option<f64>,
    connections: f64,
}

/// How many connections can be idle: Doorward keeps a file for each, and room for one to a service.
fn idle() -> usize {
    let fit = |files: u64| usize::try_from(files.saturating_sub(KEPT) / 2).unwrap_or(IDLE);
    open_files().map_or(IDLE, fit).min(IDLE)
}

impl Memory {
    /// What `contestant` needs at first, and with so many idle connections.
    fn with_idle(contestant: &Contestant, credential: &str, idle: usize) -> Result<Self> {
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
        Ok(Self { name: contestant.name, at_first: contestant.at_first, tokens: None, connections })
    }
}
