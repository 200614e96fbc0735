//! Running other programs.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// A file or folder under Cargo's target directory.
pub(crate) fn target(path: &str) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), PathBuf::from)
        .join(path)
}

/// Whether this runs where a skipped test is a failed one.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// A program started at the root of the workspace.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// The Cargo that runs this chore, on the same toolchain.
pub(crate) fn cargo() -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A command that is run to its end.
pub(crate) trait Run {
    /// Runs it; its output goes where ours goes.
    fn done(&mut self) -> Result<()>;
    /// Runs it and hands over what it prints on standard output.
    fn output_text(&mut self) -> Result<String>;
    /// Runs it, prints each line of its standard output and hands it to `each`; tells whether it succeeded.
    fn each_line(&mut self, each: impl FnMut(&str)) -> Result<bool>;
}

impl Run for Command {
    fn done(&mut self) -> Result<()> {
        let status = self.status().with_context(|| format!("cannot start {}", shown(self)))?;
        if !status.success() {
            bail!("{} failed: {status}", shown(self));
        }
        Ok(())
    }

    fn output_text(&mut self) -> Result<String> {
        let output = self
            .stderr(Stdio::piped())
            .output()
            .with_context(|| format!("cannot start {}", shown(self)))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{} failed: {}: {}", shown(self), output.status, said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn each_line(&mut self, mut each: impl FnMut(&str)) -> Result<bool> {
        let mut child = self
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", shown(self)))?;
        let stdout = child.stdout.take().context("a piped output can be read")?;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            each(&line);
        }
        Ok(child.wait()?.success())
    }
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    format!("`{}`", line.join(" "))
}
