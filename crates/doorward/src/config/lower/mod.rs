//! From the file form to what Doorward runs by: what a value alone cannot tell is checked here.

mod acme;
mod asking_doors;
mod audit;
mod authzen;
mod claims;
mod client_authentication;
mod conditions;
mod endpoints;
mod identity;
mod issued_certificates;
mod issuers;
mod ledger;
mod limits;
mod listen;
mod manners;
mod policies;
mod presets;
mod protocols;
mod providers;
mod revoked;
mod routes;
mod saml;
mod services;
mod sign_in;
mod step_up;
mod telemetry;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gate::spec::{GateSpec, Place};

use super::decode::{Hidden, References};
use super::file::File;
use super::model::{Config, Exception};
use super::origin::Origin;
use super::problem::Problem;
use super::source::Source;
use super::surroundings::{MAX_FILE_BYTES, Surroundings};
use super::tree::Node;
use super::value::{Bound, Bounded, Count, Time};
use super::{decode, suggest};

/// What lowering looks at, and what it finds.
pub(super) struct Lowering<'a> {
    source: &'a Source,
    tree: &'a Arc<Node>,
    surroundings: &'a dyn Surroundings,
    /// The directory that relative paths start at.
    directory: &'a Path,
    problems: Vec<Problem>,
    exceptions: Vec<Exception>,
    /// Where names stand that nothing has; what else is wrong there may be wrong only for that.
    dangling: Vec<Place>,
    files: Vec<PathBuf>,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(
        source: &'a Source,
        tree: &'a Arc<Node>,
        references: &References<'a>,
    ) -> Self {
        let (surroundings, directory) = (references.surroundings, references.directory);
        Self {
            source,
            tree,
            surroundings,
            directory,
            problems: Vec::new(),
            exceptions: Vec::new(),
            dangling: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Lowers the whole file. What is wrong is said beside it; the configuration is then good for looking further only.
    pub(super) fn lower(mut self, file: File, hidden: Hidden) -> (Config, Vec<Problem>) {
        let file_asks =
            file.listen.as_ref().and_then(|listen| listen.https.as_ref()?.client_certificates);
        let listen = self.listen(file.listen);
        let trusted_peers =
            self.trusted_peers(&file.trusted_peers, file.danger_trust_every_peer, &listen);
        let forwarding = manners::forwarding(file.forwarding);
        let identity = self.identity(file.identity, &file.issuers);
        self.signed_identity_is_configured(&file.services);
        let (mut specs, issuers) = self.issuers(file.issuers);
        self.client_certificates(file_asks, &specs, &listen);
        let ledger = self.ledger(file.ledger);
        let (sign_in, provided) = self.sign_in(file.sign_in, file.providers);
        specs.extend(provided);
        let authzen = self.authzen(file.authzen, &file.services);
        let (mut forwards, services) = self.services(file.services);
        // Behind all others: no endpoints are kept in its place.
        forwards.extend(authzen.service);
        let defaults = self.defaults(file.defaults);
        let route_timeouts = routes::timeouts(&file.routes);
        let routes = self.routes(file.routes);
        self.step_ups_are_told(&routes, sign_in.as_ref());
        let (policies, policy_origins) = self.policies(file.policies, &Place::key("policies"));
        let revoked = self.revoked(file.revoked);
        let audit = self.audit(file.audit);
        let telemetry = telemetry::lower(file.telemetry);
        let processors = self.surroundings.processors().max(1);
        let data_threads = file.data_threads.as_ref().map_or(processors, count);
        let limits = limits::lower(&file.limits, data_threads);
        let token_cache_entries = count(&file.token_cache.entries);
        let gate = GateSpec {
            issuers: specs,
            services: forwards,
            defaults,
            routes,
            policies,
            revoked,
            evaluation: authzen.evaluation,
        };
        let origin = Origin {
            source: self.source.clone(),
            tree: Arc::clone(self.tree),
            hidden,
            policies: policy_origins,
            evaluation_policies: authzen.origins,
            dangling: self.dangling,
            files: self.files,
        };
        let config = Config {
            listen,
            trusted_peers,
            forwarding,
            identity,
            issuers,
            sign_in,
            ledger,
            services,
            route_timeouts,
            dns_servers: file.dns.servers.iter().map(|server| server.0).collect(),
            gate,
            authzen: authzen.point,
            audit,
            limits,
            data_threads,
            token_cache_entries,
            telemetry,
            exceptions: self.exceptions,
            origin,
        };
        (config, self.problems)
    }

    /// A problem with what stands at `place`.
    fn problem(&self, place: &Place, message: impl Into<String>) -> Problem {
        let used = self.tree.find(place).and_then(|node| node.used);
        let problem = Problem::new(self.source, message).mark(self.tree.locate(place), None);
        match used {
            Some(used) => problem.mark(Some(used), Some("used here")),
            None => problem,
        }
    }

    /// A problem with the key at `place`.
    fn key_problem(&self, place: &Place, message: impl Into<String>) -> Problem {
        let location = self.tree.locate_key(place).or_else(|| self.tree.locate(place));
        Problem::new(self.source, message).mark(location, None)
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Notes a `danger_*` key that is on.
    fn exception(&mut self, on: bool, place: &Place, meaning: &'static str) {
        if on {
            self.exceptions.push(Exception { key: place.to_string(), meaning });
        }
    }

    /// The names that are given to things under a top-level key, broken ones included.
    fn names(&self, kind: &str) -> Vec<&'a str> {
        self.tree.entry(kind).map_or_else(Vec::new, |entry| entry.node.keys().collect())
    }

    /// Complains when `name`, written at `place`, is the name neither of an issuer nor of a provider.
    fn resolve_issuer(&mut self, name: &str, place: &Place) {
        let what = if self.tree.has("providers") { "issuer or provider" } else { "issuer" };
        let known = self.names("issuers").into_iter().chain(self.names("providers")).collect();
        self.resolve_among(known, what, name, place);
    }

    /// Complains when `name`, written at `place`, is not the name of a service.
    fn resolve_service(&mut self, name: &str, place: &Place) {
        let mut known = self.names("services");
        if self.tree.has(authzen::SERVICE) {
            known.push(authzen::SERVICE);
        } else if name == authzen::SERVICE {
            let problem = self.problem(place, format!("there is no service `{name}`"));
            self.report(problem.help("say under `authzen` what is decided there"));
            self.dangling.push(place.clone());
            return;
        }
        self.resolve_among(known, "service", name, place);
    }

    /// Complains when `name`, written at `place`, is none of the `known`.
    fn resolve_among(&mut self, known: Vec<&str>, what: &str, name: &str, place: &Place) {
        if !known.contains(&name) {
            let help = suggest::help(name, known, what);
            let message = format!("there is no {what} `{}`", super::tree::shortened(name));
            let problem = self.problem(place, message).help(help);
            self.report(problem);
            self.dangling.push(place.clone());
        }
    }

    /// A path of the file, from the directory of the file.
    fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// The bytes of the file at `path`, which is written at `place`; complains when there are none.
    fn read(&mut self, path: &str, place: &Place) -> Option<Vec<u8>> {
        let bytes = self.read_most(path, MAX_FILE_BYTES, place)?;
        self.files.push(self.path(path));
        Some(bytes)
    }

    /// The same of one that may have so many bytes, and that is looked after elsewhere.
    fn read_most(&mut self, path: &str, limit: u64, place: &Place) -> Option<Vec<u8>> {
        match self.surroundings.read(&self.path(path), limit) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let path = super::tree::shortened(path);
                let message =
                    format!("the file `{path}` cannot be read: {}", decode::plain(&error));
                let help = "a relative path starts at the directory of the configuration file";
                let problem = self.problem(place, message).help(help);
                self.report(problem);
                None
            }
        }
    }
}

/// A bounded count as Rust counts.
fn count<B: Bound<Of = Count>>(bounded: &Bounded<B>) -> usize {
    number(bounded)
}

/// A bounded count as a number of a kind that holds all within its bounds.
fn number<B: Bound<Of = Count>, N: TryFrom<i64> + Default>(bounded: &Bounded<B>) -> N {
    // INVARIANT: no bound of a count is negative, or beyond what it is read as.
    N::try_from(bounded.value().0).unwrap_or_default()
}

/// A bounded duration.
fn time<B: Bound<Of = Time>>(bounded: &Bounded<B>) -> std::time::Duration {
    bounded.value().into()
}
