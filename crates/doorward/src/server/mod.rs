//! The process that runs the doors: from a configuration to listening, through reloads, to a drained end.

mod acme;
mod admin;
mod assembly;
mod carried_services;
mod checkpoint_key;
mod deciders;
mod descriptors;
mod door_tls;
mod files;
mod hand_over;
mod inherited;
mod kept_settings;
mod listeners;
mod otlp;
mod reload;
mod service_manager;
mod signals;
mod signing_in;
mod sockets;
mod start_error;
mod telemetry;
mod upstream;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use arc_swap::ArcSwap;
use doors::proxy::{ProxyLimits, Worker};
use doors::{Crowd, Doorway, Metrics, Rates};
use gate::request::Scheme;
use ledger::audit::{AuditLog, KeySigner};
use prometheus_client::registry::Registry;
use tokens::TokenCache;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::clock::SystemClock;
use crate::config::{ListenAt, Loaded};
use crate::entropy;

pub use acme::AcmeError;
pub use assembly::AssemblyError;
pub use checkpoint_key::{CheckpointKeyError, public_keys};
pub use hand_over::HandOverError;
pub use inherited::{Inherited, InheritedError};
pub use listeners::Listeners;
pub use signing_in::SigningInError;
pub(crate) use signing_in::ledger_options;
pub use start_error::StartError;
pub use telemetry::init_logs;

pub(crate) use assembly::Assembly;
use deciders::Deciders;
use hand_over::{Offer, Predecessor, Successor};
use kept_settings::KeptSettings;
use reload::ReloadState;
use signals::Signals;
use sockets::Purpose;

/// How long writing out the audit log may take at the end.
const AUDIT_CLOSE: Duration = Duration::from_secs(10);

/// How long sending the last spans may take at the end.
const TRACES_FLUSH: Duration = Duration::from_secs(2);

/// How long the first keys of issuers are waited for while connections wait already.
const FIRST_KEYS: Duration = Duration::from_secs(10);

/// A running Doorward.
#[derive(Debug)]
pub struct Server {
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    ext_authz: Option<ListenAt>,
    forward_auth: Option<ListenAt>,
    admin: SocketAddr,
    doorway: Arc<Doorway>,
    workers: Vec<Worker>,
    deciders: Deciders,
    draining: watch::Sender<bool>,
    control: tokio::runtime::Runtime,
    reload: Arc<Notify>,
    state: Arc<ReloadState>,
    /// What ends when the doors close: it would use what another process may have by then.
    until_drained: Vec<AbortHandle>,
    signals: Option<Signals>,
    offer: Option<Offer>,
}

