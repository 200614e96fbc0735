//! The binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    doorward::commands::run()
}
