//! LemonLDAP::NG's portal as a provider with SAML (xtask/live/lemonldap/saml.psgi): the people of the one with OpenID
//! Connect. What it is told, it is told when it starts; who is signed in stays so.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};
use testbed::{Place, Port, RsaPair};

use crate::command::root;
use crate::install::debian;
use crate::peer::Peer;

/// More than one, as a page of its sign-out loads another.
const WORKERS: &str = "3";

/// The provider. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct LemonldapSaml {
    port: Port,
    folder: PathBuf,
    pair: RsaPair,
    peer: Option<Peer>,
}

impl LemonldapSaml {
    /// Installs it, in a folder of its own in `place` with this key; it is not started yet.
    pub(crate) fn prepare(place: &Place, pair: &RsaPair) -> Result<Self> {
        debian::tool(&debian::NGINX)?;
        debian::perl(&debian::LEMONLDAP)?;
        debian::packages(&debian::LEMONLDAP_SAML)?;
        let (port, folder) = (Port::reserve()?, place.path("lemonldap"));
        std::fs::create_dir_all(&folder)?;
        Ok(Self { port, folder, pair: pair.clone(), peer: None })
    }

    /// Starts it for whom this metadata is, as `options` say; in place of the one that runs, if one does.
    pub(crate) fn start(&mut self, metadata: &str, options: &Value) -> Result<()> {
        self.peer = None;
        let all = json!({
            "port": self.address().port(),
            "folder": self.folder,
            "key": self.pair.key,
            "certificate": self.pair.certificate,
            "sps": { "doorward": { "metadata": metadata, "options": options } },
        });
        let mut command = Command::new(debian::tool(&debian::STARMAN)?);
        command
            // A connection that is kept holds a whole worker.
            .args(["--workers", WORKERS, "--disable-keepalive"])
            .args(["--listen", &self.address().to_string()])
            .arg(root().join("xtask/live/lemonldap/saml.psgi"))
            .env("OPTIONS", all.to_string());
        let peer = Peer::logging("LemonLDAP::NG", &mut command, &self.folder, self.address())?;
        self.peer = Some(peer);
        Ok(())
    }

    /// Its entity ID.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}/saml/metadata", self.address())
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }
}
