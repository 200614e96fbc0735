//! npm's oidc-provider as an OpenID provider at which people sign in (xtask/live/oidc/sign_in.mjs).
//!
//! Its people are alice (groups support and engineering), bob (support) and carol (none, and an e-mail address that is
//! not verified); their passwords are `alice-password` and so on. Scopes give claims: `profile`, `email`, `groups`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testbed::{Place, Port};

use super::endpoints::Endpoints;
use crate::command::root;
use crate::install::node;
use crate::live::browser::Tab;
use crate::peer::Peer;

/// The assurance of a sign-in with a password alone.
pub(crate) const PASSWORD: &str = "urn:example:password";
/// The assurance of a sign-in with a second factor. Whoever asks for it in `acr_values` gets it.
pub(crate) const SECOND_FACTOR: &str = "urn:example:mfa";
/// What the second factor shows, always.
const CODE: &str = "246810";

/// The provider. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Openid {
    name: String,
    port: Port,
    folder: PathBuf,
    authority: PathBuf,
    peer: Option<Peer>,
}

impl Openid {
    /// Installs it and starts it in a folder `name` of `place`. `clients` are as in OpenID Connect Dynamic Client
    /// Registration; what they leave out is `authorization_code` and `refresh_token`, `client_secret_basic`, ES256. It
    /// believes the authority in the PEM file `authority` too, and finds all hosts under `.test` at 127.0.0.1.
    pub(crate) fn start(
        place: &Place,
        name: &str,
        clients: &Value,
        authority: PathBuf,
    ) -> Result<Self> {
        let (port, folder) = (Port::reserve()?, place.path(name));
        std::fs::create_dir_all(&folder)?;
        let options = json!({
            "port": port.address().port(),
            "name": name,
            "clients": clients,
            "state": folder.join("state.json"),
        });
        std::fs::write(folder.join("options.json"), options.to_string())?;
        let mut provider = Self { name: name.to_owned(), port, folder, authority, peer: None };
        provider.recover()?;
        Ok(provider)
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its identifier, and the URL that everything else of it is discovered from.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Signs `user` in with the password at the page that `tab` shows.
    pub(crate) fn sign_in(&self, tab: &Tab, user: &str) -> Result<()> {
        tab.until_text(&format!("Sign in at {}", self.name))?;
        tab.fill("[name=user]", user)?;
        tab.fill("[name=password]", &format!("{user}-password"))?;
        tab.click("role=button[name=\"Sign in\"]")
    }

    /// Shows the second factor, and nothing else, at the page that `tab` shows.
    pub(crate) fn step_up(&self, tab: &Tab) -> Result<()> {
        tab.until_text(&format!("Sign in at {}", self.name))?;
        tab.fill("[name=code]", CODE)?;
        tab.click("role=button[name=\"Sign in\"]")
    }

    /// Says no at the page that `tab` shows.
    pub(crate) fn cancel(&self, tab: &Tab) -> Result<()> {
        tab.until_text(&format!("Sign in at {}", self.name))?;
        tab.click("role=button[name=\"Cancel\"]")
    }

    /// Puts a new signing key before the old ones.
    pub(crate) fn rotate(&self) -> Result<()> {
        self.endpoints().control("rotate").map(drop)
    }

    /// Drops all keys but the one it signs with.
    pub(crate) fn retire(&self) -> Result<()> {
        self.endpoints().control("retire").map(drop)
    }

    /// Signs with the oldest key that the last [`Openid::retire`] has dropped, which it does not publish any more.
    pub(crate) fn relapse(&self) -> Result<()> {
        self.endpoints().control("relapse").map(drop)
    }

    /// Its endpoints: `/auth`, `/token`, `/jwks`, `/me` (userinfo), `/request` (pushed authorization requests),
    /// `/session/end`, `/.well-known/openid-configuration`.
    pub(crate) fn endpoints(&self) -> Endpoints {
        Endpoints::new(self.address())
    }

    /// Ends sign-ins with `error` (`access_denied`, `server_error`) from now on, or no more.
    pub(crate) fn refuse(&self, error: Option<&str>) -> Result<()> {
        self.endpoints().control(&format!("refuse?error={}", error.unwrap_or_default())).map(drop)
    }

    /// Ends the sessions of `user`, whose refresh tokens go with them, and tells the clients by back-channel logout:
    /// what came of each, `web: told` or `web: ` and what went wrong.
    pub(crate) fn end_sessions(&self, user: &str) -> Result<Vec<String>> {
        let told = self.endpoints().control(&format!("end?user={user}"))?;
        let told = told.as_array().context("expected a list")?;
        Ok(told.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Revokes the refresh tokens of `user`.
    pub(crate) fn revoke(&self, user: &str) -> Result<()> {
        self.endpoints().control(&format!("revoke?user={user}")).map(drop)
    }

    /// Puts `user` into `groups`, and no others; tokens say so from the next refresh or sign-in on.
    pub(crate) fn set_groups(&self, user: &str, groups: &[&str]) -> Result<()> {
        self.endpoints()
            .control(&format!("groups?user={user}&groups={}", groups.join(",")))
            .map(drop)
    }

    /// Ends it, as an outage would.
    pub(crate) fn fail(&mut self) {
        self.peer = None;
    }

    /// Starts it again, at the same place with the same keys, sessions and tokens.
    pub(crate) fn recover(&mut self) -> Result<()> {
        let scripts = node::install(&root().join("xtask/live/oidc"))?;
        let mut command = Command::new("node");
        command
            .arg(scripts.join("sign_in.mjs"))
            .arg(self.folder.join("options.json"))
            .env("NODE_EXTRA_CA_CERTS", &self.authority);
        let started = Peer::logging(&self.name, &mut command, &self.folder, self.address());
        self.peer = Some(started.context("it takes Node 20 or later")?);
        Ok(())
    }
}
