//! `doorward demo`: the product at work with nothing installed. A small OpenID provider, two services that call each
//! other, and the gate between them, all in this process and all over real sockets.

mod browser;
mod material;
mod page;
mod provider;
mod requests;
mod services;
mod table;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::audit::{Filter, TailFrom, tail};
use thiserror::Error;

use crate::clock::SystemClock;
use crate::commands::printed;
use crate::config::{Loaded, Machine, Report};
use crate::entropy;
use crate::server::{Listeners, Server, StartError, init_logs};

pub use material::{CONFIG_FILE, eject};
pub use table::{Case, cases};

/// The ports of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The gate.
    pub gate: u16,
    /// The gate's health and metrics.
    pub admin: u16,
    /// The OpenID provider.
    pub provider: u16,
    /// The service `orders`.
    pub orders: u16,
    /// The service `billing`.
    pub billing: u16,
}

impl Ports {
    /// Five ports in a row.
    #[must_use]
    pub const fn from(base: u16) -> Self {
        Self {
            gate: base,
            admin: base.saturating_add(1),
            provider: base.saturating_add(2),
            orders: base.saturating_add(3),
            billing: base.saturating_add(4),
        }
    }

    /// The page to begin at with a browser.
    #[must_use]
    pub fn home(self) -> String {
        format!("http://orders.localhost:{}", self.gate)
    }

    /// Where people sign in.
    fn sign_in(self) -> String {
        format!("http://localhost:{}", self.gate)
    }
}

/// Why the demo does not start.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The demo's configuration, or the edited one, is not good.
    #[error("{}", .0.render(false))]
    Config(Report),
    /// The edited configuration is for other ports.
    #[error(
        "the configuration in `{directory}` is for the ports from {found} on, not from {asked}: leave `--port` out, or write it anew with `--eject DIR --port {asked}`"
    )]
    OtherPorts {
        /// Where it is.
        directory: String,
        /// Its first port.
        found: u16,
        /// The first port that was asked for.
        asked: u16,
    },
    /// A port is taken.
    #[error(
        "the {what} cannot have port {port}: {source}; stop what has it, or choose other ports with `--port`"
    )]
    Port {
        /// Whose.
        what: &'static str,
        /// Which.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A key cannot be made.
    #[error("a key cannot be made: {0}")]
    Key(#[from] tokens::SigningError),
    /// A thread cannot be made.
    #[error("a thread cannot be made: {0}")]
    Thread(io::Error),
    /// The gate does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The audit log cannot be read.
    #[error(transparent)]
    Tail(#[from] ledger::audit::TailError),
}

/// The demo, running.
#[derive(Debug)]
pub struct Demo {
    ports: Ports,
    server: Server,
    background: tokio::runtime::Runtime,
    audit: PathBuf,
    temporary: Option<PathBuf>,
}

/// The ports to take: from `first` on, or those that the configuration in `directory` was written for.
///
/// # Errors
/// When the configuration is not good, or for other ports than those that are asked for.
pub fn ports(first: Option<u16>, directory: Option<&Path>) -> Result<Ports, DemoError> {
    let Some(directory) = directory else {
        return Ok(Ports::from(first.unwrap_or(FIRST_PORT)));
    };
    let path = directory.join(CONFIG_FILE);
    let loaded = Loaded::read(&path, &Machine).map_err(DemoError::Config)?;
    let written = loaded.config.listen.http.map_or(FIRST_PORT, |address| address.port());
    match first {
        Some(asked) if asked != written => Err(DemoError::OtherPorts {
            directory: directory.display().to_string(),
            found: written,
            asked,
        }),
        _ => Ok(Ports::from(written)),
    }
}

/// The first port, unless another is asked for.
const FIRST_PORT: u16 = 8080;

impl Demo {
    /// Starts everything. With `directory`, the configuration is the one in it; else a built-in one, with its audit log
    /// and its ledger in a temporary directory.
    ///
    /// # Errors
    /// When a port is taken, or an edited configuration is not good.
    pub fn start(ports: Ports, directory: Option<&Path>) -> Result<Self, DemoError> {
        let background = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(DemoError::Thread)?;
        // All ports are had before anything is started.
        let provider_port = take("OpenID provider", ports.provider)?;
        let orders_port = take("service `orders`", ports.orders)?;
        let billing_port = take("service `billing`", ports.billing)?;
        drop(take("gate", ports.gate)?);
        drop(take("gate's operator port", ports.admin)?);

        let entropy = entropy::system();
        let provider = provider::Provider::new(ports, Arc::new(SystemClock), entropy)?;
        background.spawn(provider.serve(provider_port));
        background.spawn(services::orders(orders_port, ports));
        background.spawn(services::billing(billing_port));

        let (loaded, path, temporary) = match directory {
            Some(directory) => {
                let path = directory.join(CONFIG_FILE);
                (Loaded::read(&path, &Machine).map_err(DemoError::Config)?, Some(path), None)
            }
            None => {
                let temporary =
                    std::env::temp_dir().join(format!("doorward-demo-{}", std::process::id()));
                (
                    material::load(ports, &temporary).map_err(DemoError::Config)?,
                    None,
                    Some(temporary),
                )
            }
        };
        init_logs(&loaded.config.telemetry);
        let audit = loaded.config.audit.directory.clone();
        let server = Server::start(loaded, path, Listeners::Own)?;
        Ok(Self { ports, server, background, audit, temporary })
    }

    /// The ports.
    #[must_use]
    pub const fn ports(&self) -> Ports {
        self.ports
    }

    /// Tries every case of the table against the live processes, telling how each came out.
    ///
    /// Gives back whether all came out as they shall.
    pub fn check(&self, mut tell: impl FnMut(&Case, &Result<u16, String>)) -> bool {
        let mut good = true;
        for case in cases() {
            let got = self.background.block_on(table::run(&case, self.ports));
            good &= got == Ok(case.status);
            tell(&case, &got);
        }
        good
    }

    /// Waits until the gate has the provider's keys.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.background.block_on(requests::ready(self.ports))
    }

    /// Prints each decision as it is made, until SIGTERM or SIGINT; then stops everything.
    ///
    /// # Errors
    /// When the audit log cannot be read, or the gate does not stop well.
    pub fn run(self) -> Result<(), DemoError> {
        let mut lines = tail(&self.audit, TailFrom::End, Filter::default())?;
        let telling = self.background.spawn(async move {
            while let Ok(line) = lines.follow().await {
                if line.record() == "decision" {
                    printed(format_args!("{}\n", line.one_line()));
                }
            }
        });
        let ended = self.server.run();
        telling.abort();
        self.background.shutdown_background();
        remove(self.temporary.as_deref());
        Ok(ended?)
    }

    /// Stops everything.
    ///
    /// # Errors
    /// When the gate does not stop well.
    pub fn stop(self) -> Result<(), DemoError> {
        let ended = self.server.stop();
        self.background.shutdown_background();
        remove(self.temporary.as_deref());
        Ok(ended?)
    }
}

fn remove(temporary: Option<&Path>) {
    if let Some(directory) = temporary {
        let _ = std::fs::remove_dir_all(directory);
    }
}

fn take(what: &'static str, port: u16) -> Result<TcpListener, DemoError> {
    let failed = |source| DemoError::Port { what, port, source };
    let listener =
        TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}
