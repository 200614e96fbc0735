//! Doorward itself, as a process.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client;
use crate::clock::until;
use crate::port::Port;

/// How long it may take to become ready, or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A place for Doorward to run in: a folder and two ports, which stay the same from one start to the next.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
    http: Port,
    admin: Port,
}

impl Place {
    /// A new, empty one.
    ///
    /// # Errors
    /// When no folder or no port can be had.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("doorward-").tempdir()?;
        Ok(Self { folder, http: Port::reserve()?, admin: Port::reserve()? })
    }

    /// Where its front door is.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http.address()
    }

    /// Where its own endpoints are.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin.address()
    }

    /// A file or folder in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, so that a reader sees the old or the new one, never a part.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let draft = self.path(&format!("{name}.new"));
        std::fs::write(&draft, text)
            .with_context(|| format!("cannot write {}", draft.display()))?;
        std::fs::rename(&draft, self.path(name))?;
        Ok(())
    }

    /// Writes the configuration: `rest`, below the `listen` and `audit` sections that fit this place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self, rest: &str) -> Result<()> {
        let (http, admin) = (self.http(), self.admin());
        let audit = self.path("audit");
        let top = format!(
            "listen:\n  http: {http}\n  admin: {admin}\naudit:\n  directory: {}\n",
            audit.display()
        );
        self.write("doorward.yaml", &(top + rest))
    }

    /// Starts `binary` here and waits until it is ready.
    ///
    /// # Errors
    /// When it ends, or is not ready in time; the error quotes what it logged.
    pub fn start(&self, binary: &Path) -> Result<Gateway> {
        self.started(binary, "/readyz")
    }

    /// Starts `command`, which [runs](Self::run) it with more than is usual, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends, or is not ready in time; the error quotes what it logged.
    pub fn start_by(&self, command: Command) -> Result<Gateway> {
        self.spawned(command, "/readyz")
    }

    /// Starts `binary` here and waits only until it answers at all, ready or not.
    ///
    /// # Errors
    /// When it ends, or does not answer in time; the error quotes what it logged.
    pub fn start_unready(&self, binary: &Path) -> Result<Gateway> {
        self.started(binary, "/healthz")
    }

    /// Waits until its own endpoint `path` answers `status`, and hands over the answer's body.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn until_status(&self, path: &str, status: u16) -> Result<String> {
        until(&format!("{status} at {path}"), PATIENCE, || Ok(self.page(path, status)))
    }

    /// Starts `binary` here with sockets that a service manager would pass, each by its name; there may be two. Waits
    /// until it is ready.
    ///
    /// # Errors
    /// When it ends, or is not ready in time; the error quotes what it logged.
    pub fn start_with_sockets(
        &self,
        binary: &Path,
        sockets: &[(&str, &TcpListener)],
    ) -> Result<Gateway> {
        self.start_by(self.with_sockets(binary, sockets)?)
    }

    /// The command that starts `binary` here with such sockets. The shell stands in for the service manager: it has them
    /// as its standard input and output, and lays them where sd_listen_fds(3) wants them.
    ///
    /// # Errors
    /// When a socket or a file cannot be had.
    pub fn with_sockets(&self, binary: &Path, sockets: &[(&str, &TcpListener)]) -> Result<Command> {
        let names: Vec<_> = sockets.iter().map(|(name, _)| *name).collect();
        let log = self.log_file()?;
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg("LISTEN_PID=${SAID_PID:-$$} exec \"$@\" 3<&0 4<&1 0</dev/null 1>&2")
            .arg("sh")
            .arg(binary)
            .args(["run", "--config"])
            .arg(self.path("doorward.yaml"))
            .env("LISTEN_FDS", sockets.len().to_string())
            .env("LISTEN_FDNAMES", names.join(":"))
            .current_dir(self.folder.path())
            .stderr(log);
        if let Some((_, first)) = sockets.first() {
            command.stdin(OwnedFd::from(first.try_clone()?));
        }
        if let Some((_, second)) = sockets.get(1) {
            command.stdout(OwnedFd::from(second.try_clone()?));
        }
        Ok(command)
    }

    /// Starts `binary` here to take over from the one that runs, and waits until that one has let go and this is ready.
    ///
    /// # Errors
    /// When it ends, or the other does not end in time; the error quotes what they logged.
    pub fn take_over(&self, binary: &Path, old: Gateway) -> Result<Gateway> {
        let child = self.run(binary)?.arg("--take-over").spawn()?;
        let gateway = Gateway { child };
        old.end().map_err(|error| self.with_log(error))?;
        self.until_ready(gateway, "/readyz")
    }

    fn page(&self, path: &str, status: u16) -> Option<String> {
        let reply = client::get(self.admin(), path).ok();
        reply.filter(|reply| reply.status == status).map(|reply| reply.text())
    }

    fn started(&self, binary: &Path, path: &str) -> Result<Gateway> {
        self.spawned(self.run(binary)?, path)
    }

    fn spawned(&self, mut command: Command, path: &str) -> Result<Gateway> {
        let child = command.spawn();
        let child = child.with_context(|| format!("cannot start {:?}", command.get_program()))?;
        self.until_ready(Gateway { child }, path)
    }

    fn until_ready(&self, mut gateway: Gateway, path: &str) -> Result<Gateway> {
        until(&format!("200 at {path}"), PATIENCE, || {
            if let Some(status) = gateway.child.try_wait()? {
                bail!("it ended with {status}");
            }
            Ok(self.page(path, 200))
        })
        .map_err(|error| self.with_log(error))?;
        Ok(gateway)
    }

    /// The last lines that it logged.
    #[must_use]
    pub fn log(&self) -> String {
        let text = std::fs::read(self.path("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    /// The command that starts `binary` here.
    ///
    /// # Errors
    /// When there is no file for its log.
    pub fn run(&self, binary: &Path) -> Result<Command> {
        let log = self.log_file()?;
        let mut command = Command::new(binary);
        command
            .args(["run", "--config"])
            .arg(self.path("doorward.yaml"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    fn log_file(&self) -> Result<File> {
        Ok(File::options().create(true).append(true).open(self.path("log"))?)
    }

    fn with_log(&self, error: anyhow::Error) -> anyhow::Error {
        error.context(format!("doorward did not start; it said:\n{}", self.log()))
    }
}

/// A running Doorward. It is killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
}

impl Gateway {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to read its configuration again.
    ///
    /// # Errors
    /// When it is gone.
    pub fn reload(&self) -> Result<()> {
        self.signal(Signal::HUP)
    }

    /// Kills it as a crash would: no handler runs, nothing is flushed.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to drain and end, and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or not with success.
    pub fn stop(self) -> Result<()> {
        self.terminate()?;
        self.end()
    }

    /// Asks it to drain and end.
    ///
    /// # Errors
    /// When it is gone.
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it does not end in time, or not with success.
    pub fn end(mut self) -> Result<()> {
        let status = until("doorward to end", PATIENCE, || Ok(self.child.try_wait()?))?;
        if !status.success() {
            bail!("doorward ended with {status}");
        }
        Ok(())
    }

    /// Stops it where it is: it holds its sockets and does nothing, until [`Gateway::thaw`].
    ///
    /// # Errors
    /// When it is gone.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it is gone.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(pid.context("a process has an id")?, signal)?)
    }
}

impl From<Child> for Gateway {
    fn from(child: Child) -> Self {
        Self { child }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
