//! What every scenario starts from: the binary, and configurations that differ in what the scenario is about.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use testbed::{Issuer, Place, client};
use tokens::Algorithm;

use crate::command::{Run, cargo, target};

/// Where scenarios are played.
#[derive(Debug)]
pub(crate) struct Stage {
    binary: PathBuf,
    soak: bool,
}

/// The issuer that scenarios without a foreign one use.
pub(crate) const ISSUER: &str = "https://idp.corp.test";

impl Stage {
    /// Sets it for `binary`, or for one that is built first.
    pub(crate) fn set(binary: Option<&Path>, soak: bool) -> Result<Self> {
        let binary = match binary {
            Some(binary) => std::path::absolute(binary)?,
            None => {
                // As the tests are built, so that what they have built is not built again with other features.
                cargo().args(["test", "--quiet", "--workspace", "--no-run"]).done()?;
                target("debug/doorward")
            }
        };
        ensure!(binary.is_file(), "there is no {}", binary.display());
        Ok(Self { binary, soak })
    }

    /// The binary.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Whether this is the long tier.
    pub(crate) fn is_soak(&self) -> bool {
        self.soak
    }

    /// How long a load lasts around each change.
    pub(crate) fn spell(&self) -> Duration {
        Duration::from_secs(if self.soak { 15 } else { 2 })
    }

    /// How many times what is repeated is repeated.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        if self.soak { usual * 3 } else { usual }
    }

    /// Runs the binary with `words` in `place`, and tells what it printed.
    pub(crate) fn doorward(&self, place: &Place, words: &[&str]) -> Result<String> {
        crate::command::program(&self.binary).args(words).current_dir(place.path("")).output_text()
    }
}

/// A house with one service `orders` at `endpoints`, opened by tokens of a key that the test holds.
pub(crate) fn house(endpoints: &[String]) -> Result<(Place, Issuer)> {
    let issuer = Issuer::new(ISSUER, Algorithm::Es256)?;
    let place = Place::new()?;
    place.write("keys.json", &issuer.key_set().to_string())?;
    place.configure(&with_issuer(endpoints, &file_issuer()))?;
    Ok((place, issuer))
}

/// The section of an issuer whose keys are in a file.
pub(crate) fn file_issuer() -> String {
    format!("    issuer: {ISSUER}\n    keys: {{ file: keys.json }}\n")
}

/// A configuration with the service `orders` at `endpoints` and this section for its one issuer.
pub(crate) fn with_issuer(endpoints: &[String], issuer: &str) -> String {
    format!(
        "data_threads: 1
issuers:
  corp:
{issuer}    algorithms: [ES256]
    token_types: [at+jwt]
services:
  orders:
    audience: orders
    endpoints: {endpoints:?}
    identity: {{ headers: {{ X-Forwarded-User: subject }} }}
  billing:
    audience: billing
    endpoints: {endpoints:?}
routes:
  - name: read-order
    match: {{ host: orders.test, path: \"/orders/**\", methods: [\"*\"] }}
    service: orders
    accept: [corp]
    allow: [{{ scopes: [\"orders:read\"] }}]
  - name: read-bill
    match: {{ host: orders.test, path: \"/bills/**\", methods: [\"*\"] }}
    service: billing
    accept: [corp]
    allow: [{{ scopes: [\"orders:read\"] }}]
"
    )
}

/// A token that opens `orders`.
pub(crate) fn token(issuer: &Issuer) -> Result<String> {
    issuer.token("alice", "orders", json!({ "scope": "orders:read" }))
}

/// A request for `path` with `token`.
pub(crate) fn request(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: orders.test\r\nAuthorization: Bearer {token}\r\n\r\n")
}

/// Asks for `path` with `token` and expects `status`.
pub(crate) fn expect(place: &Place, path: &str, token: &str, status: u16) -> Result<()> {
    let reply = client::ask(place.http(), &request(path, token))?;
    ensure!(
        reply.status == status,
        "{path}: expected {status}, got {} {}",
        reply.status,
        reply.text()
    );
    Ok(())
}
