//! A new configuration of 10,000 routes, taken while there is load.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use testbed::clock::{Stopwatch, let_pass};
use testbed::offered::{Ending, Outcome, percentile};
use testbed::{Client, Pace, Paced};
use tokens::Algorithm;

use super::contestant::Contestant;
use super::field::{Field, HOST};
use super::gates::Gate;
use super::measure::Spread;
use super::routes::{one, path, so_many};
use super::section::{Section, Table};
use super::wrk::Wrk;
use super::{FEW, Sections};

/// How many routes there are.
const ROUTES: usize = 10_000;
/// Requests in a second, over so many connections.
const RATE: u32 = 2_000;
const CONNECTIONS: usize = 32;
/// How long is measured before a reload, in seconds, and some of it after.
const SECONDS: u64 = 3;
/// How often it is looked whether the new configuration is there, and how long at most.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_secs(60);

/// What one reload told.
struct Reload {
    /// How long it took, in milliseconds.
    took: f64,
    /// The p99 before and meanwhile, in milliseconds.
    before: f64,
    meanwhile: f64,
    requests: usize,
}

/// Measures reloads.
pub(super) fn measure(field: &Field) -> Sections {
    let gate = Gate { routes: so_many(ROUTES), ..Gate::usual(field) };
    let contestant = gate.start(field, "doorward-identity")?;
    let tokens = field.tokens(Algorithm::Es256, FEW)?;
    let path_of = |user| path(user * (ROUTES / FEW), user);
    let wrk = Wrk::at(&field.folder, "reload", &tokens, path_of)?;
    wrk.check(&contestant)?;
    wrk.warm_up(&contestant)?;
    let each = tokens.iter().enumerate();
    let requests: Arc<[String]> =
        each.map(|(user, token)| request(&path_of(user), token)).collect();
    let probe = request(&path(ROUTES, 1), tokens.first().context("there are tokens")?);
    let mut reloads = Vec::new();
    for round in 0..field.rounds() {
        // One route more, and one less again.
        let more = round % 2 == 0;
        let reload = reload(field, &contestant, &requests, (&probe, more))?;
        let Reload { took, before, meanwhile, .. } = reload;
        println!(
            "round {}: reloaded in {took:.0} ms, p99 {before:.2} ms before, {meanwhile:.2} ms meanwhile",
            round + 1
        );
        reloads.push(reload);
    }
    let of = |figure: fn(&Reload) -> f64| {
        Spread::of(reloads.iter().map(figure)).context("one reload or more")
    };
    let requests: usize = reloads.iter().map(|one| one.requests).sum();
    let mut table = Table::new(["", "median", "least", "most"]);
    for (name, spread) in [
        ("until the new configuration decides, ms", of(|one| one.took)?),
        ("p99 before, ms", of(|one| one.before)?),
        ("p99 meanwhile, ms", of(|one| one.meanwhile)?),
    ] {
        let Spread { middle, least, most } = spread;
        let row = [middle, least, most].map(|figure| format!("{figure:.2}"));
        table.row(std::iter::once(name.to_owned()).chain(row));
    }
    let text = format!(
        "{ROUTES} routes, {RATE} requests per second at {FEW} of them. One route is added or removed, and it is looked \
         every {} ms whether a request for it is answered so. Of {requests} requests none failed.\n\n{}",
        LOOK_EVERY.as_millis(),
        table.text
    );
    let title = format!("Reload of {ROUTES} routes under load");
    Ok(vec![Section { name: "reload", title, text, picture: None, goals: Vec::new() }])
}

fn request(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{token}\r\n\r\n")
}

/// Reloads once: with one route more, or without it; `probe` asks for it.
fn reload(
    field: &Field,
    contestant: &Contestant,
    requests: &Arc<[String]>,
    (probe, more): (&str, bool),
) -> Result<Reload> {
    let (gateway, place) = contestant.gateway().context("it is Doorward")?;
    let old = std::fs::read_to_string(place.path("doorward.yaml"))?;
    let route = one(ROUTES);
    let new =
        if more { old.trim_end().to_owned() + "\n" + &route } else { old.replace(&route, "") };
    let spell = Duration::from_secs(field.seconds(SECONDS));
    let mut client = Client::connect(contestant.address)?;
    let mut answers = || -> Result<u16> {
        client.send(probe.as_bytes())?;
        Ok(client.reply()?.context("closed without an answer")?.status)
    };
    let (was, becomes) = if more { (404, 200) } else { (200, 404) };
    ensure!(answers()? == was, "a route is there that should not be, or is not that should");
    let pace = Pace { address: contestant.address, rate: RATE, connections: CONNECTIONS };
    let load = Paced::start(pace, Arc::clone(requests))?;
    let_pass(spell);
    place.write("doorward.yaml", &new)?;
    let (watch, from) = (Stopwatch::start(), load.elapsed());
    gateway.reload()?;
    while answers()? != becomes {
        if watch.elapsed() > LONGEST {
            bail!(
                "the new configuration is not there after {LONGEST:?}; it said:\n{}",
                place.log()
            );
        }
        let_pass(LOOK_EVERY);
    }
    let (took, to) = (watch.elapsed(), load.elapsed());
    let_pass(spell / 3);
    let endings = load.stop()?;
    let failed = endings.iter().filter(|one| one.outcome != Outcome::Answered(200)).count();
    ensure!(failed == 0, "{failed} of {} requests failed", endings.len());
    let p99 = |from: Duration, to: Duration| {
        let due = endings.iter().filter(|one| one.due >= from && one.due < to);
        let due: Vec<Ending> = due.copied().collect();
        percentile(&due, 0.99).as_secs_f64() * 1e3
    };
    Ok(Reload {
        took: took.as_secs_f64() * 1e3,
        before: p99(from.saturating_sub(spell * 3 / 4), from),
        meanwhile: p99(from, to),
        requests: endings.len(),
    })
}
