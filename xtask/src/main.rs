//! The project's chores: `cargo xtask <chore>`.

mod bench;
mod ci;
mod command;
mod count;
mod deny;
mod dist;
mod fuzz;
mod install;
mod live;
mod machine;
mod peer;
mod resilience;
mod suite;
mod tally;
mod wycheproof;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Doorward's chores")]
enum Chore {
    /// Measures Doorward beside nginx, Envoy and HAProxy, and writes docs/performance.md
    Bench(bench::Bench),
    /// Runs what CI runs: format, lints, licences, tests, live tests
    Ci,
    /// Counts the instructions that the steps of a request take, and compares them with xtask/counts.json
    Count(count::Count),
    /// Checks what is built in: licences, banned crates, sources
    Deny(deny::Deny),
    /// Builds the binary that ships, laid out by what it is seen to do
    Dist(dist::Dist),
    /// Fuzzes the parsers
    Fuzz(fuzz::Fuzz),
    /// Shows what faults and overload do, and writes docs/resilience.md
    Resilience(resilience::Resilience),
    /// Runs the tests
    Test(suite::Suite),
    /// Judges the JOSE vectors of Project Wycheproof, which it fetches
    Wycheproof(wycheproof::Wycheproof),
}

fn main() -> ExitCode {
    match run(&Chore::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &Chore) -> Result<ExitCode> {
    match chore {
        Chore::Bench(bench) => bench.run().map(|()| ExitCode::SUCCESS),
        Chore::Ci => ci::run(),
        Chore::Count(count) => count.run().map(|()| ExitCode::SUCCESS),
        Chore::Deny(deny) => deny.run().map(|()| ExitCode::SUCCESS),
        Chore::Dist(dist) => dist.run().map(|()| ExitCode::SUCCESS),
        Chore::Fuzz(fuzz) => fuzz.run().map(|()| ExitCode::SUCCESS),
        Chore::Resilience(resilience) => resilience.run().map(|()| ExitCode::SUCCESS),
        Chore::Test(suite) => suite.run(),
        Chore::Wycheproof(vectors) => vectors.run().map(|()| ExitCode::SUCCESS),
    }
}
