//! A provider in the shape of GitHub's (xtask/live/github/provider.mjs): OAuth 2.0 without OpenID Connect.
//!
//! Its people are alice (583231, alice@corp.test, in corp and labs) and bob (1024025, a private address, in org-1 to
//! org-35, which takes two pages).

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;
use testbed::{Place, Port};

use super::endpoints::Endpoints;
use crate::command::root;
use crate::live::browser::Tab;
use crate::peer::Peer;

/// The number of alice.
pub(crate) const ALICE: u64 = 583_231;

/// The provider. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Github {
    port: Port,
    _peer: Peer,
}

impl Github {
    /// Starts it with one client, to which people are sent back below `callback`; its log is in `place`.
    pub(crate) fn start(place: &Place, id: &str, secret: &str, callback: &str) -> Result<Self> {
        let port = Port::reserve()?;
        let options = json!({
            "port": port.address().port(),
            "client_id": id,
            "client_secret": secret,
            "callback": callback,
        });
        let mut command = Command::new("node");
        command.arg(root().join("xtask/live/github/provider.mjs")).arg(options.to_string());
        let peer = Peer::logging("github", &mut command, &place.path(""), port.address());
        Ok(Self { port, _peer: peer.context("it takes Node 20 or later")? })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The URL of one of its endpoints: `/login/oauth/authorize`, `/login/oauth/access_token`, `/user`, `/user/orgs`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Its endpoints, by the same paths.
    pub(crate) fn endpoints(&self) -> Endpoints {
        Endpoints::new(self.address())
    }

    /// Agrees as `login` at the page that `tab` shows. Who has agreed before is not asked.
    pub(crate) fn authorize(&self, tab: &Tab, login: &str) -> Result<()> {
        tab.fill("[name=login]", login)?;
        tab.click("role=button[name=\"Authorize\"]")
    }

    /// Says no at the page that `tab` shows.
    pub(crate) fn cancel(&self, tab: &Tab) -> Result<()> {
        tab.click("role=button[name=\"Cancel\"]")
    }

    /// Gives the person with this number another `login`.
    pub(crate) fn rename(&self, id: u64, login: &str) -> Result<()> {
        self.endpoints().control(&format!("rename?id={id}&login={login}")).map(drop)
    }

    /// Puts the person with this number into `orgs`, and no others.
    pub(crate) fn set_orgs(&self, id: u64, orgs: &[&str]) -> Result<()> {
        self.endpoints().control(&format!("orgs?id={id}&orgs={}", orgs.join(","))).map(drop)
    }

    /// Revokes the tokens of the person with this number.
    pub(crate) fn revoke(&self, id: u64) -> Result<()> {
        self.endpoints().control(&format!("revoke?id={id}")).map(drop)
    }
}
