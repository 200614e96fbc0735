//! `cargo xtask fuzz`: each parser of bytes from outside, under libFuzzer.

use anyhow::{Context, Result, bail};

use crate::command::{Run, program, root};
use crate::install::python;

/// The targets, one per parser.
const TARGETS: [&str; 4] = ["canonical_request", "config", "jwks", "jws"];

/// Fuzzes the parsers.
#[derive(Debug, clap::Args)]
pub(crate) struct Fuzz {
    /// How long each target runs
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Only this target
    #[arg(value_parser = TARGETS)]
    target: Option<String>,
}

impl Fuzz {
    /// Runs each target for its time; stops at the first that fails, whose input is under `fuzz/artifacts`.
    pub(crate) fn run(&self) -> Result<()> {
        let cargo_fuzz = python::tool(&python::CARGO_FUZZ)?;
        let toolchain = nightly()?;
        let folder = root().join("fuzz");
        for target in TARGETS {
            if self.target.as_deref().is_some_and(|only| only != target) {
                continue;
            }
            let corpus = folder.join("corpus").join(target);
            std::fs::create_dir_all(&corpus)?;
            println!("── {target}, {} minutes", self.minutes);
            program(&cargo_fuzz)
                .args(["run", "--fuzz-dir"])
                .arg(&folder)
                .arg(target)
                .arg(&corpus)
                .arg(folder.join("seeds").join(target))
                .args(["--", "-timeout=10", "-rss_limit_mb=4096", "-print_final_stats=1"])
                .arg(format!("-max_total_time={}", self.minutes * 60))
                .env("RUSTUP_TOOLCHAIN", &toolchain)
                .env_remove("CARGO")
                .done()
                .with_context(|| format!("{target}: see fuzz/artifacts/{target}"))?;
        }
        Ok(())
    }
}

/// The nightly toolchain beside the stable one; it serves nothing but this chore.
fn nightly() -> Result<String> {
    let known = program("rustup").args(["toolchain", "list"]).output_text()?;
    let found = known
        .lines()
        .filter_map(|line| line.split(' ').next())
        .find(|name| name.starts_with("nightly"));
    match found {
        Some(name) => Ok(name.to_owned()),
        None => {
            bail!("fuzzing takes a nightly toolchain; `rustup toolchain install nightly` gets one")
        }
    }
}
