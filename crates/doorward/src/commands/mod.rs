//! The command line.

mod audit;
mod check;
mod demo;
mod discovery;
mod doctor;
mod explain;
mod init;
mod issuer_keys;
mod moment;
mod run;
mod schema;

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An identity-aware access proxy: one binary between every request and the services behind it.
#[derive(Debug, Parser)]
#[command(name = "doorward", version, about, long_about = None, after_help = GUIDE, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const GUIDE: &str = "\
First steps:
  doorward demo                    see it decide, with nothing to install
  doorward init --issuer URL --upstream URL > doorward.yaml
  doorward check doorward.yaml     every problem, with its line and remedy
  doorward run doorward.yaml       serve

When something is denied:
  doorward explain --help          which rule, and on which condition
  doorward doctor --help           the issuer, its keys, the clock, a token
  doorward audit tail --follow     every decision as it is made";

#[derive(Debug, Subcommand)]
enum Command {
    Audit(audit::Audit),
    Check(check::Check),
    Demo(demo::DemoArgs),
    Doctor(doctor::Doctor),
    Explain(explain::Explain),
    Init(init::Init),
    Run(run::Run),
    Schema(schema::Schema),
}

/// Runs what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Audit(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Init(command) => command.run(),
        Command::Run(command) => command.run(),
        Command::Schema(command) => command.run(),
    }
}

/// Prints an error for a person.
pub(crate) fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("doorward: {error}");
    ExitCode::FAILURE
}

/// The text that an option names: itself, or for `-` what stands on standard input.
fn text_or_stdin(text: &str) -> Result<String, String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut read = Vec::new();
    std::io::stdin()
        .take(crate::config::MAX_FILE_BYTES)
        .read_to_end(&mut read)
        .map_err(|error| format!("standard input cannot be read: {error}"))?;
    let text = String::from_utf8(read).map_err(|_| "standard input is not text in UTF-8")?;
    Ok(text.trim().to_owned())
}

/// The text in the file that an option names, or for `-` what stands on standard input.
fn text_or_stdin_file(path: &Path) -> Result<String, String> {
    if path == Path::new("-") {
        return text_or_stdin("-");
    }
    std::fs::read_to_string(path)
        .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))
}
