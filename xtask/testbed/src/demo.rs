//! `doorward demo` as a process, with a configuration of the test's own: people sign in with the demo's providers.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::browser::Browser;
use crate::gateway::Gateway;
use crate::{client, clock};

/// How long it may take to become ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running demo. It is killed when dropped.
#[derive(Debug)]
pub struct Demo {
    folder: TempDir,
    first: u16,
    binary: PathBuf,
    gateway: Option<Gateway>,
}

impl Demo {
    /// Starts `binary` and waits until it is ready. In `config`, `{gate}`, `{admin}` and `{provider}` are ports,
    /// `{folder}` is a folder of its own, where the file `secret` holds the secret of the client `doorward`, and
    /// `{service}` is `service`.
    ///
    /// # Errors
    /// When it does not start; the error quotes what it logged.
    pub fn start(binary: &Path, config: &str, service: SocketAddr) -> Result<Self> {
        Self::start_with(binary, config, service, &[])
    }

    /// The same, with files of these names and contents in the folder.
    ///
    /// # Errors
    /// When it does not start; the error quotes what it logged.
    pub fn start_with(
        binary: &Path,
        config: &str,
        service: SocketAddr,
        files: &[(&str, String)],
    ) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("doorward-").tempdir()?;
        let first = five_free_ports()?;
        let values = [
            ("{gate}", first.to_string()),
            ("{admin}", (first + 1).to_string()),
            ("{provider}", (first + 2).to_string()),
            ("{service}", service.to_string()),
            ("{folder}", folder.path().display().to_string()),
        ];
        let fill = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        let config = values.iter().fold(config.to_owned(), fill);
        std::fs::write(folder.path().join("doorward.yaml"), config)?;
        std::fs::write(folder.path().join("secret"), "doorward")?;
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text)?;
        }
        let mut demo = Self { folder, first, binary: binary.to_owned(), gateway: None };
        demo.run()?;
        Ok(demo)
    }

    /// Starts it again, in place of the one that runs if one does, with what it has kept.
    ///
    /// # Errors
    /// When it does not start; the error quotes what it logged.
    pub fn run(&mut self) -> Result<()> {
        self.stop();
        let child = Command::new(&self.binary)
            .args(["demo", "--with"])
            .arg(self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.path("log"))?)
            .spawn()?;
        self.gateway = Some(child.into());
        self.until_ready()
    }

    /// Ends it, as a crash would.
    pub fn stop(&mut self) {
        self.gateway = None;
    }

    fn until_ready(&self) -> Result<()> {
        let admin = self.admin();
        clock::until("the gate to be ready", PATIENCE, || {
            let ready = client::get(admin, "/readyz").ok();
            let ready = ready.filter(|reply| reply.text().contains("\"status\": \"ready\""));
            Ok(ready.map(drop))
        })
        .with_context(|| std::fs::read_to_string(self.path("log")).unwrap_or_default())
    }

    /// Its operator's port.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.first + 1))
    }

    /// Its process id.
    ///
    /// # Errors
    /// When it was stopped.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.gateway.as_ref().context("it was stopped")?.pid())
    }

    /// A file or folder of its own.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new browser.
    #[must_use]
    pub const fn browser(&self) -> Browser {
        Browser::new(self.first)
    }
}

/// The first of five ports in a row that nobody has; others with each call in this process.
///
/// # Errors
/// When there are none.
pub fn five_free_ports() -> Result<u16> {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let own = u16::try_from(std::process::id() % 1000)? * 10;
    let mut firsts = (0..200).map(|_| 10_000 + own + TAKEN.fetch_add(5, Ordering::Relaxed));
    firsts.find(|first| (*first..*first + 5).all(free)).context("expected five free ports")
}
