//! `doorward schema`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::printed;
use crate::config::{Loaded, Machine, schema_text};

/// Print the JSON Schema of the configuration, for editors; or the Cedar schema that policies are validated against.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Print the Cedar schema that is generated from this configuration.
    #[arg(long, value_name = "CONFIG")]
    policies: Option<PathBuf>,
}

impl Schema {
    pub(super) fn run(self) -> ExitCode {
        let Some(path) = self.policies else {
            printed(schema_text());
            return ExitCode::SUCCESS;
        };
        match Loaded::read(&path, &Machine) {
            Ok(loaded) => {
                printed(loaded.gate.schema());
                if let Some(evaluator) = loaded.gate.evaluator() {
                    printed(format_args!("\n{}", evaluator.schema()));
                }
                ExitCode::SUCCESS
            }
            Err(report) => {
                eprint!("{}", report.render(std::io::stderr().is_terminal()));
                ExitCode::FAILURE
            }
        }
    }
}
