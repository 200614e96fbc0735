//! npm's oidc-provider as a process: an issuer that we did not write.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::clock::until;
use testbed::{Place, Port, client};

use crate::command::root;
use crate::install::node;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The client's id and secret (provider.mjs) as HTTP Basic.
const CREDENTIAL: &str = "cmVwb3J0ZXI6cmVwb3J0ZXItc2VjcmV0LW9mLXRoZS1saXZlLXRlc3Q=";

/// The provider. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Provider {
    port: Port,
    child: Child,
}

impl Provider {
    /// Installs it and starts it; it keeps its keys and its log in `place`.
    pub(crate) fn start(place: &Place) -> Result<Self> {
        let port = Port::reserve()?;
        let child = spawn(place, port.address())?;
        let provider = Self { port, child };
        provider.until_it_answers(place)?;
        Ok(provider)
    }

    /// Its identifier, and the URL that its keys are discovered from.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.port.address())
    }

    /// A new access token for `orders`.
    pub(crate) fn token(&self) -> Result<String> {
        let form = "grant_type=client_credentials&scope=orders%3Aread";
        let address = self.port.address();
        let reply = client::ask(
            address,
            &format!(
                "POST /token HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {CREDENTIAL}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{form}",
                form.len()
            ),
        )?;
        let answer: serde_json::Value = serde_json::from_str(&reply.text())?;
        let token = answer.get("access_token").and_then(serde_json::Value::as_str);
        Ok(token.with_context(|| format!("expected an access token, got {answer}"))?.to_owned())
    }

    /// Puts a new signing key before the old ones.
    pub(crate) fn rotate(&self) -> Result<()> {
        self.control("/test/rotate")
    }

    /// Drops all keys but the one it signs with.
    pub(crate) fn retire(&self) -> Result<()> {
        self.control("/test/retire")
    }

    /// Ends it, as an outage would.
    pub(crate) fn fail(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again, at the same place with the same keys.
    pub(crate) fn recover(&mut self, place: &Place) -> Result<()> {
        self.child = spawn(place, self.port.address())?;
        self.until_it_answers(place)
    }

    fn control(&self, path: &str) -> Result<()> {
        let reply = client::get(self.port.address(), path)?;
        ensure!(reply.status == 200, "{path} answered {}", reply.status);
        Ok(())
    }

    fn until_it_answers(&self, place: &Place) -> Result<()> {
        until("the OpenID provider", PATIENCE, || {
            let reply = client::get(self.port.address(), "/.well-known/openid-configuration");
            Ok(reply.ok().filter(|reply| reply.status == 200).map(drop))
        })
        .with_context(|| std::fs::read_to_string(place.path("provider.log")).unwrap_or_default())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(place: &Place, address: SocketAddr) -> Result<Child> {
    let home = node::install(&root().join("xtask/live/oidc"))?;
    let log = File::create(place.path("provider.log"))?;
    Command::new("node")
        .arg(home.join("provider.mjs"))
        .arg(address.port().to_string())
        .arg(place.path("provider-keys.json"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start node; it takes Node 20 or later")
}
