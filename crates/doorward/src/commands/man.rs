//! `doorward man`.

use std::io;
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, roman};

use super::{Cli, fail};

/// Print the manual page, of all commands: roff, for man(1).
#[derive(Debug, Args)]
#[command(after_help = GUIDE)]
pub(super) struct Man {}

const GUIDE: &str = "\
Examples:
  doorward man > /usr/local/share/man/man1/doorward.1
  doorward man | man -l -";

impl Man {
    pub(super) fn run(self) -> ExitCode {
        match page() {
            Ok(page) => super::print(&page),
            Err(error) => fail(&error),
        }
    }
}

/// One page: the command, then each of its commands with its options.
fn page() -> io::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let whole = Page::new(command.clone());
    whole.render_title(&mut page)?;
    whole.render_name_section(&mut page)?;
    whole.render_synopsis_section(&mut page)?;
    whole.render_description_section(&mut page)?;
    for command in command.get_subcommands() {
        chapters(command, &mut page)?;
    }
    guide(&command, &mut page)?;
    whole.render_version_section(&mut page)?;
    Ok(page)
}

fn chapters(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    if command.get_name() == "help" {
        return Ok(());
    }
    let name = command.get_bin_name().unwrap_or_default().to_uppercase();
    let chapter = Page::new(command.clone());
    let mut heading = Roff::new();
    heading.control("SH", [name.as_str()]);
    heading.text([roman(command.get_about().map(ToString::to_string).unwrap_or_default())]);
    heading.to_writer(page)?;
    let mut sections = Vec::new();
    chapter.render_synopsis_section(&mut sections)?;
    chapter.render_options_section(&mut sections)?;
    // A section of a command's own page is a part of a section here.
    page.extend(String::from_utf8_lossy(&sections).replace(".SH ", ".SS ").into_bytes());
    guide(command, page)?;
    command.get_subcommands().try_for_each(|command| chapters(command, page))
}

/// What help ends with, line by line as it is there.
fn guide(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let Some(guide) = command.get_after_help() else { return Ok(()) };
    let mut part = Roff::new();
    part.control("PP", []).control("nf", []);
    for line in guide.to_string().lines() {
        part.text([roman(line)]);
    }
    part.control("fi", []);
    part.to_writer(page)
}
