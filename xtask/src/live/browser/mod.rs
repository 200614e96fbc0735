//! Chromium as a process, driven as a person drives it (xtask/live/browser/driver.mjs, with npm's playwright-core).

mod itself;
mod person;
mod tab;
mod wire;

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use testbed::Place;
use testbed::clock::until;

use self::wire::Wire;
use super::Listed;
use crate::command::{Run, program, root};
use crate::install::{debian, node};

pub(crate) use self::person::{Cookie, Person};
pub(crate) use self::tab::{Look, Page, Tab};

pub(super) const SCENARIOS: Listed =
    &[("a_browser_does_and_tells_what_a_test_asks_of_it", itself::play)];

/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an element, a text or a URL may take to be there, in milliseconds.
const ELEMENT_PATIENCE: u32 = 15_000;

/// The browser. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Browser {
    wire: Arc<Wire>,
    child: Child,
}

impl Browser {
    /// Installs it and starts it, with its profile and its log in `place`.
    ///
    /// Each host of `hosts` (a pattern such as `*.example.test`) is at its address, whatever port a URL says; so
    /// `https://orders.example.test/` needs none. Beyond them it reaches 127.0.0.1 and nothing else. It believes the
    /// authority in the PEM file `authority` beside those that everyone believes.
    pub(crate) fn start(
        place: &Place,
        hosts: &[(&str, SocketAddr)],
        authority: &Path,
    ) -> Result<Self> {
        let home = place.path("browser");
        believe(&home, authority)?;
        let rules: String =
            hosts.iter().map(|(host, address)| format!("MAP {host} {address}, ")).collect();
        let options = json!({
            "program": debian::tool(&debian::CHROMIUM)?,
            "hosts": format!("{rules}MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
            "patience": ELEMENT_PATIENCE,
        });
        let scripts = node::install(&root().join("xtask/live/browser"))?;
        let mut child = Command::new("node")
            .arg(scripts.join("driver.mjs"))
            .arg(options.to_string())
            .env("HOME", &home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(place.path("browser.log"))?)
            .spawn()
            .context("cannot start node; it takes Node 20 or later")?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.context("a piped process can be talked to")?;
        Ok(Self { wire: Wire::new(input, output, place.path("browser.log")), child })
    }

    /// Someone new at it, without cookies: a profile of its own.
    pub(crate) fn person(&self) -> Result<Person> {
        Person::new(&self.wire, &json!({}))
    }

    /// Someone new whose pages run no scripts.
    pub(crate) fn person_without_scripts(&self) -> Result<Person> {
        Person::new(&self.wire, &json!({ "javaScriptEnabled": false }))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.wire.hang_up();
        if until("the browser to end", PATIENCE, || Ok(self.child.try_wait()?)).is_err() {
            // Chromium ends with what drives it. It may have ended already; either way it is gone after this.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Puts the authority among those that Chromium believes for who lives at `home`.
fn believe(home: &Path, authority: &Path) -> Result<()> {
    let store = home.join(".pki/nssdb");
    std::fs::create_dir_all(&store)?;
    let certutil = debian::tool(&debian::CERTUTIL)?;
    let at = format!("sql:{}", store.display());
    program(&certutil).args(["-d", &at, "-N", "--empty-password"]).output_text()?;
    program(&certutil)
        .args(["-d", &at, "-A", "-n", "authority", "-t", "C,,", "-i"])
        .arg(authority)
        .output_text()
        .map(drop)
}
