//! The process that runs the doors: from a configuration to listening, through reloads, to a drained end.

mod admin;
mod assembly;
mod checkpoint_key;
mod descriptors;
mod files;
mod otlp;
mod reload;
mod telemetry;
mod upstream;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use arc_swap::ArcSwap;
use doors::proxy::{ProxyLimits, Worker, listen};
use doors::{Doorway, Metrics};
use gate::request::Scheme;
use ledger::audit::{AuditError, AuditLog, KeySigner};
use prometheus_client::registry::Registry;
use thiserror::Error;
use tokens::TokenCache;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

use crate::clock::SystemClock;
use crate::config::Loaded;
use crate::entropy;

pub use assembly::AssemblyError;
pub use checkpoint_key::{CheckpointKeyError, public_keys};
pub use telemetry::init_logs;

pub(crate) use assembly::Assembly;
use reload::ReloadState;

/// How long writing out the audit log may take at the end.
const AUDIT_CLOSE: Duration = Duration::from_secs(10);

/// How long sending the last spans may take at the end.
const TRACES_FLUSH: Duration = Duration::from_secs(2);

/// A running Doorward.
#[derive(Debug)]
pub struct Server {
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    admin: SocketAddr,
    doorway: Arc<Doorway>,
    workers: Vec<Worker>,
    draining: watch::Sender<bool>,
    control: tokio::runtime::Runtime,
    reload: Arc<Notify>,
    signals: Option<Signals>,
}

/// Why Doorward cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The pieces cannot be put together.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// The audit log cannot be kept.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The key that signs the audit log's checkpoints cannot be had.
    #[error(transparent)]
    CheckpointKey(#[from] CheckpointKeyError),
    /// An address cannot be had.
    #[error("cannot listen on {address} (`{key}`): {source}{remedy}")]
    Listen {
        /// The configuration's key.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// Signals cannot be listened for.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// A thread cannot be made.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl StartError {
    fn listen(key: &'static str, address: SocketAddr, source: io::Error) -> Self {
        let remedy = if source.kind() == io::ErrorKind::AddrInUse {
            "; stop the process that has the port, or choose another port"
        } else {
            ""
        };
        Self::Listen { key, address, source, remedy }
    }
}

impl Server {
    /// Starts. With `path`, the file at it is read again whenever it changes.
    ///
    /// # Errors
    /// When anything that the configuration asks for cannot be had: nothing is started by halves.
    pub fn start(loaded: Loaded, path: Option<PathBuf>) -> Result<Self, StartError> {
        let entropy = entropy::system();
        let clock: Arc<dyn ledger::Clock> = Arc::new(SystemClock);
        let config = &loaded.config;
        let control = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("control")
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let inside = control.enter();
        // Before any port is open: who finds us ready may signal at once.
        let signals = Signals::listen().map_err(StartError::Signals)?;
        let threads = config.data_threads;
        let (http, listeners) = opened("listen.http", config.listen.http, threads)?;
        let secure = config.listen.https.as_ref().map(|https| https.address);
        let (https, secure_listeners) = opened("listen.https", secure, threads)?;
        let admin = TcpListener::bind(config.listen.admin)
            .map_err(|error| StartError::listen("listen.admin", config.listen.admin, error))?;

        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        let assembly = Assembly::new(Arc::clone(&clock), Arc::clone(&entropy), metrics.clone());
        let audit_options = assembly::audit_options(config);
        let checkpoint_key = checkpoint_key::load_or_make(&config.audit.directory, &entropy)?;
        let signer = KeySigner::new(Arc::new(checkpoint_key), Arc::clone(&entropy));
        let limits = limits(config);
        let kept = KeptSettings::of(config);
        let traces = telemetry::trace_sink(config.telemetry.otlp.as_ref(), &mut registry);
        let cache = TokenCache::new(config.token_cache_entries);
        let model = assembly.model(loaded)?;
        let audit = AuditLog::open(audit_options, Arc::new(signer), Arc::clone(&clock))?;
        let doorway = Arc::new(Doorway {
            model: ArcSwap::from_pointee(model.model),
            cache,
            audit,
            clock,
            metrics,
            cutting_off: AtomicBool::new(false),
            traces,
        });
        let (draining, drained) = watch::channel(false);
        let open = Arc::new(AtomicUsize::new(0));
        let mut workers = Vec::with_capacity(threads);
        let (mut listeners, mut secure_listeners) =
            (listeners.into_iter(), secure_listeners.into_iter());
        for number in 0..threads {
            let plain = listeners.next().map(|listener| (listener, Scheme::Http));
            let secure = secure_listeners.next().map(|listener| (listener, Scheme::Https));
            let worker = Worker::start(
                &format!("data-{number}"),
                plain.into_iter().chain(secure).collect(),
                Arc::clone(&doorway),
                limits,
                Arc::clone(&open),
                entropy::number(&entropy),
                drained.clone(),
            );
            workers.push(worker.map_err(StartError::Thread)?);
        }
        let state = Arc::new(ReloadState::new(assembly, model.facts, kept));
        let reload = Arc::new(Notify::new());
        let admin_address = admin.local_addr().unwrap_or(config_admin(&state));
        admin::start(admin, registry, Arc::clone(&doorway), Arc::clone(&state), drained.clone())
            .map_err(|error| StartError::listen("listen.admin", admin_address, error))?;
        if let Some(path) = path {
            control.spawn(reload::watch(path, Arc::clone(&doorway), state, Arc::clone(&reload)));
        }
        drop(inside);
        Ok(Self {
            http,
            https,
            admin: admin_address,
            doorway,
            workers,
            draining,
            control,
            reload,
            signals: Some(signals),
        })
    }

    /// Where the proxy listens for HTTP, if it does.
    #[must_use]
    pub const fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where the proxy listens for HTTPS, if it does.
    #[must_use]
    pub const fn https(&self) -> Option<SocketAddr> {
        self.https
    }

    /// Where `/healthz`, `/readyz` and `/metrics` are.
    #[must_use]
    pub const fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Runs until SIGTERM or SIGINT, reading the configuration again on SIGHUP; then lets requests end.
    ///
    /// # Errors
    /// When the audit log cannot be written out.
    pub fn run(mut self) -> Result<(), StartError> {
        let reload = Arc::clone(&self.reload);
        let signals = self.signals.take();
        if let Some(signals) = signals {
            self.control.block_on(signals.stop(&reload));
        }
        self.stop()
    }

    /// Lets requests end, writes out the audit log and stops.
    ///
    /// # Errors
    /// When the audit log cannot be written out.
    pub fn stop(self) -> Result<(), StartError> {
        tracing::info!("draining");
        self.draining.send_replace(true);
        self.workers.into_iter().for_each(Worker::join);
        let closed = self.doorway.audit.close(AUDIT_CLOSE);
        self.doorway.traces.flush(TRACES_FLUSH);
        self.control.shutdown_background();
        tracing::info!("stopped");
        Ok(closed?)
    }
}

/// The signals that are listened for.
#[derive(Debug)]
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen, within the current runtime: from here on none of them ends the process by itself.
    fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the signal to stop; one to reload is passed on.
    async fn stop(mut self, reload: &Notify) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => reload.notify_one(),
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
            }
        }
    }
}

