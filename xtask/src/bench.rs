//! `cargo xtask bench`: Doorward beside nginx and Envoy, in one run on one machine.
//!
//! One service (nginx, one worker, 32 bytes), one contestant at a time with one worker, one wrk thread with 32
//! keep-alive connections, 2,000 distinct tokens in turn; then sessions beside tokens, 2,000 and 100,000 of them. What
//! counts is the processor time of the contestant's process for each request, and its ratio to the others in the same
//! round; see docs/performance.md.

mod contestant;
mod measure;
mod report;
mod sessions;
mod wrk;

use std::path::PathBuf;

use anyhow::Result;
use serde_json::Value;
use testbed::Issuer;
use tokens::Algorithm;

use self::contestant::{Contestant, Field};
use self::sessions::Rivals;
use self::wrk::Wrk;
use crate::command::{root, shipped};

/// How many distinct credentials are shown, in turn.
const FEW: usize = 2_000;
/// How many sessions, or tokens, a crowd has.
const MANY: usize = 100_000;
/// The same in a quick run.
const MANY_IF_QUICK: usize = 10_000;
/// What `--only` calls the part about sessions.
const SESSIONS: &str = "sessions";
/// The host that tokens are shown at.
const HOST: &str = "orders.test";

/// The algorithms that tokens are signed with; each is a table of its own.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

/// Measures Doorward beside nginx and Envoy.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// One short round, which writes no document
    #[arg(long)]
    quick: bool,
    /// Only this contestant, or the part about sessions; writes no document
    #[arg(long, value_name = "NAME", value_parser = only())]
    only: Option<String>,
    /// This binary instead of one that is built as it ships; writes no document
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

impl Bench {
    /// Runs it; writes docs/performance.md when it was whole.
    pub(crate) fn run(&self) -> Result<()> {
        let (rounds, seconds) = if self.quick { (1, 2) } else { (5, 5) };
        let folder = tempfile::Builder::new().prefix("doorward-bench-").tempdir()?;
        let binary = match &self.binary {
            Some(binary) => std::path::absolute(binary)?,
            None => shipped()?,
        };
        let field = Field::enter(folder.path(), &binary, self.only.as_deref())?;
        let mut samples = Vec::new();
        for algorithm in ALGORITHMS {
            let wrk = Wrk::new(folder.path(), (algorithm.name(), HOST), &field.tokens(algorithm)?)?;
            for contestant in &field.contestants {
                wrk.check(contestant)?;
                wrk.warm_up(contestant)?;
            }
            for round in 0..rounds {
                for contestant in &field.contestants {
                    let sample = wrk.measure(contestant, algorithm.name(), round, seconds)?;
                    println!("{sample}");
                    samples.push(sample);
                }
            }
        }
        let mut rivals = None;
        if self.only.as_deref().is_none_or(|only| only == SESSIONS) {
            let many = if self.quick { MANY_IF_QUICK } else { MANY };
            let entered = Rivals::enter(folder.path(), &binary, field.service, many)?;
            samples.extend(entered.measure(rounds, seconds)?);
            rivals = Some(entered);
        }
        let text = report::write((&field, rivals.as_ref()), &samples, rounds, seconds)?;
        println!("\n{text}");
        if !self.quick && self.only.is_none() && self.binary.is_none() {
            let file = document();
            std::fs::write(&file, text)?;
            println!("written to {}", file.display());
        }
        Ok(())
    }
}

fn document() -> PathBuf {
    root().join("docs/performance.md")
}

/// What may be said to `--only`.
fn only() -> Vec<&'static str> {
    Contestant::NAMES.into_iter().chain([SESSIONS]).collect()
}

/// Mints as many tokens, one for each user; `claims` include an end that is [`far_away`].
fn mint(issuer: &Issuer, many: usize, claims: impl Fn(usize) -> Value) -> Result<Vec<String>> {
    (0..many).map(|user| issuer.token(&format!("user-{user}"), "orders", claims(user))).collect()
}

/// When tokens end: in a day.
fn far_away() -> u64 {
    testbed::clock::epoch_seconds() + 86_400
}
