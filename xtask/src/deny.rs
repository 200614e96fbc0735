//! `cargo xtask deny`: what may be built in, by deny.toml.

use anyhow::Result;

use crate::command::{Run, program};
use crate::install::python;

/// Checks licences, banned crates and sources.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Deny {
    /// The RustSec advisories too; fetches their database
    #[arg(long)]
    advisories: bool,
}

impl Deny {
    /// Runs cargo-deny.
    pub(crate) fn run(&self) -> Result<()> {
        let checks: &[&str] = if self.advisories { &["advisories"] } else { &[] };
        program(python::tool(&python::CARGO_DENY)?)
            .args(["--workspace", "--locked", "check", "bans", "licenses", "sources"])
            .args(checks)
            .done()
    }
}
