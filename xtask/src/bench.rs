//! `cargo xtask bench`: Doorward beside nginx and Envoy, in one run on one machine.
//!
//! One service (nginx, one worker, 32 bytes), one contestant at a time with one worker, one wrk thread with 32
//! keep-alive connections, 2,000 distinct tokens in turn. What counts is the processor time of the contestant's process
//! for each request, and its ratio to the others in the same round; see docs/performance.md.

mod contestant;
mod measure;
mod report;
mod wrk;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::json;
use testbed::Issuer;
use tokens::Algorithm;

use self::contestant::{Contestant, Field};
use self::wrk::Wrk;
use crate::command::root;

/// How many distinct tokens are shown, in turn.
const TOKENS: usize = 2_000;

/// The algorithms that tokens are signed with; each is a table of its own.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

/// Measures Doorward beside nginx and Envoy.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// One short round, which writes no document
    #[arg(long)]
    quick: bool,
    /// Only this contestant, which writes no document
    #[arg(long, value_name = "NAME", value_parser = Contestant::NAMES)]
    only: Option<String>,
}

impl Bench {
    /// Runs it; writes docs/performance.md when it was whole.
    pub(crate) fn run(&self) -> Result<()> {
        let (rounds, seconds) = if self.quick { (1, 2) } else { (5, 5) };
        let folder = tempfile::Builder::new().prefix("doorward-bench-").tempdir()?;
        let field = Field::enter(folder.path(), self.only.as_deref())?;
        let mut samples = Vec::new();
        for algorithm in ALGORITHMS {
            let tokens = field.tokens(algorithm)?;
            let wrk = Wrk::new(folder.path(), &tokens)?;
            field.check(&tokens)?;
            for contestant in &field.contestants {
                wrk.warm_up(contestant)?;
            }
            for round in 0..rounds {
                for contestant in &field.contestants {
                    let sample = wrk.measure(contestant, algorithm, round, seconds)?;
                    println!("{sample}");
                    samples.push(sample);
                }
            }
        }
        let text = report::write(&field, &samples, rounds, seconds)?;
        println!("\n{text}");
        if !self.quick && self.only.is_none() {
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

/// Mints the tokens of one algorithm, one for each user.
fn mint(issuer: &Issuer) -> Result<Vec<String>> {
    let claims = |number| {
        json!({
            "groups": ["eng", "oncall"], "scope": "orders:read",
            "email": format!("user-{number}@corp.test"), "exp": testbed::clock::epoch_seconds() + 86_400,
        })
    };
    let tokens: Result<Vec<_>> = (0..TOKENS)
        .map(|number| issuer.token(&format!("user-{number}"), "orders", claims(number)))
        .collect();
    let tokens = tokens?;
    ensure!(tokens.len() == TOKENS, "expected {TOKENS} tokens");
    Ok(tokens)
}
