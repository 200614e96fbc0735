//! What more policies cost the decision itself: the gate alone, without the request around it.

use anyhow::{Context, Result};

use super::Sections;
use super::field::Field;
use super::measure::Spread;
use super::picture::{Bar, Picture};
use super::policies::{CASES, FEWEST, Rules};
use super::section::{Goal, Section, Table};
use crate::command::{Run, cargo, program, target};

/// How long a run takes, in seconds.
const SECONDS: u64 = 1;
/// Those that a goal is about.
const JUDGED: [&str; 3] =
    ["10,000 policies", "10,000, on one route", "10,000, 100 of every request"];

/// Measures the gate with each number of policies.
pub(super) fn measure(field: &Field) -> Sections {
    cargo().args(["build", "--quiet", "--profile", "dist", "--package", "gate-alone"]).done()?;
    let mut all: Vec<(&str, Vec<f64>)> = CASES.iter().map(|one| (one.name, Vec::new())).collect();
    for round in 0..field.rounds() {
        for (rules, (name, took)) in CASES.iter().zip(&mut all) {
            let micros = judged_in(rules)?;
            println!("round {} {name:<28} {micros:>6.2} µs CPU per judgement", round + 1);
            took.push(micros);
        }
    }
    let (_, fewest) = all.first().context("there is a case")?;
    let mut table = Table::new(["", "CPU µs per judgement", &format!("× {FEWEST}")]);
    let (mut bars, mut goals) = (Vec::new(), Vec::new());
    for (name, took) in &all {
        let pairs = took.iter().zip(fewest).map(|(more, few)| more / few);
        let ratio = Spread::of(pairs).context("one round or more")?;
        let micros = Spread::of(took.iter().copied()).context("one round or more")?;
        let shown = if *name == FEWEST { "1".to_owned() } else { ratio.to_string() };
        table.row([(*name).to_owned(), micros.to_string(), shown]);
        bars.extend(Bar::new(*name, micros));
        if JUDGED.contains(name) {
            let what = format!("Decision, {name}: CPU per judgement against 10");
            goals.push(Goal { number: 4, what, most: 1.3, unit: "×", measured: ratio });
        }
    }
    let text = format!(
        "The gate alone, in a process of its own without network or records: route, warm token and decision, with the \
         policies of the section before. The time is that of the thread.\n\n{}",
        table.text
    );
    let title = "Decisions".to_owned();
    let picture = Picture { title: "CPU µs per judgement, median and range".to_owned(), bars };
    Ok(vec![Section { name: "decisions", title, text, picture: Some(picture), goals }])
}

/// Microseconds of a judgement.
fn judged_in(rules: &Rules) -> Result<f64> {
    let Rules { routes, each, unscoped, .. } = *rules;
    let numbers = [routes, each, unscoped].map(|number| number.to_string());
    let mut command = program(target("dist/gate-alone"));
    let said = command.args(numbers).arg(SECONDS.to_string()).output_text()?;
    let micros = said.trim().strip_prefix("micros=").and_then(|micros| micros.parse().ok());
    micros.with_context(|| format!("expected microseconds, got `{said}`"))
}
