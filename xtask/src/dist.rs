//! `cargo xtask dist`: the binary that ships, built twice.
//!
//! The first one counts what it does while it is put through its paces; the second is laid out by that (profile-guided
//! optimisation): what is done for every request stands together and is fast, the rest is small and out of the way. What
//! it does is the same.

pub(crate) mod paces;

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::{Run, cargo, program, root, target};

/// The profile that ships. The first binary has it too: another has other names for the same functions, and what was
/// counted under one is not found under the other.
const PROFILE: &str = "dist";
/// The flags for the first one, which writes down in the end what it has counted. It is not optimised as a whole, which
/// takes long and is not what is counted.
const COUNTING: &str = "-Cprofile-generate -Clinker-plugin-lto=no -Clto=off";

/// Builds the binary that ships.
#[derive(Debug, clap::Args)]
pub(crate) struct Dist;

impl Dist {
    /// Builds it, and tells where it is.
    pub(crate) fn run(&self) -> Result<()> {
        println!("{}", built()?.display());
        Ok(())
    }
}

/// The binary that ships, after building it.
pub(crate) fn built() -> Result<PathBuf> {
    let rust = Rust::installed()?;
    println!("building doorward so that it counts what it does");
    let counting = rust.build(&target("counting"), COUNTING)?;
    let counts = rust.counts(&counting)?;
    println!("building doorward by what it was seen to do");
    let built = rust.build(&target(""), &format!("-Cprofile-use={}", counts.display()))?;
    let shipped = target("shipped");
    fs::create_dir_all(&shipped)?;
    let shipped = shipped.join("doorward");
    // A process may still run the one before.
    let draft = shipped.with_extension("new");
    fs::copy(&built, &draft)?;
    fs::rename(&draft, &shipped)?;
    Ok(shipped)
}

/// Gives `command` the environment in which the binary that ships is run: that of its service unit, where a line sets one
/// variable, without quotes.
pub(crate) fn environment(command: &mut Command) -> Result<()> {
    let unit = fs::read_to_string(root().join("packaging/systemd/doorward.service"))?;
    for variable in unit.lines().filter_map(|line| line.strip_prefix("Environment=")) {
        let (name, value) = variable.split_once('=').context("a variable has a value")?;
        command.env(name, value);
    }
    Ok(())
}

/// The toolchain.
struct Rust {
    host: String,
    /// LLVM's tool that sums counters up.
    profdata: PathBuf,
}

impl Rust {
    fn installed() -> Result<Self> {
        let rustc = || program(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        let said = rustc().arg("-vV").output_text()?;
        let host = said.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("rustc tells its host")?.to_owned();
        let sysroot = rustc().args(["--print", "sysroot"]).output_text()?;
        let profdata =
            Path::new(sysroot.trim()).join("lib/rustlib").join(&host).join("bin/llvm-profdata");
        if !profdata.exists() {
            program("rustup").args(["component", "add", "llvm-tools"]).done()?;
        }
        ensure!(profdata.exists(), "expected {} after installing it", profdata.display());
        Ok(Self { host, profdata })
    }

    /// Builds the product with these flags, which are for it alone: not for what only builds.
    fn build(&self, folder: &Path, flags: &str) -> Result<PathBuf> {
        let mut command = cargo();
        command.args(["build", "--quiet", "--locked", "--package", "doorward"]);
        command.args(["--profile", PROFILE, "--target", &self.host, "--target-dir"]).arg(folder);
        command.env("RUSTFLAGS", flags).done()?;
        Ok(folder.join(&self.host).join(PROFILE).join("doorward"))
    }

    /// What this binary was seen to do, in a file that is named for it: another one is built anew by another.
    fn counts(&self, counting: &Path) -> Result<PathBuf> {
        let mut name = DefaultHasher::new();
        fs::read(counting)?.hash(&mut name);
        let file = target(&format!("counting/{:016x}.profdata", name.finish()));
        if file.exists() {
            return Ok(file);
        }
        let folder = tempfile::tempdir()?;
        paces::put_through(counting, folder.path())?;
        let draft = file.with_extension("new");
        let mut command = program(&self.profdata);
        command.args(["merge", "--output"]).arg(&draft).arg(folder.path()).done()?;
        fs::rename(&draft, &file)?;
        Ok(file)
    }
}
