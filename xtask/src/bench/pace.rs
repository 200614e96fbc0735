//! What each adds to the time that an answer takes, at a pace that leaves it room.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::clock::let_pass;
use testbed::offered::{Outcome, percentile};
use testbed::{Pace, Paced};
use tokens::Algorithm;

use super::field::{Field, HOST};
use super::gates::Gate;
use super::measure::Spread;
use super::peers::Peers;
use super::picture::{Bar, Picture};
use super::section::{Goal, Section, Table};
use super::wrk::Wrk;
use super::{FEW, Sections};

/// Requests in a second.
const RATE: u32 = 5_000;
/// Over how many connections.
const CONNECTIONS: usize = 32;
/// How long a run takes, in seconds.
const SECONDS: u64 = 4;
/// How long is not counted at first.
const BEGINNING: Duration = Duration::from_millis(500);

/// Someone, and what each run told.
struct Runs {
    name: &'static str,
    address: SocketAddr,
    took: Vec<Took>,
}

/// Half of the answers of a run, 99 in 100, and 999 in 1,000 took at most so long, in milliseconds.
#[derive(Clone, Copy)]
struct Took {
    p50: f64,
    p99: f64,
    p999: f64,
}

/// Measures the service itself and everyone before it.
pub(super) fn measure(field: &Field) -> Sections {
    let peers = Peers::usual(field);
    let contestants = [
        peers.nginx()?,
        peers.envoy("envoy")?,
        Gate::usual(field).start(field, "doorward-identity")?,
    ];
    let tokens = field.tokens(Algorithm::Es256, FEW)?;
    let wrk = Wrk::new(&field.folder, "pace", &tokens)?;
    for contestant in &contestants {
        wrk.check(contestant)?;
        wrk.warm_up(contestant)?;
    }
    let others = contestants.iter().map(|one| (one.name, one.address));
    let mut all: Vec<_> = std::iter::once(("direct", field.service))
        .chain(others)
        .map(|(name, address)| Runs { name, address, took: Vec::new() })
        .collect();
    let requests: Arc<[String]> = tokens
        .iter()
        .map(|token| format!("GET /orders/1 HTTP/1.1\r\nHost: {HOST}\r\n{token}\r\n\r\n"))
        .collect();
    let seconds = Duration::from_secs(field.seconds(SECONDS));
    for round in 0..field.rounds() {
        for Runs { name, address, took } in &mut all {
            let run = Took::by(name, *address, &requests, seconds)?;
            let Took { p50, p99, p999 } = run;
            println!(
                "round {} {name:<22} p50 {p50:.3} ms, p99 {p99:.3} ms, p99.9 {p999:.3} ms",
                round + 1
            );
            took.push(run);
        }
    }
    section(&all, seconds)
}

fn section(all: &[Runs], seconds: Duration) -> Sections {
    let direct = all.first().context("the service itself comes first")?;
    let mut table = Table::new(["ms", "p50", "p99", "p99.9", "added to p50", "added to p99"]);
    let (mut bars, mut goals) = (Vec::new(), Vec::new());
    for runs in all {
        let added = |figure: fn(&Took) -> f64| {
            let pairs = runs.took.iter().zip(&direct.took);
            Spread::of(pairs.map(|(with, without)| figure(with) - figure(without)))
                .context("one round or more")
        };
        let of = |figure: fn(&Took) -> f64| {
            Spread::of(runs.took.iter().map(figure)).context("one round or more")
        };
        let added_p99 = added(|took| took.p99)?;
        table.row([
            runs.name.to_owned(),
            format!("{:.3}", of(|took| took.p50)?.middle),
            format!("{:.3}", of(|took| took.p99)?.middle),
            format!("{:.3}", of(|took| took.p999)?.middle),
            format!("{:.3}", added(|took| took.p50)?),
            format!("{added_p99:.3}"),
        ]);
        bars.extend(Bar::new(runs.name, of(|took| took.p99)?));
        if runs.name == "doorward-identity" {
            goals.push(Goal {
                number: 7,
                what: format!("Added to the p99 at {RATE} requests per second, against direct"),
                most: 0.2,
                unit: "ms",
                measured: added_p99,
            });
        }
    }
    let text = format!(
        "{RATE} requests per second for {} s over {CONNECTIONS} connections, evenly spaced, whether or not those before \
         were answered; each time is counted from when its request was due. The load generator waits for each moment with \
         the precision of the system's timer, which is in all figures alike; what is added is the difference to the \
         service itself in the same round. {FEW} warm tokens (ES256).\n\n{}",
        seconds.as_secs(),
        table.text
    );
    let title = format!("At {RATE} requests per second");
    let picture = Picture { title: format!("{title}: p99 in ms, median and range"), bars };
    Ok(vec![Section { name: "pace", title, text, picture: Some(picture), goals }])
}

impl Took {
    fn by(
        name: &str,
        address: SocketAddr,
        requests: &Arc<[String]>,
        seconds: Duration,
    ) -> Result<Self> {
        let pace = Pace { address, rate: RATE, connections: CONNECTIONS };
        let load = Paced::start(pace, Arc::clone(requests))?;
        let_pass(BEGINNING + seconds);
        let mut endings = load.stop()?;
        let good = endings.iter().all(|one| one.outcome == Outcome::Answered(200));
        ensure!(good, "{name} did not answer every request with 200");
        endings.retain(|one| one.due >= BEGINNING);
        let at = |part| percentile(&endings, part).as_secs_f64() * 1e3;
        Ok(Self { p50: at(0.5), p99: at(0.99), p999: at(0.999) })
    }
}
