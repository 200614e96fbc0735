//! Proxies as processes, each with one worker and a configuration that is filled in.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use testbed::Client;
use testbed::clock::until;

use crate::install::{debian, python};

/// How long a peer may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Peer(Child);

impl Peer {
    /// Starts nginx in a folder of its own under `folder`, and waits until it listens.
    pub(crate) fn nginx(
        folder: &Path,
        name: &str,
        template: &str,
        listen: SocketAddr,
        values: &[(&str, &str)],
    ) -> Result<Self> {
        let home = folder.join(name);
        std::fs::create_dir_all(&home)?;
        let file = home.join("nginx.conf");
        std::fs::write(&file, filled(template, &home, listen, values))?;
        let child = Command::new(debian::tool(&debian::NGINX)?)
            .arg("-p")
            .arg(&home)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(File::create(home.join("stderr"))?)
            .spawn()
            .context("cannot start nginx")?;
        Self(child).listening(name, listen, &home.join("stderr"))
    }

    /// Starts Envoy, and waits until it listens.
    pub(crate) fn envoy(
        folder: &Path,
        template: &str,
        listen: SocketAddr,
        values: &[(&str, &str)],
    ) -> Result<Self> {
        let file = folder.join("envoy.yaml");
        std::fs::write(&file, filled(template, folder, listen, values))?;
        let log = folder.join("envoy.log");
        let output = File::create(&log)?;
        let child = Command::new(python::tool(&python::ENVOY)?)
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "-c"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("cannot start Envoy")?;
        Self(child).listening("Envoy", listen, &log)
    }

    /// Starts Caddy in `folder`, and waits until it listens.
    pub(crate) fn caddy(folder: &Path, text: &str, listen: SocketAddr) -> Result<Self> {
        std::fs::write(folder.join("Caddyfile"), text)?;
        let mut command = Command::new(python::tool(&python::CADDY)?);
        command.args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"]);
        Self::logging("Caddy", &mut command, folder, listen)
    }

    /// Starts HAProxy in `folder`, and waits until it listens.
    pub(crate) fn haproxy(folder: &Path, text: &str, listen: SocketAddr) -> Result<Self> {
        std::fs::write(folder.join("haproxy.cfg"), text)?;
        let mut command = Command::new(debian::tool(&debian::HAPROXY)?);
        command.args(["-db", "-f", "haproxy.cfg"]);
        Self::logging("HAProxy", &mut command, folder, listen)
    }

    /// Starts what is called `name` in `folder`, with a log of that name there, and waits until it listens.
    pub(crate) fn logging(
        name: &str,
        command: &mut Command,
        folder: &Path,
        listen: SocketAddr,
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log)?;
        let child = command
            .current_dir(folder)
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Self(child).listening(name, listen, &log)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    fn listening(mut self, name: &str, listen: SocketAddr, log: &Path) -> Result<Self> {
        until(name, PATIENCE, || {
            if let Some(status) = self.0.try_wait()? {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("{name} ended with {status}: {said}");
            }
            Ok(Client::connect(listen).ok().map(drop))
        })?;
        Ok(self)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone after this.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn filled(template: &str, folder: &Path, listen: SocketAddr, values: &[(&str, &str)]) -> String {
    let text = template
        .replace("{folder}", &folder.display().to_string())
        .replace("{listen}", &listen.to_string())
        .replace("{port}", &listen.port().to_string());
    values.iter().fold(text, |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// nginx and its version.
pub(crate) fn nginx_version() -> Result<String> {
    version("nginx", &debian::tool(&debian::NGINX)?, "-v")
}

/// Envoy and its version.
pub(crate) fn envoy_version() -> Result<String> {
    version("Envoy", &python::tool(&python::ENVOY)?, "--version")
}

/// The version of a program called `name`: the first word with a number and a dot in what it says of itself.
pub(crate) fn version(name: &str, program: &PathBuf, word: &str) -> Result<String> {
    let output = Command::new(program).arg(word).output()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let number = text
        .split([' ', '/', '\n'])
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'));
    Ok(format!("{name} {}", number.unwrap_or("of an unknown version")))
}
