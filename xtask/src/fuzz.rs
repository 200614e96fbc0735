//! `cargo xtask fuzz`: each parser of bytes from outside, under libFuzzer.

use anyhow::{Context, Result};

use crate::command::{Run, program, root};
use crate::install::python;

/// The targets, one per parser.
const TARGETS: [&str; 16] = [
    "authorization_answer",
    "authzen",
    "canonical_request",
    "config",
    "cookies",
    "discovery",
    "expression",
    "ext_authz",
    "forward_auth",
    "jwks",
    "jws",
    "proxy_protocol",
    "saml_logout_request",
    "saml_metadata",
    "saml_response",
    "token_answer",
];

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
        let toolchain = toolchain()?;
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
                .envs(toolchain.iter().cloned())
                .env_remove("CARGO")
                .done()
                .with_context(|| format!("{target}: see fuzz/artifacts/{target}"))?;
        }
        Ok(())
    }
}

/// A toolchain that takes the flags of libFuzzer, as variables for Cargo: the nightly one if there is one, which serves
/// nothing but this chore, else our own, told to take them.
fn toolchain() -> Result<Vec<(&'static str, String)>> {
    let known = program("rustup").args(["toolchain", "list"]).output_text()?;
    let names = known.lines().filter_map(|line| line.split(' ').next());
    let nightly = names.into_iter().find(|name| name.starts_with("nightly"));
    Ok(match nightly {
        Some(name) => vec![("RUSTUP_TOOLCHAIN", name.to_owned())],
        None => vec![("RUSTC_BOOTSTRAP", "1".to_owned())],
    })
}
