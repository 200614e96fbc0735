//! `cargo xtask count`: how many instructions the steps of a request take, held against what is on record.
//!
//! Instructions are counted by Valgrind, so that neither the machine nor what else it does matters: the processor that it
//! shows to what it runs is the same on every machine that has AVX2. Each thing is done so many times and twice as many:
//! the difference is what it takes, whatever it takes to begin. What is built for tests is counted: figures compare with
//! themselves alone.

mod callgrind;
mod parts;
mod whole;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{Run, cargo, root, target};
use crate::install::debian;

/// By how much a figure may be above the one on record, in percent.
const TOLERANCE_PERCENT: u64 = 5;

/// What is counted: its name, the example that does it, and how many times. What takes little is done more often: from run
/// to run the beginning differs by some hundred thousand instructions.
const CASES: [(&str, &str, u64); 8] = [
    ("canonicalise", "counted_gate", 2000),
    ("match-route", "counted_gate", 5000),
    ("find-token", "counted_gate", 2000),
    ("verify-es256", "counted_gate", 200),
    ("decide-from-memory", "counted_gate", 500),
    ("decide-by-policies", "counted_gate", 400),
    ("record-decision", "counted_audit", 1000),
    ("record-outcome", "counted_audit", 1000),
];

/// What the whole way of a request through the proxy is called.
const WHOLE: &str = "whole-request";

/// Counts instructions.
#[derive(Debug, clap::Args)]
pub(crate) struct Count {
    /// Puts the figures on record instead of comparing them
    #[arg(long)]
    bless: bool,
    /// Builds the binary that ships and shows what its requests go into, part by part, instead of comparing
    #[arg(long, conflicts_with = "bless")]
    parts: bool,
}

impl Count {
    /// Counts, and compares or records.
    pub(crate) fn run(&self) -> Result<()> {
        if self.parts {
            return parts::show();
        }
        if !self.bless {
            return check();
        }
        let file = record();
        std::fs::write(&file, serde_json::to_string_pretty(&figures()?)? + "\n")?;
        println!("written to {}", file.display());
        Ok(())
    }
}

/// Counts and compares, as one step of many.
pub(crate) fn check() -> Result<()> {
    compare(&figures()?)
}

fn compare(figures: &BTreeMap<String, u64>) -> Result<()> {
    let recorded = serde_json::from_str(&std::fs::read_to_string(record())?)?;
    let (table, above) = compared(figures, &recorded);
    println!("{table}");
    ensure!(
        above.is_empty(),
        "{} takes more instructions than on record; make it faster, or say why it is slower and run `cargo xtask count --bless`",
        above.join(", ")
    );
    Ok(())
}

fn record() -> PathBuf {
    root().join("xtask/counts.json")
}

/// Instructions for each thing, once.
fn figures() -> Result<BTreeMap<String, u64>> {
    let valgrind = debian::tool(&debian::VALGRIND)?;
    cargo().args(["build", "--quiet", "--workspace", "--examples", "--bins"]).done()?;
    let mut figures = BTreeMap::new();
    for (name, example, times) in CASES {
        let binary = target("debug/examples").join(example);
        let counted = |times: u64| {
            let mut command = cachegrind(&valgrind);
            command.arg(&binary).args([name, &times.to_string()]);
            let output = command.output().context("cannot start Valgrind")?;
            ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            instructions(&String::from_utf8_lossy(&output.stderr))
        };
        let (once, twice) = (counted(times)?, counted(2 * times)?);
        figures.insert(name.to_owned(), twice.saturating_sub(once) / times);
    }
    let binary = target("debug/doorward");
    figures.insert(WHOLE.to_owned(), whole::figure(&valgrind, &binary)?);
    Ok(figures)
}

/// The command that runs what is added to it, and says at its end how many instructions it took.
fn cachegrind(valgrind: &Path) -> Command {
    let mut command = Command::new(valgrind);
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    command
}

/// The figure in what Valgrind says, as in `==7== I   refs:      1,234`.
fn instructions(said: &str) -> Result<u64> {
    let line = said.lines().rev().find_map(|line| line.split_once("refs:"));
    let Some((_, figure)) = line else { bail!("Valgrind has counted nothing: {said}") };
    Ok(figure.trim().replace(',', "").parse()?)
}

/// A table of the figures beside those on record, and the names of those that are above.
fn compared<'a>(
    figures: &'a BTreeMap<String, u64>,
    recorded: &BTreeMap<String, u64>,
) -> (String, Vec<&'a str>) {
    let mut table = format!("{:<24}{:>12}{:>12}\n", "instructions", "now", "on record");
    let mut above = Vec::new();
    for (name, now) in figures {
        let before = recorded.get(name).copied().unwrap_or_default();
        let shown = if before == 0 { "none".to_owned() } else { before.to_string() };
        // Writing into a string does not fail.
        let _ = writeln!(table, "{name:<24}{now:>12}{shown:>12}");
        if now * 100 > before * (100 + TOLERANCE_PERCENT) {
            above.push(name.as_str());
        }
    }
    (table, above)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(figures: &[(&str, u64)]) -> BTreeMap<String, u64> {
        figures.iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect()
    }

    #[test]
    fn what_takes_more_than_the_tolerance_is_named_and_so_is_what_is_not_on_record() {
        let recorded = all(&[("a", 1000), ("b", 1000), ("c", 1000)]);
        let now = all(&[("a", 1050), ("b", 1051), ("c", 10), ("d", 1)]);
        let (table, above) = compared(&now, &recorded);
        assert_eq!(above, ["b", "d"]);
        assert!(table.contains("d                                  1        none"), "{table}");
    }

    #[test]
    fn the_figure_is_the_last_that_valgrind_says() {
        let said = "==7== I   refs:      1\nlater\n==7== \n==7== I   refs:      1,234,567\n";
        assert_eq!(instructions(said).unwrap(), 1_234_567);
        assert!(instructions("nothing").is_err());
    }
}
