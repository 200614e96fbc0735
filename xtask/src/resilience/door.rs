//! Doorward on a core of its own, before a service that takes tokens of one issuer.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use serde_json::json;
use testbed::{Gateway, Issuer, Place};
use tokens::Algorithm;

use crate::command::{Run, program};

/// The configuration, with its service and limits to be filled in.
const DOORWARD: &str = include_str!("../../bench/overload.yaml");

/// The issuer of the token.
const ISSUER: &str = "https://idp.test";

/// The slowest to verify.
const ALGORITHM: Algorithm = Algorithm::Es512;

/// The core that Doorward has for itself.
const OURS: &str = "0";
/// The core of the load and the service.
const THEIRS: &str = "1";

/// How Doorward is configured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// How many verified tokens are kept.
    pub(crate) entries: usize,
    /// How many requests may be under way at the service.
    pub(crate) max_connections: usize,
    /// How many more may wait.
    pub(crate) max_pending: usize,
}

/// Doorward before a service. It ends when it is dropped.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    /// Of a caller that does not behave.
    other_token: String,
    gateway: Gateway,
    place: Place,
}

impl Door {
    /// Starts `binary` before `service`.
    pub(crate) fn open(binary: &Path, service: SocketAddr, setting: Setting) -> Result<Self> {
        let issuer = Issuer::new(ISSUER, ALGORITHM)?;
        let place = Place::new()?;
        place.write("keys.json", &issuer.key_set().to_string())?;
        let text = DOORWARD
            .replace("{service}", &service.to_string())
            .replace("{entries}", &setting.entries.to_string())
            .replace("{max_connections}", &setting.max_connections.to_string())
            .replace("{max_pending}", &setting.max_pending.to_string());
        place.configure(&text)?;
        let gateway = place.start(binary)?;
        let lives_on = testbed::clock::epoch_seconds() + 86_400;
        let token = |subject| {
            issuer.token(subject, "orders", json!({ "scope": "orders:read", "exp": lives_on }))
        };
        let (token, other_token) = (token("alice")?, token("mallory")?);
        Ok(Self { address: place.http(), token, other_token, gateway, place })
    }

    /// Gives Doorward a core of its own; this process, the load that it makes and the services in it get another.
    pub(crate) fn apart(self) -> Result<Self> {
        pin(self.gateway.pid(), OURS)?;
        pin(std::process::id(), THEIRS)?;
        Ok(self)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.gateway.pid()
    }

    /// The last lines that it logged.
    pub(crate) fn log(&self) -> String {
        self.place.log()
    }

    /// The head of a request with `method` for `path`, with `fields` below the token.
    pub(crate) fn head(&self, method: &str, path: &str, fields: &str) -> String {
        head(&self.token, method, path, fields)
    }

    /// The same of a caller that does not behave.
    pub(crate) fn other_head(&self, method: &str, path: &str, fields: &str) -> String {
        head(&self.other_token, method, path, fields)
    }
}

fn pin(pid: u32, core: &str) -> Result<()> {
    program("taskset")
        .args(["--all-tasks", "--pid", "--cpu-list", core, &pid.to_string()])
        .output_text()
        .map(drop)
}

fn head(token: &str, method: &str, path: &str, fields: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: orders.test\r\nAuthorization: Bearer {token}\r\n{fields}\r\n"
    )
}
