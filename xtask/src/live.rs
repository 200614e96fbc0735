//! `cargo xtask test --live`: the real binary among real counterparts.

mod acme;
mod asking_proxies;
mod browser;
mod changes;
mod crash;
mod cuts;
mod faults;
mod foreign_balancer;
mod foreign_issuer;
mod foreign_service;
mod foreign_streams;
mod ledger;
mod monitoring;
mod ocsf;
mod packaging;
mod provider;
mod providers;
mod restarts;
mod saml;
mod secured;
mod sign_in;
mod stage;
mod verifiers;
mod volume;

use std::path::Path;

use anyhow::Result;
use testbed::clock::Stopwatch;

use crate::tally::Tally;

pub(crate) use cuts::revoke;
pub(crate) use stage::Stage;
pub(crate) use volume::bodies;

/// A scenario: a sentence that holds, and what shows it.
struct Scenario {
    name: &'static str,
    run: fn(&Stage) -> Result<()>,
}

/// Plays every scenario whose name contains `filter` with `binary`, or with one that is built first.
pub(crate) fn run(binary: Option<&Path>, filter: Option<&str>, soak: bool) -> Result<Tally> {
    let stage = Stage::set(binary, soak)?;
    let mut tally = Tally::default();
    let long = sign_in::LONG.iter().filter(|_| soak);
    let long = long.map(|(name, run)| Scenario { name, run: *run });
    for scenario in
        scenarios().chain(long).filter(|one| filter.is_none_or(|part| one.name.contains(part)))
    {
        let watch = Stopwatch::start();
        let outcome = (scenario.run)(&stage);
        let seconds = watch.elapsed().as_secs();
        tally += match outcome {
            Ok(()) => {
                println!("live {} ... ok ({seconds} s)", scenario.name);
                Tally::PASS
            }
            Err(error) => {
                println!("live {} ... FAILED ({seconds} s)\n  {error:#}", scenario.name);
                Tally::FAIL
            }
        };
    }
    Ok(tally)
}

fn scenarios() -> impl Iterator<Item = Scenario> {
    [
        foreign_issuer::SCENARIOS,
        foreign_balancer::SCENARIOS,
        asking_proxies::SCENARIOS,
        foreign_service::SCENARIOS,
        foreign_streams::SCENARIOS,
        changes::SCENARIOS,
        restarts::SCENARIOS,
        crash::SCENARIOS,
        faults::SCENARIOS,
        volume::SCENARIOS,
        cuts::SCENARIOS,
        ocsf::SCENARIOS,
        verifiers::SCENARIOS,
        saml::SCENARIOS,
        acme::SCENARIOS,
        ledger::SCENARIOS,
        monitoring::SCENARIOS,
        packaging::SCENARIOS,
        browser::SCENARIOS,
        providers::SCENARIOS,
        sign_in::SCENARIOS,
    ]
    .into_iter()
    .flatten()
    .map(|(name, run)| Scenario { name, run: *run })
}

/// How a module lists its scenarios.
type Listed = &'static [(&'static str, fn(&Stage) -> Result<()>)];
