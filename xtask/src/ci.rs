//! `cargo xtask ci`: what `.ci/run` runs.

use std::process::ExitCode;

use anyhow::Result;
use testbed::clock::Stopwatch;

use crate::command::{Run, cargo, in_ci};
use crate::count;
use crate::deny::Deny;
use crate::live;
use crate::suite;
use crate::tally::Tally;

/// Runs every step, whatever became of those before it, and closes with one line for all of them.
pub(crate) fn run() -> Result<ExitCode> {
    let mut report = Report::default();
    report.check("format", || cargo().args(["fmt", "--all", "--check"]).done());
    report.check("lints", || {
        cargo()
            .args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
            .done()
    });
    report.check("licences, bans and sources", || Deny::default().run());
    report.check("instructions", count::check);
    report.step("tests", || suite::hermetic(None, false));
    report.step("live tests", || live::run(None, None, false));
    report.print();
    Ok(report.total.verdict(in_ci()))
}

/// What became of each step and how long it took.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<String>,
    total: Tally,
}

impl Report {
    /// A step that passes or fails as one.
    fn check(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        self.step(name, || work().map(|()| Tally::PASS));
    }

    /// A step of many tests; one that cannot run counts as one failure.
    fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Tally>) {
        println!("── {name}");
        let watch = Stopwatch::start();
        let tally = work().unwrap_or_else(|error| {
            println!("error: {error:#}");
            Tally::FAIL
        });
        self.total += tally;
        self.lines.push(format!("{:>6} s  {name}: {tally}", watch.elapsed().as_secs()));
    }

    fn print(&self) {
        println!("── steps");
        for line in &self.lines {
            println!("{line}");
        }
        println!("{}", self.total);
    }
}
