//! `cargo xtask test`: the tests in their tiers.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::command::{Run, cargo, in_ci};
use crate::live;
use crate::tally::Tally;

/// How many requests are compared at every door in a soak.
const SOAK_AGREEMENT: &str = "100000";

/// How many cases a property test tries in the long tier.
const SOAK_CASES: &str = "5000";

/// How many cases that do not fit it may throw away on the way.
const SOAK_REJECTS: &str = "1000000";

/// Runs the tests.
#[derive(Debug, clap::Args)]
pub(crate) struct Suite {
    /// Real counterparts instead, which are installed first (Debian, root)
    #[arg(long)]
    live: bool,
    /// The long and heavy: every tier, with many more cases and longer loads
    #[arg(long)]
    soak: bool,
    /// Live tests play with this binary instead of one that is built first
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Only tests whose name contains this
    filter: Option<String>,
}

impl Suite {
    /// Runs the tiers that were asked for and prints the sum.
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let filter = self.filter.as_deref();
        let mut tally = Tally::default();
        if self.soak || !self.live {
            tally += hermetic(filter, self.soak)?;
        }
        if self.soak || self.live {
            tally += live::run(self.binary.as_deref(), filter, self.soak)?;
        }
        println!("{tally}");
        Ok(tally.verdict(in_ci()))
    }
}

/// Everything that needs only Rust and a C compiler.
pub(crate) fn hermetic(filter: Option<&str>, soak: bool) -> Result<Tally> {
    let mut test = cargo();
    test.args(["test", "--workspace", "--no-fail-fast"]).args(filter);
    if soak {
        test.env("DOORWARD_AGREEMENT", SOAK_AGREEMENT);
        test.env("PROPTEST_CASES", SOAK_CASES).env("PROPTEST_MAX_GLOBAL_REJECTS", SOAK_REJECTS);
    }
    let mut tally = Tally::default();
    let succeeded = test.each_line(|line| tally += Tally::of_line(line))?;
    if !succeeded && tally.failed == 0 {
        // It did not compile, or a test took the whole process down.
        tally += Tally::FAIL;
    }
    Ok(tally)
}
