//! `doorward completions`.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::Cli;

/// Print what a shell needs to complete commands and options.
#[derive(Debug, Args)]
#[command(after_help = GUIDE)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

const GUIDE: &str = "\
Examples:
  doorward completions bash > /etc/bash_completion.d/doorward
  doorward completions zsh > \"${fpath[1]}/_doorward\"
  doorward completions fish > ~/.config/fish/completions/doorward.fish";

impl Completions {
    pub(super) fn run(self) -> ExitCode {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "doorward", &mut script);
        super::print(&script)
    }
}
