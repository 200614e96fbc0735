//! `doorward check`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::printed;
use crate::config::{Machine, check};

/// Read a configuration and say everything that is wrong with it, with line and remedy.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration file.
    #[arg(default_value = "doorward.yaml")]
    config: PathBuf,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        match check(&self.config, &Machine) {
            Ok(summary) => {
                printed(format_args!("{summary}\n"));
                ExitCode::SUCCESS
            }
            Err(report) => {
                eprint!("{}", report.render(std::io::stderr().is_terminal()));
                ExitCode::FAILURE
            }
        }
    }
}