impl Server {
    /// Starts, with the sockets that are there already. With `path`, the file at it is read again whenever it changes, and another process can take over.
    ///
    /// # Errors
    /// When anything that the configuration asks for cannot be had: nothing is started by halves.
    pub fn start(
        loaded: Loaded,
        path: Option<PathBuf>,
        listeners: Listeners,
    ) -> Result<Self, StartError> {
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
        let (mut sockets, predecessor) = listeners.open(config)?;
        let awaited = !sockets.is_empty();
        let in_service = predecessor.is_some();
        sockets.complete(&config.listen, threads)?;
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        let assembly = Assembly::new(Arc::clone(&clock), Arc::clone(&entropy), metrics.clone());
        let audit_options = assembly::audit_options(config);
        let (limits, kept) = (limits(config), KeptSettings::of(config));
        let max_requests = config.limits.requests;
        let config_forward_auth = config.listen.forward_auth.as_ref().map(|(_, asking)| *asking);
        let traces = telemetry::trace_sink(config.telemetry.otlp.as_ref(), &mut registry);
        let cache = TokenCache::new(config.token_cache_entries);
        if awaited {
            control.block_on(assembly.first_keys(config, FIRST_KEYS, in_service))?;
        }
        let ledger = config.ledger.as_ref();
        let ledger = ledger
            .map(|ledger| control.block_on(signing_in::open_ledger(ledger, &clock, &entropy)));
        let ledger = ledger.transpose().map_err(AssemblyError::SigningIn)?;
        // From here on the process before this one accepts nothing, and connections wait for us: what may fail comes
        // before, where it can.
        let last_records = predecessor.and_then(Predecessor::let_go);
        let directory = config.audit.directory.clone();
        let checkpoint_key = checkpoint_key::load_or_make(&directory, &entropy)?;
        let signer = KeySigner::new(Arc::new(checkpoint_key), Arc::clone(&entropy));
        let secret = entropy::number(&entropy);
        let rates = Rates::new(Instant::now(), config.limits.rate_keys, secret, &metrics);
        let budget = config.audit.budget;
        let audit = AuditLog::open(audit_options, Arc::new(signer), Arc::clone(&clock))?;
        let audit = Arc::new(audit);
        let (sessions, due) = ledger
            .map(|ledger| {
                let house =
                    signing_in::household(ledger, (&clock, &entropy), (&audit, budget), &control);
                let (house, due) = house;
                let sessions = Arc::clone(&house.sessions);
                assembly.keep_house(house);
                (sessions, due)
            })
            .unzip();
        let model = assembly.model(loaded)?;
        let doorway = Arc::new(Doorway {
            model: ArcSwap::from_pointee(model.model),
            cache,
            sessions,
            rates,
            audit,
            clock,
            crowd: Crowd::new(max_requests),
            metrics,
            cutting_off: AtomicBool::new(false),
            traces,
        });
        let mut until_drained = Vec::new();
        if let Some(due) = due {
            let tending = signing_in::tend(due, Arc::downgrade(&doorway));
            until_drained.push(control.spawn(tending).abort_handle());
        }
        if let Some(records) = last_records {
            let doorway = Arc::clone(&doorway);
            control.spawn(async move {
                match doorway.audit.take_from(records).await {
                    Ok(()) => tracing::info!("the process before this one has ended its requests"),
                    Err(error) => tracing::error!(%error, "the process before this one could not record everything"),
                }
            });
        }
        let (draining, drained) = watch::channel(false);
        let open = Arc::new(AtomicUsize::new(0));
        let mut workers = Vec::with_capacity(threads);
        let plain = sockets.spread(Purpose::Http, threads).map_err(StartError::Thread)?;
        let secure = sockets.spread(Purpose::Https, threads).map_err(StartError::Thread)?;
        for (number, (plain, secure)) in plain.into_iter().zip(secure).enumerate() {
            let plain = plain.into_iter().map(|socket| (socket, Scheme::Http));
            let secure = secure.into_iter().map(|socket| (socket, Scheme::Https));
            let worker = Worker::start(
                &format!("data-{number}"),
                plain.chain(secure).collect(),
                Arc::clone(&doorway),
                limits,
                Arc::clone(&open),
                entropy::number(&entropy),
                drained.clone(),
            );
            workers.push(worker.map_err(StartError::Thread)?);
        }
        let deciders = Deciders::start(
            &sockets,
            config_forward_auth,
            threads,
            &doorway,
            &entropy,
            (drained.clone(), limits.drain),
        )
        .map_err(StartError::Thread)?;
        let state = Arc::new(ReloadState::new(assembly, model.facts, kept));
        let reload = Arc::new(Notify::new());
        let admin_address = sockets.address(Purpose::Admin).unwrap_or(config_admin(&state));
        let operators = sockets.spread(Purpose::Admin, 1).map_err(StartError::Thread)?;
        let proxy = [Purpose::Http, Purpose::Https].map(|purpose| sockets.address(purpose));
        let asked = [Purpose::ExtAuthz, Purpose::ForwardAuth].map(|purpose| sockets.at(purpose));
        let mut offer = None;
        if let Some(path) = path {
            let watching =
                reload::watch(path, Arc::clone(&doorway), Arc::clone(&state), Arc::clone(&reload));
            until_drained.push(control.spawn(watching).abort_handle());
            match Offer::make(&directory, sockets) {
                Ok(made) => offer = Some(made),
                Err(error) => tracing::warn!(%error, "no other process can take over"),
            }
        }
        // Last of all: whoever finds us ready may ask for anything.
        let operators = admin::start(
            operators.into_iter().flatten(),
            registry,
            Arc::clone(&doorway),
            Arc::clone(&state),
            drained.clone(),
        );
        until_drained.extend(operators.map_err(|error| {
            StartError::listen("listen.admin", ListenAt::Address(admin_address), error)
        })?);
        service_manager::watch(workers.iter().map(Worker::beats).collect(), drained);
        drop(inside);
        let ([http, https], [ext_authz, forward_auth]) = (proxy, asked);
        Ok(Self {
            http,
            https,
            ext_authz,
            forward_auth,
            admin: admin_address,
            doorway,
            workers,
            deciders,
            draining,
            control,
            reload,
            state,
            until_drained,
            signals: Some(signals),
            offer,
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

    /// Where Envoy asks, if it does.
    #[must_use]
    pub const fn ext_authz(&self) -> Option<&ListenAt> {
        self.ext_authz.as_ref()
    }

    /// Where proxies ask by HTTP, if they do.
    #[must_use]
    pub const fn forward_auth(&self) -> Option<&ListenAt> {
        self.forward_auth.as_ref()
    }

    /// Where `/healthz`, `/readyz` and `/metrics` are.
    #[must_use]
    pub const fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Runs until SIGTERM or SIGINT, or until another process has taken over, reading the configuration again on SIGHUP;
    /// then lets requests end.
    ///
    /// # Errors
    /// When the audit log cannot be written out.
    pub fn run(mut self) -> Result<(), StartError> {
        service_manager::ready("ready to judge");
        let (signals, mut offer) = (self.signals.take(), self.offer.take());
        let successor = signals
            .and_then(|signals| self.control.block_on(signals.stop(&self.reload, offer.as_mut())));
        self.offer = offer;
        self.end(successor)
    }

    /// Lets requests end, writes out the audit log and stops.
    ///
    /// # Errors
    /// When the audit log cannot be written out.
    pub fn stop(self) -> Result<(), StartError> {
        self.end(None)
    }

    fn end(self, successor: Option<Successor>) -> Result<(), StartError> {
        tracing::info!(handed_over = successor.is_some(), "draining");
        service_manager::stopping("draining");
        self.draining.send_replace(true);
        if let Some(offer) = self.offer {
            offer.withdraw(successor.is_some());
        }
        let handed_over = successor.map_or(Ok(()), |successor| {
            self.until_drained.iter().for_each(AbortHandle::abort);
            self.state.let_go();
            self.doorway.audit.let_go(AUDIT_CLOSE)?;
            if let Err(error) = successor.go_on() {
                tracing::error!(%error, "the process that was to take over is gone");
            }
            self.doorway.audit.relay(successor.into_records())
        });
        self.workers.into_iter().for_each(Worker::join);
        self.deciders.join();
        let closed = self.doorway.audit.close(AUDIT_CLOSE);
        self.doorway.traces.flush(TRACES_FLUSH);
        self.control.shutdown_background();
        tracing::info!("stopped");
        Ok(handed_over.and(closed)?)
    }
}

fn limits(config: &crate::config::Config) -> ProxyLimits {
    let limits = &config.limits;
    let listen = &config.listen;
    let asking_doors =
        usize::from(listen.ext_authz.is_some()) + usize::from(listen.forward_auth.is_some());
    ProxyLimits {
        header_bytes: limits.header_bytes,
        headers: limits.headers,
        streams: limits.streams,
        connections: descriptors::connections(limits.connections, asking_doors),
        header_timeout: limits.header_timeout,
        idle_timeout: limits.idle_timeout,
        write_timeout: limits.write_timeout,
        answer_rate: limits.answer_rate,
        requests_per_connection: limits.requests_per_connection,
        drain: limits.drain,
    }
}

fn config_admin(state: &ReloadState) -> SocketAddr {
    state.kept().admin()
}
