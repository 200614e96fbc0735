//! SimpleSAMLphp as a provider with SAML (xtask/live/simplesamlphp), run by PHP's own server.
//!
//! Its people are alice (groups support and engineering) and bob (sales); their passwords are `NAME-password`. It reads
//! its options anew at each request.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testbed::{Place, Port, RsaPair};

use crate::command::root;
use crate::install::debian;
use crate::live::browser::Tab;
use crate::peer::Peer;

/// Where it is installed.
const HOME: &str = "/usr/share/simplesamlphp/www";

/// The provider. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Simplesamlphp {
    port: Port,
    folder: PathBuf,
    options: Mutex<Value>,
    _peer: Peer,
}

impl Simplesamlphp {
    /// Installs it and starts it in a folder of its own in `place`, with this key, and nobody to sign people in for.
    pub(crate) fn start(place: &Place, pair: &RsaPair) -> Result<Self> {
        // Its packages want one web server or another; with this one there, apt-get looks for no other.
        debian::tool(&debian::NGINX)?;
        for package in &debian::PHP {
            debian::tool(package)?;
        }
        debian::packages(&debian::SIMPLESAMLPHP)?;
        let (port, folder) = (Port::reserve()?, place.path("simplesamlphp"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("idp.key"), &pair.key)?;
        std::fs::write(folder.join("idp.crt"), &pair.certificate)?;
        let person = |name: &str, groups: &[&str]| json!({ "uid": [name], "email": [format!("{name}@corp.test")], "groups": groups });
        let options = json!({
            "port": port.address().port(),
            "users": {
                "alice:alice-password": person("alice", &["support", "engineering"]),
                "bob:bob-password": person("bob", &["sales"]),
            },
            // Logout is neither signed nor verified unless it says so.
            "idp": {
                "sign.logout": true,
                "validate.logout": true,
                "metadata.sign.enable": true,
                "metadata.sign.algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                "metadata.sign.privatekey": "idp.key",
                "metadata.sign.certificate": "idp.crt",
            },
            "sps": {},
        });
        std::fs::write(folder.join("options.json"), options.to_string())?;
        // PHP ends with the process that started it.
        let mut command = Command::new("setpriv");
        command
            .args([
                "--pdeathsig",
                "KILL",
                "php",
                "-d",
                "opcache.enable=0",
                "-d",
                "display_errors=0",
            ])
            .args(["-d", "log_errors=1", "-d", "error_log=", "-S", &port.address().to_string()])
            .args(["-t", HOME])
            .env("SIMPLESAMLPHP_CONFIG_DIR", root().join("xtask/live/simplesamlphp"))
            .env("SAML_FOLDER", &folder);
        let peer = Peer::logging("SimpleSAMLphp", &mut command, &folder, port.address())?;
        Ok(Self { port, folder, options: Mutex::new(options), _peer: peer })
    }

    /// Its entity ID, which is where its metadata is.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}/saml2/idp/metadata.php", self.address())
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Where a browser goes to sign out with it, and is sent on to `to`.
    pub(crate) fn sign_out_url(&self, to: &str) -> String {
        let to = super::encoded(&[("ReturnTo", to)]);
        format!("http://{}/saml2/idp/SingleLogoutService.php?{to}", self.address())
    }

    /// Signs people in from now on for whom this metadata is, as `options` say.
    pub(crate) fn know(&self, entity: &str, metadata: &str, options: &Value) -> Result<()> {
        std::fs::write(self.folder.join("sp.xml"), metadata)?;
        let mut entry = json!({ "xml": "sp.xml" });
        merge(&mut entry, options);
        self.change(&json!({ "sps": { entity: entry } }))
    }

    /// Changes its own options: members of `idp`, and others.
    pub(crate) fn change(&self, changes: &Value) -> Result<()> {
        let mut options = self.options.lock().ok().context("another test has failed")?;
        merge(&mut options, changes);
        let beside = self.folder.join("options.new");
        std::fs::write(&beside, options.to_string())?;
        Ok(std::fs::rename(beside, self.folder.join("options.json"))?)
    }

    /// A file of its own, for options to name.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.folder.join(name), text)?)
    }

    /// Signs `user` in at the page that `tab` shows.
    pub(crate) fn sign_in(&self, tab: &Tab, user: &str) -> Result<()> {
        tab.fill("[name=username]", user)?;
        tab.fill("[name=password]", &format!("{user}-password"))?;
        tab.click("#submit_button")
    }
}

/// Puts the members of `changes` into `into`, and those of objects within; `null` takes one away.
fn merge(into: &mut Value, changes: &Value) {
    let (Some(into), Some(changes)) = (into.as_object_mut(), changes.as_object()) else { return };
    for (key, change) in changes {
        match (into.get_mut(key), change) {
            (_, Value::Null) => drop(into.remove(key)),
            (Some(inner), Value::Object(_)) if inner.is_object() => merge(inner, change),
            _ => drop(into.insert(key.clone(), change.clone())),
        }
    }
}
