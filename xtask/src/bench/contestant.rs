//! Who is measured: each with one worker, before the same service.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testbed::clock::until;
use testbed::{Client, Gateway, Issuer, Place, Port, client};
use tokens::Algorithm;

use super::mint;
use crate::command::{Run, cargo, target};
use crate::install::{debian, python};

/// The configurations, with `{folder}`, `{listen}` and `{service}` to be filled in.
const NGINX_SERVICE: &str = include_str!("../../bench/service.conf");
const NGINX_PROXY: &str = include_str!("../../bench/nginx.conf");
const ENVOY: &str = include_str!("../../bench/envoy.yaml");
const DOORWARD: &str = include_str!("../../bench/doorward.yaml");

/// The issuer of all tokens.
const ISSUER: &str = "https://idp.test";

/// Someone who is measured.
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    /// Whether it checks tokens.
    checks: bool,
    process: Process,
}

enum Process {
    Other(Child),
    Doorward { gateway: Gateway, _place: Place },
}

impl Contestant {
    /// All of them, in the order of a round.
    pub(super) const NAMES: [&str; 4] = ["nginx", "envoy", "doorward", "doorward-identity"];

    /// The process whose time is counted.
    pub(super) fn pid(&self) -> u32 {
        match &self.process {
            Process::Other(child) => child.id(),
            Process::Doorward { gateway, .. } => gateway.pid(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Self::Other(child) = self {
            // It may have ended already; either way it is gone after this.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The service, everyone who is measured, and the issuers.
pub(super) struct Field {
    pub(super) contestants: Vec<Contestant>,
    pub(super) versions: Vec<String>,
    issuers: Vec<(Algorithm, Issuer)>,
    _service: Process,
    _ports: Vec<Port>,
}

impl Field {
    /// Starts the service and everyone (or only `only`).
    pub(super) fn enter(folder: &Path, only: Option<&str>) -> Result<Self> {
        let mut ports = Vec::new();
        let mut port = || -> Result<SocketAddr> {
            let port = Port::reserve()?;
            let address = port.address();
            ports.push(port);
            Ok(address)
        };
        let issuers = [Algorithm::Rs256, Algorithm::Es256]
            .into_iter()
            .map(|algorithm| Ok((algorithm, Issuer::new(ISSUER, algorithm)?)))
            .collect::<Result<Vec<_>>>()?;
        let keys = key_set(&issuers);
        let service = port()?;
        let nginx = debian::tool(&debian::NGINX)?;
        let running = start_nginx(&nginx, folder, "service", NGINX_SERVICE, service, service)?;
        let mut versions = vec![
            version("nginx", &nginx, "-v")?,
            version("wrk", &debian::tool(&debian::WRK)?, "-v")?,
        ];
        let mut contestants = Vec::new();
        for name in Contestant::NAMES {
            if only.is_some_and(|only| only != name) {
                continue;
            }
            let (address, process) = match name {
                "nginx" => {
                    let listen = port()?;
                    (listen, start_nginx(&nginx, folder, name, NGINX_PROXY, listen, service)?)
                }
                "envoy" => {
                    let envoy = python::tool(&python::ENVOY)?;
                    versions.push(version("Envoy", &envoy, "--version")?);
                    let listen = port()?;
                    (listen, start_envoy(&envoy, folder, &keys, listen, service)?)
                }
                _ => start_doorward(&keys, service, name == "doorward-identity")?,
            };
            until(name, Duration::from_secs(20), || Ok(Client::connect(address).ok().map(drop)))?;
            contestants.push(Contestant { name, address, checks: name != "nginx", process });
        }
        Ok(Self { contestants, versions, issuers, _service: running, _ports: ports })
    }

    /// The tokens of `algorithm`.
    pub(super) fn tokens(&self, algorithm: Algorithm) -> Result<Vec<String>> {
        let issuer = self.issuers.iter().find(|(one, _)| *one == algorithm);
        mint(&issuer.context("an issuer for each algorithm")?.1)
    }

    /// Checks that everyone does the work: a good token passes, a spoiled one does not.
    pub(super) fn check(&self, tokens: &[String]) -> Result<()> {
        let token = tokens.first().context("there are tokens")?;
        let spoiled = token.replace('.', ".A");
        for contestant in &self.contestants {
            for (token, allowed) in [(token, true), (&spoiled, !contestant.checks)] {
                let request = format!(
                    "GET /orders/1 HTTP/1.1\r\nHost: orders.test\r\nAuthorization: Bearer {token}\r\n\
                     Connection: close\r\n\r\n"
                );
                let reply = client::ask(contestant.address, &request)?;
                ensure!(
                    (reply.status == 200) == allowed,
                    "{} answered {} to a {} token",
                    contestant.name,
                    reply.status,
                    if allowed { "good" } else { "spoiled" }
                );
            }
        }
        Ok(())
    }
}

fn key_set(issuers: &[(Algorithm, Issuer)]) -> String {
    let keys: Vec<Value> = issuers
        .iter()
        .filter_map(|(_, issuer)| issuer.key_set().pointer("/keys/0").cloned())
        .collect();
    json!({ "keys": keys }).to_string()
}

fn start_nginx(
    nginx: &Path,
    folder: &Path,
    name: &str,
    template: &str,
    listen: SocketAddr,
    service: SocketAddr,
) -> Result<Process> {
    let home = folder.join(name);
    std::fs::create_dir_all(&home)?;
    let file = home.join("nginx.conf");
    std::fs::write(&file, filled(template, &home, listen, service))?;
    let child = Command::new(nginx)
        .arg("-p")
        .arg(&home)
        .arg("-c")
        .arg(&file)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start nginx")?;
    let process = Process::Other(child);
    until(name, Duration::from_secs(10), || Ok(Client::connect(listen).ok().map(drop)))?;
    Ok(process)
}

fn start_envoy(
    envoy: &Path,
    folder: &Path,
    keys: &str,
    listen: SocketAddr,
    service: SocketAddr,
) -> Result<Process> {
    std::fs::write(folder.join("keys.json"), keys)?;
    let file = folder.join("envoy.yaml");
    std::fs::write(&file, filled(ENVOY, folder, listen, service))?;
    let log = File::create(folder.join("envoy.log"))?;
    let child = Command::new(envoy)
        .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "-c"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start Envoy")?;
    Ok(Process::Other(child))
}

fn start_doorward(
    keys: &str,
    service: SocketAddr,
    identity: bool,
) -> Result<(SocketAddr, Process)> {
    let place = Place::new()?;
    place.write("keys.json", keys)?;
    let token = if identity { "token: Doorward-Identity," } else { "" };
    let text = DOORWARD.replace("{service}", &service.to_string()).replace("{token}", token);
    place.configure(&text)?;
    let gateway = place.start(&doorward()?)?;
    Ok((place.http(), Process::Doorward { gateway, _place: place }))
}

/// The binary that ships.
fn doorward() -> Result<PathBuf> {
    cargo().args(["build", "--quiet", "--profile", "dist", "--package", "doorward"]).done()?;
    Ok(target("dist/doorward"))
}

fn filled(template: &str, folder: &Path, listen: SocketAddr, service: SocketAddr) -> String {
    template
        .replace("{folder}", &folder.display().to_string())
        .replace("{listen}", &listen.to_string())
        .replace("{port}", &listen.port().to_string())
        .replace("{service}", &service.to_string())
        .replace("{service_port}", &service.port().to_string())
}

/// The version of a program called `name`: the first word with a number and a dot in what it says of itself.
fn version(name: &str, program: &Path, word: &str) -> Result<String> {
    let output = Command::new(program).arg(word).output()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let number = text
        .split([' ', '/', '\n'])
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'));
    Ok(format!("{name} {}", number.unwrap_or("of an unknown version")))
}
