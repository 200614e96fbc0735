//! `cargo xtask bench`: Doorward beside nginx, Envoy and HAProxy, in one run on one machine.
//!
//! One service (nginx, one worker, 32 bytes), one contestant at a time with one worker, one thread of load, everyone by
//! turns. What counts is the processor time of the contestant's process for each request, and its ratio to the others in
//! the same round. Each scenario is a module, and a section or more of docs/performance.md.

mod bodies;
mod checks;
mod cold;
mod contestant;
mod decisions;
mod downstream;
pub(crate) mod field;
pub(crate) mod gates;
mod h2load;
mod measure;
mod memory;
mod pace;
mod peers;
mod picture;
mod policies;
mod public_key;
pub(crate) mod question;
mod reload;
mod report;
mod routes;
mod section;
mod sessions;
mod start;
mod threads;
mod warm;
pub(crate) mod wrk;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use testbed::clock::Stopwatch;

use self::field::Field;
use self::section::Section;
use crate::command::root;
use crate::dist;

/// How many distinct credentials are shown, in turn.
const FEW: usize = 2_000;

/// What a scenario hands over.
type Sections = Result<Vec<Section>>;

/// A scenario.
type Scenario = fn(&Field) -> Sections;

/// The scenarios, by their names, in the order of the document.
const SCENARIOS: [(&str, Scenario); 14] = [
    (warm::NAME, warm::measure),
    ("cold", cold::measure),
    ("downstream", downstream::measure),
    ("checks", checks::measure),
    ("policies", policies::measure),
    ("decisions", decisions::measure),
    ("routes", routes::measure),
    ("threads", threads::measure),
    ("pace", pace::measure),
    ("bodies", bodies::measure),
    ("memory", memory::measure),
    ("start", start::measure),
    ("reload", reload::measure),
    ("sessions", sessions::measure),
];

/// Measures Doorward beside nginx, Envoy and HAProxy.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// One short round of everything, which writes no document
    #[arg(long)]
    quick: bool,
    /// Only this scenario, or only this contestant with warm tokens; writes no document
    #[arg(long, value_name = "NAME", value_parser = only())]
    only: Option<String>,
    /// This binary instead of one that is built as it ships; writes no document
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

impl Bench {
    /// Runs it; writes docs/performance.md when it was whole.
    pub(crate) fn run(&self) -> Result<()> {
        let folder = tempfile::Builder::new().prefix("doorward-bench-").tempdir()?;
        let binary = match &self.binary {
            Some(binary) => std::path::absolute(binary)?,
            None => dist::built()?,
        };
        let versions = report::versions()?;
        let field = Field::enter(folder.path(), binary, self)?;
        let (mut sections, mut failed) = (Vec::new(), Vec::new());
        for (name, measure) in SCENARIOS.into_iter().filter(|(name, _)| self.plays(name)) {
            let watch = Stopwatch::start();
            match measure(&field) {
                Ok(more) => sections.extend(more),
                // The others are worth knowing.
                Err(error) => {
                    println!("{name} failed: {error:#}");
                    failed.push(name);
                }
            }
            println!("{name} took {} s", watch.elapsed().as_secs());
        }
        let text = report::write(&sections, &versions, field.rounds())?;
        println!("\n{text}");
        ensure!(failed.is_empty(), "these failed: {}", failed.join(", "));
        if !self.quick && self.only.is_none() && self.binary.is_none() {
            let file = root().join("docs/performance.md");
            std::fs::write(&file, text)?;
            report::draw(&sections, &file)?;
            println!("written to {}", file.display());
        }
        Ok(())
    }

    /// Whether the scenario called `name` is to be played: a contestant alone is measured with warm tokens.
    fn plays(&self, name: &str) -> bool {
        let Some(only) = &self.only else { return true };
        only == name || name == warm::NAME && warm::NAMES.contains(&only.as_str())
    }
}

/// What may be said to `--only`.
fn only() -> Vec<&'static str> {
    SCENARIOS.into_iter().map(|(name, _)| name).chain(warm::NAMES).collect()
}
