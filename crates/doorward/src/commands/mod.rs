//! The command line.

mod audit;
mod check;
mod completions;
mod demo;
mod discovery;
mod doctor;
mod explain;
mod health;
mod init;
mod issuer_keys;
mod man;
mod moment;
mod printed;
mod run;
mod schema;
mod sessions;

pub(crate) use printed::printed;

use std::io::{Read as _, Write as _};
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
  doorward run doorward.yaml       serve; a changed file takes effect by itself

When something is denied:
  doorward explain --url http://localhost:8080/orders/7 --token - < token
                                   which rule, and on which condition
  doorward doctor --token - < token
                                   the issuer, its keys, the clock, the token
  doorward audit tail --follow     every decision as it is made

In operation:
  doorward run --take-over         restart, or upgrade, without a refused connection
  doorward health --ready          what stands in the way, if anything
  doorward sessions list           who is signed in; `revoke` ends sessions everywhere
  doorward audit verify            whether the audit log is as it was written
  doorward doctor --bypass         what can be had around the gate, from here

For your shell and your editor:
  doorward completions bash > /etc/bash_completion.d/doorward
  doorward man > /usr/local/share/man/man1/doorward.1
  doorward schema > doorward.schema.json

Each command has a --help of its own. Logs go to standard error; DOORWARD_LOG=debug says more.";

#[derive(Debug, Subcommand)]
enum Command {
    Audit(audit::Audit),
    Check(check::Check),
    Completions(completions::Completions),
    Demo(demo::DemoArgs),
    Doctor(doctor::Doctor),
    Explain(explain::Explain),
    Health(health::Health),
    Init(init::Init),
    Man(man::Man),
    Run(run::Run),
    Schema(schema::Schema),
    Sessions(sessions::Sessions),
}

/// Runs what the command line asks for.
#[must_use]
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Audit(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Health(command) => command.run(),
        Command::Init(command) => command.run(),
        Command::Man(command) => command.run(),
        Command::Run(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Sessions(command) => command.run(),
    }
}

/// Prints an error for a person.
pub(crate) fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("doorward: {error}");
    ExitCode::FAILURE
}

/// Prints a generated text as it is.
fn print(text: &[u8]) -> ExitCode {
    match std::io::stdout().write_all(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
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
