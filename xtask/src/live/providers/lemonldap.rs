//! LemonLDAP::NG's portal as an OpenID provider that is unlike the other (xtask/live/lemonldap/portal.psgi).
//!
//! It signs with RS256, its identifier ends in `/`, it answers without `iss`, takes no pushed requests, and knows no
//! back-channel logout: it has the browser load the client's `logout_uri` in a frame. Its people are dwho (groups
//! timelords and users), rtyler and msmith (earthlings and users); their passwords are their names. Scopes give claims:
//! `profile`, `email`, `groups`.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};
use testbed::{Place, Port};

use crate::command::root;
use crate::install::debian;
use crate::live::browser::Tab;
use crate::peer::Peer;

/// More than one, as its sign-out may call a client that calls it.
const WORKERS: &str = "3";

/// The provider. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Lemonldap {
    port: Port,
    _peer: Peer,
}

impl Lemonldap {
    /// Installs it and starts it in a folder of its own in `place`, with one client: `client_id`, `client_secret`,
    /// `redirect_uris`, `post_logout_redirect_uris` and `logout_uri`.
    pub(crate) fn start(place: &Place, client: &Value) -> Result<Self> {
        // The portal's package wants one web server or another; with this one there, apt-get looks for no other.
        debian::tool(&debian::NGINX)?;
        debian::perl(&debian::LEMONLDAP)?;
        let (port, folder) = (Port::reserve()?, place.path("lemonldap"));
        std::fs::create_dir_all(&folder)?;
        let mut options = json!({ "port": port.address().port(), "folder": folder });
        for (key, value) in client.as_object().into_iter().flatten() {
            if let Some(options) = options.as_object_mut() {
                options.insert(key.clone(), value.clone());
            }
        }
        let mut command = Command::new(debian::tool(&debian::STARMAN)?);
        command
            .args(["--workers", WORKERS, "--listen", &port.address().to_string()])
            .arg(root().join("xtask/live/lemonldap/portal.psgi"))
            .env("OPTIONS", options.to_string());
        let peer = Peer::logging("LemonLDAP::NG", &mut command, &folder, port.address())?;
        Ok(Self { port, _peer: peer })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its identifier, which ends in `/`.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}/", self.address())
    }

    /// Signs `user` in at the page that `tab` shows.
    pub(crate) fn sign_in(&self, tab: &Tab, user: &str) -> Result<()> {
        tab.fill("[name=user]", user)?;
        tab.fill("[name=password]", user)?;
        tab.click("form button[type=submit]")
    }

    /// Goes on from the page that `tab` shows when it has signed someone out, whose frames tell the clients.
    pub(crate) fn go_on(&self, tab: &Tab) -> Result<()> {
        tab.click("text=Continue")
    }
}
