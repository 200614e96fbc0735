//! `cargo xtask resilience`: what Doorward does when what is around it goes wrong, beside nginx and Envoy where they can
//! do the same. Each part writes its section of docs/resilience.md.

mod callers;
mod document;
mod door;
mod faults;
mod overload;
mod proxies;
mod volume;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::dist;

pub(crate) use faults::{Fault, Spells, play};

/// A part: what shows it, as a section of the document.
type Part = fn(&Resilience, &Path) -> Result<String>;

/// The parts, by the names of their sections.
const PARTS: [(&str, Part); 4] = [
    ("faults", faults::measure),
    ("volume", volume::measure),
    ("overload", overload::measure),
    ("callers", callers::measure),
];

/// Shows what faults and overload do.
#[derive(Debug, clap::Args)]
pub(crate) struct Resilience {
    /// Shorter, and writes no document
    #[arg(long)]
    quick: bool,
    /// Only this part
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// This binary instead of one that is built as it ships
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Of the faults, only those whose name contains this; writes no document
    #[arg(long, value_name = "TEXT")]
    fault: Option<String>,
}

impl Resilience {
    /// Runs it, and writes what it showed into docs/resilience.md.
    pub(crate) fn run(&self) -> Result<()> {
        let binary = match &self.binary {
            Some(binary) => std::path::absolute(binary)?,
            None => dist::built()?,
        };
        for (name, part) in PARTS {
            if self.only.as_deref().is_some_and(|only| only != name) {
                continue;
            }
            let section = part(self, &binary)?;
            println!("\n{section}");
            if !self.quick && self.fault.is_none() {
                println!("written to {}", document::write(name, &section)?.display());
            }
        }
        Ok(())
    }
}