/// Opens the port, if there is to be one.
fn opened(
    key: &'static str,
    address: Option<SocketAddr>,
    threads: usize,
) -> Result<(Option<SocketAddr>, Vec<TcpListener>), StartError> {
    let Some(address) = address else { return Ok((None, Vec::new())) };
    let listeners =
        listen(address, threads).map_err(|error| StartError::listen(key, address, error))?;
    let bound = listeners.first().and_then(|listener| listener.local_addr().ok());
    Ok((Some(bound.unwrap_or(address)), listeners))
}

fn limits(config: &crate::config::Config) -> ProxyLimits {
    let limits = &config.limits;
    ProxyLimits {
        header_bytes: limits.header_bytes,
        headers: limits.headers,
        streams: limits.streams,
        connections: descriptors::connections(limits.connections),
        header_timeout: limits.header_timeout,
        idle_timeout: limits.idle_timeout,
        write_timeout: limits.write_timeout,
        requests_per_connection: limits.requests_per_connection,
        drain: limits.drain,
    }
}

fn config_admin(state: &ReloadState) -> SocketAddr {
    state.kept().admin()
}

/// What a reload does not change: it takes a restart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeptSettings {
    listen: crate::config::Listen,
    audit: crate::config::Audit,
    limits: crate::config::Limits,
    data_threads: usize,
    token_cache_entries: usize,
    telemetry: crate::config::Telemetry,
}

impl KeptSettings {
    fn of(config: &crate::config::Config) -> Self {
        let mut listen = config.listen.clone();
        if let Some(https) = &mut listen.https {
            // Certificates are read again.
            https.certificates.clear();
            https.client_certificates_required = false;
        }
        Self {
            listen,
            audit: config.audit.clone(),
            limits: config.limits.clone(),
            data_threads: config.data_threads,
            token_cache_entries: config.token_cache_entries,
            telemetry: config.telemetry.clone(),
        }
    }

    const fn admin(&self) -> SocketAddr {
        self.listen.admin
    }

    /// The keys in which another configuration differs.
    fn differences(&self, other: &Self) -> Vec<&'static str> {
        [
            ("listen", self.listen != other.listen),
            ("audit", self.audit != other.audit),
            ("limits", self.limits != other.limits),
            ("data_threads", self.data_threads != other.data_threads),
            ("token_cache", self.token_cache_entries != other.token_cache_entries),
            ("telemetry", self.telemetry != other.telemetry),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}
