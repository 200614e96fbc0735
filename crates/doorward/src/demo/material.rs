//! The demo's configuration and policies.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Ports;
use super::provider::GATE_SECRET;
use crate::config::{Loaded, Machine, Report, Surroundings};

/// The name of the configuration in an ejected directory.
pub const CONFIG_FILE: &str = "doorward.yaml";

const CONFIG: &str = include_str!("doorward.yaml");
const POLICIES: &str = include_str!("invoices.cedar");
const POLICIES_FILE: &str = "policies/invoices.cedar";

/// Where the configuration refers to for the secret that the gate shares with the provider.
const SECRET_FILE: &str = "secrets/doorward";

fn config(ports: Ports, audit: &Path, ledger: &Path) -> String {
    [
        ("GATE_PORT", ports.gate),
        ("ADMIN_PORT", ports.admin),
        ("PROVIDER_PORT", ports.provider),
        ("ORDERS_PORT", ports.orders),
        ("BILLING_PORT", ports.billing),
    ]
    .into_iter()
    .fold(CONFIG.to_owned(), |text, (name, port)| text.replace(name, &port.to_string()))
    .replace("AUDIT_DIRECTORY", &audit.display().to_string())
    .replace("LEDGER_FILE", &ledger.display().to_string())
}

/// The built-in configuration, read as a file would be; what it writes is in `state`.
pub(super) fn load(ports: Ports, state: &Path) -> Result<Loaded, Report> {
    let text = config(ports, &state.join("audit"), &state.join("ledger.db"));
    Loaded::parse(CONFIG_FILE, &text, Path::new("."), &BuiltIn)
}

/// Writes the configuration and its policies to a new directory, for editing.
///
/// # Errors
/// When something is there already, or cannot be written.
pub fn eject(ports: Ports, directory: &Path) -> io::Result<Vec<PathBuf>> {
    let files: BTreeMap<PathBuf, String> = [
        (
            directory.join(CONFIG_FILE),
            config(ports, Path::new("audit"), Path::new("ledger/ledger.db")),
        ),
        (directory.join(POLICIES_FILE), POLICIES.to_owned()),
        (directory.join(SECRET_FILE), GATE_SECRET.to_owned()),
    ]
    .into();
    for (path, text) in &files {
        if path.exists() {
            let message = format!("`{}` is there already, and is not overwritten", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(files.into_keys().collect())
}

/// The policies and the secret, without a file system.
#[derive(Debug)]
struct BuiltIn;

impl Surroundings for BuiltIn {
    fn environment(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        if path.ends_with(POLICIES_FILE) {
            Ok(POLICIES.as_bytes().to_vec())
        } else if path.ends_with(SECRET_FILE) {
            Ok(GATE_SECRET.as_bytes().to_vec())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(vec![directory.join("invoices.cedar")])
    }

    fn processors(&self) -> usize {
        Machine.processors()
    }
}
