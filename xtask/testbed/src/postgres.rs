//! A PostgreSQL of the machine's own packages, with data in a temporary folder, on a port of 127.0.0.1.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::clock::until;
use crate::{Authority, Port};

/// How long it may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Whom it runs as when this runs as root, for whom it refuses to run: `nobody` and `nogroup`.
const NOBODY: u32 = 65534;
/// Where Debian keeps a folder for each version, whose programs are not on the path.
const DEBIAN: &str = "/usr/lib/postgresql";
/// What it says when it can be used.
const READY: &str = "database system is ready to accept connections";
/// Its superuser, and the password that it asks for.
const USER: (&str, &str) = ("doorward", "not-in-any-log");

/// A PostgreSQL. It ends when it is dropped, and its data with it.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    port: Port,
    child: Option<Child>,
}

impl Postgres {
    /// Whether this machine has one to start.
    #[must_use]
    pub fn is_installed() -> bool {
        programs().is_some()
    }

    /// Makes an empty one, and starts it.
    ///
    /// # Errors
    /// When the machine has none, or it does not start.
    pub fn start() -> Result<Self> {
        let programs = programs().context("there is no PostgreSQL; its package is `postgresql`")?;
        let this =
            Self { programs, folder: tempfile::tempdir()?, port: Port::reserve()?, child: None };
        if is_root() {
            chown(this.folder.path(), Some(NOBODY), Some(NOBODY))?;
        }
        let authority = Authority::new()?;
        this.write(&this.authority(), authority.pem().as_bytes())?;
        this.write(&this.folder.path().join("tls.pem"), authority.sign("localhost")?.as_bytes())?;
        let password = this.folder.path().join("password");
        this.write(&password, USER.1.as_bytes())?;
        let made = this
            .program("initdb")
            .args(["--auth=scram-sha-256", "--no-sync", "--no-locale", "--encoding=UTF8"])
            .args(["--username", USER.0])
            .arg("--pwfile")
            .arg(&password)
            .arg("--pgdata")
            .arg(this.data())
            .output()
            .context("cannot start `initdb`")?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut this = this;
        this.recover()?;
        Ok(this)
    }

    /// Makes an empty database, and tells its URL, which has the password.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn database(&self, name: &str) -> Result<String> {
        let made = self
            .program("createdb")
            .args(["--host", "127.0.0.1", "--username", USER.0])
            .args(["--port", &self.port.address().port().to_string()])
            .arg(name)
            .env("PGPASSWORD", USER.1)
            .output()
            .context("cannot start `createdb`")?;
        ensure!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
        Ok(format!("postgres://{}:{}@{}/{name}", USER.0, USER.1, self.port.address()))
    }

    /// The same URL by a name that its certificate has, with TLS that verifies the certificate.
    #[must_use]
    pub fn verified(&self, url: &str) -> String {
        let url = url.replace("@127.0.0.1:", "@localhost:");
        format!("{url}?sslmode=verify-full&sslrootcert={}", self.authority().display())
    }

    /// Its superuser's password, which belongs in no log.
    #[must_use]
    pub const fn password(&self) -> &'static str {
        USER.1
    }

    /// Whether it was started, and not ended since.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Ends it at once, as a crash would: connections break, and it recovers from its log at the next start.
    ///
    /// # Errors
    /// When it does not end.
    pub fn fail(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("a process has an id")?, Signal::QUIT)?;
        until("PostgreSQL's end", PATIENCE, || Ok(child.try_wait()?))?;
        Ok(())
    }

    /// Starts it again, at the same place with the same data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn recover(&mut self) -> Result<()> {
        let log = self.folder.path().join("log");
        let output = File::create(&log)?;
        let port = self.port.address().port().to_string();
        let child = self
            .program("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &port, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
            .args([
                "-c",
                "ssl=on",
                "-c",
                "ssl_cert_file=../tls.pem",
                "-c",
                "ssl_key_file=../tls.pem",
            ])
            .arg("-k")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("cannot start `postgres`")?;
        let child = self.child.insert(child);
        until("PostgreSQL", PATIENCE, || {
            let said = fs::read_to_string(&log)?;
            if let Some(status) = child.try_wait()? {
                bail!("PostgreSQL ended with {status}: {said}");
            }
            Ok(said.contains(READY).then_some(()))
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The authority of its certificate, in PEM.
    fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Writes a file that only the server can read.
    fn write(&self, path: &Path, content: &[u8]) -> Result<()> {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        std::io::Write::write_all(&mut file, content)?;
        if is_root() {
            chown(path, Some(NOBODY), Some(NOBODY))?;
        }
        Ok(())
    }

    /// One of its programs, as somebody for whom it runs.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.fail();
    }
}

/// Whether this process runs as root.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The folder with `initdb` and the rest: on the path, or the newest version of Debian's.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<_> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse::<u32>().ok())
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let of_debian =
        versions.into_iter().map(|version| Path::new(DEBIAN).join(format!("{version}/bin")));
    std::env::split_paths(&path)
        .chain(of_debian)
        .find(|folder| folder.join("initdb").is_file())
        // A link on the path need not have the rest beside it.
        .and_then(|folder| Some(fs::canonicalize(folder.join("initdb")).ok()?.parent()?.to_owned()))
}
