//! Tokens of which each is seen once.

use anyhow::Result;
use tokens::Algorithm;

use super::Sections;
use super::contestant::Contestant;
use super::field::Field;
use super::gates::Gate;
use super::measure::Samples;
use super::peers::Peers;
use super::section::{Goal, Section};
use super::wrk::{Length, Wrk};

/// The algorithms, by what is measured of them.
const KINDS: [(Algorithm, &str, &str); 2] =
    [(Algorithm::Rs256, "RS256", "cold-rs256"), (Algorithm::Es256, "ES256", "cold-es256")];

/// Measures those that check tokens, each started anew in every round, so that no token is known.
pub(super) fn measure(field: &Field) -> Sections {
    let many = field.usually(20_000, 3_000);
    let mut sections = Vec::new();
    for (algorithm, name, slug) in KINDS {
        let wrk = Wrk::new(&field.folder, slug, &field.tokens(algorithm, many)?)?;
        let mut samples = Samples::default();
        for round in 0..field.rounds() {
            let start: [&dyn Fn() -> Result<Contestant>; 4] = [
                &|| Peers { kept: 0, ..Peers::usual(field) }.envoy("envoy-cache-off"),
                &|| Peers::usual(field).haproxy(),
                &|| Gate::unsigned(field).start(field, "doorward"),
                &|| Gate::usual(field).start(field, "doorward-identity"),
            ];
            for start in start {
                let contestant = start()?;
                samples.add(wrk.measure(&contestant, round, Length::Once)?);
                // What it did to spoiled tokens is looked at afterwards, for that one shows a token again.
                wrk.check(&contestant)?;
            }
        }
        let about = format!(
            "`GET /orders/N` with {many} tokens of {name}, each shown once; every contestant is started anew in every \
             round."
        );
        let title = format!("Cold tokens, {name}");
        let goal = |contestant, how| {
            anyhow::Ok(Goal {
                number: 3,
                what: format!(
                    "Every token cold, {name}, {how}: CPU per request against Envoy with its cache off"
                ),
                most: 0.6,
                unit: "×",
                measured: samples.compared(contestant, "envoy-cache-off")?,
            })
        };
        let goals = [
            goal("doorward", "no signed identity")?,
            goal("doorward-identity", "a signed identity for each")?,
        ];
        let rivals = ["envoy-cache-off"];
        sections.push(Section::of_runs((slug, title), &about, &samples, &rivals).with(goals));
    }
    Ok(sections)
}
