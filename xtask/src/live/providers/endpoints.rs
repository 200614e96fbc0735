//! The endpoints of a provider that is a script of ours, and what a test does to them (`/test/…`).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use testbed::client;

/// The endpoints of a provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoints(SocketAddr);

/// What goes wrong with requests to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They are never answered.
    Hang,
    /// They are answered with this status and no JSON.
    Status(u16),
}

impl Endpoints {
    /// Those of the provider at `address`.
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    /// Lets requests for `path` go wrong from now on.
    pub(crate) fn fail(self, path: &str, fault: Fault) -> Result<()> {
        let how = match fault {
            Fault::Hang => "hang".to_owned(),
            Fault::Status(status) => status.to_string(),
        };
        self.control(&format!("fault?path={path}&how={how}")).map(drop)
    }

    /// Answers requests for `path` again.
    pub(crate) fn heal(self, path: &str) -> Result<()> {
        self.control(&format!("fault?path={path}&how=none")).map(drop)
    }

    /// How many requests there were for each path since the last call.
    pub(crate) fn counts(self) -> Result<BTreeMap<String, u64>> {
        let counts = self.control("counts")?;
        let counts = counts.as_object().context("expected counts")?;
        Ok(counts.iter().map(|(k, v)| (k.clone(), v.as_u64().unwrap_or_default())).collect())
    }

    /// Has the script do `what`, a name and a query, and hands over what it answers.
    pub(super) fn control(self, what: &str) -> Result<Value> {
        let reply = client::get(self.0, &format!("/test/{what}"))?;
        ensure!(reply.status == 200, "{what}: {} {}", reply.status, reply.text());
        Ok(serde_json::from_str(&reply.text())?)
    }
}
