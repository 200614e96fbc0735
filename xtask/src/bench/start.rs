//! How long Doorward takes from its start until it is ready.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use testbed::clock::{Stopwatch, let_pass};
use testbed::{Gateway, client};

use super::Sections;
use super::contestant::as_a_service;
use super::field::Field;
use super::gates::Gate;
use super::measure::Spread;
use super::picture::{Bar, Picture};
use super::routes::so_many;
use super::section::{Goal, Section, Table};

/// How many starts there are of each.
const STARTS: usize = 9;
/// How often it is looked whether it is ready.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// The longest that it may take.
const LONGEST: Duration = Duration::from_secs(30);
/// By how many routes it is started.
const CASES: [(&str, usize); 3] =
    [("10 routes", 10), ("1,000 routes", 1_000), ("10,000 routes", 10_000)];

/// Measures starts.
pub(super) fn measure(field: &Field) -> Sections {
    let mut table = Table::new(["", "ready after ms", "least", "most"]);
    let (mut bars, mut goals) = (Vec::new(), Vec::new());
    for (name, routes) in CASES {
        let gate = Gate { routes: so_many(routes), ..Gate::usual(field) };
        let starts = (0..field.usually(STARTS, 3)).map(|_| ready_after(field, &gate));
        let millis = starts.collect::<Result<Vec<_>>>()?;
        let took = Spread::of(millis).context("one start or more")?;
        println!("{name}: ready after {took:.1} ms");
        let Spread { middle, least, most } = took;
        table.row([
            name.to_owned(),
            format!("{middle:.1}"),
            format!("{least:.1}"),
            format!("{most:.1}"),
        ]);
        bars.extend(Bar::new(name, took));
        if routes == 1_000 {
            goals.push(Goal {
                number: 9,
                what: "Ready after the start, with 1,000 routes".to_owned(),
                most: 150.0,
                unit: "ms",
                measured: took,
            });
        }
    }
    let text = format!(
        "From when the process is started until `/readyz` answers 200, which is looked at every millisecond; the \
         configuration and the binary are in the system's cache.\n\n{}",
        table.text
    );
    let picture = Picture { title: "Ready after ms, median and range".to_owned(), bars };
    let title = "Start".to_owned();
    Ok(vec![Section { name: "start", title, text, picture: Some(picture), goals }])
}

/// Milliseconds until it is ready.
fn ready_after(field: &Field, gate: &Gate<'_>) -> Result<f64> {
    let place = gate.place(field, "")?;
    let mut command = as_a_service(&place, &field.binary)?;
    let watch = Stopwatch::start();
    let gateway = Gateway::from(command.spawn()?);
    while !client::get(place.admin(), "/readyz").is_ok_and(|reply| reply.status == 200) {
        if watch.elapsed() > LONGEST {
            bail!("doorward is not ready after {LONGEST:?}; it said:\n{}", place.log());
        }
        let_pass(LOOK_EVERY);
    }
    let took = watch.elapsed();
    gateway.stop()?;
    Ok(took.as_secs_f64() * 1e3)
}
