//! Tokens that are known: each was shown before.

use anyhow::Result;

use super::contestant::Contestant;
use super::field::{ALGORITHMS, Field};
use super::gates::{Asking, Gate};
use super::peers::Peers;
use super::section::{Goal, Section};
use super::wrk::{Wrk, by_turns};
use super::{FEW, Sections};

/// The name of the scenario.
pub(super) const NAME: &str = "warm";

/// Everyone, in the order of a round.
pub(super) const NAMES: [&str; 7] =
    ["nginx", "envoy", "haproxy", "doorward", "doorward-identity", "envoy-asks", "nginx-asks"];

/// How long a run takes, in seconds.
const SECONDS: u64 = 4;

/// Measures everyone.
pub(super) fn measure(field: &Field) -> Sections {
    let contestants = NAMES
        .into_iter()
        .filter(|name| field.wants(name))
        .map(|name| start(field, name))
        .collect::<Result<Vec<_>>>()?;
    let mut sections = Vec::new();
    for algorithm in ALGORITHMS {
        let (name, slug) = match algorithm.name() {
            "RS256" => ("RS256", "warm-rs256"),
            _ => ("ES256", "warm-es256"),
        };
        let wrk = Wrk::new(&field.folder, slug, &field.tokens(algorithm, FEW)?)?;
        let pairs: Vec<_> = contestants.iter().map(|one| (one, &wrk)).collect();
        let samples = by_turns(field, &pairs, SECONDS)?;
        let about = format!(
            "`GET /orders/N` with one of {FEW} tokens of {name} in turn, each of which was shown before."
        );
        let title = format!("Warm tokens, {name}");
        let section = Section::of_runs((slug, title), &about, &samples, &["nginx", "envoy"]);
        if contestants.len() < NAMES.len() {
            sections.push(section);
            continue;
        }
        let against = |number, what: &str, most, rival| -> Result<Goal> {
            let measured = samples.compared("doorward-identity", rival)?;
            Ok(Goal { number, what: format!("{what}, {name}"), most, unit: "×", measured })
        };
        sections.push(section.with([
            against(1, "Warm token, decision, signed identity and audit: CPU per request against nginx's bare `proxy_pass`", 1.4, "nginx")?,
            against(2, "The same against Envoy's `jwt_authn` (cache on) and RBAC", 0.3, "envoy")?,
        ]));
    }
    Ok(sections)
}

/// Starts the one called `name`.
fn start(field: &Field, name: &'static str) -> Result<Contestant> {
    let (peers, unsigned) = (Peers::usual(field), Gate::unsigned(field));
    match name {
        "nginx" => peers.nginx(),
        "envoy" => peers.envoy(name),
        "haproxy" => peers.haproxy(),
        "envoy-asks" => unsigned.start_behind(field, name, Asking::Envoy),
        "nginx-asks" => unsigned.start_behind(field, name, Asking::Nginx),
        "doorward" => unsigned.start(field, name),
        _ => Gate::usual(field).start(field, name),
    }
}
