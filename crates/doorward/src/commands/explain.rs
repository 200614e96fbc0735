//! `doorward explain`.

mod asked;
mod minted;
mod told;

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use doors::{Metrics, Model};
use gate::spec::IssuerSpec;
use gate::{Explanation, Gate, IssuerKeys, Keys, Surroundings};
use ledger::Clock as _;
use prometheus_client::registry::Registry;
use tokens::{Timestamp, UnverifiedToken};

use self::asked::Asked;
use self::minted::Minted;
use self::told::Told;
use super::issuer_keys;
use super::moment::Moment;
use super::printed;
use crate::clock::SystemClock;
use crate::config::{Config, Loaded, Machine};
use crate::entropy;
use crate::server::Assembly;

/// What the command ends with when it comes to no verdict.
const NO_VERDICT: u8 = 2;

/// Judge a request without sending it: the route and why, each policy on each condition, the verdict.
#[derive(Debug, Args)]
#[command(
    after_help = "Ends with 0 on a permit or a preflight that is answered, 1 on a denial, 2 when it comes to neither."
)]
pub(super) struct Explain {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "doorward.yaml")]
    config: PathBuf,
    /// The method.
    #[arg(long, short = 'X', default_value = "GET")]
    method: String,
    /// The URL as the caller has it, such as `http://orders.example.com/orders/7?full=1`.
    #[arg(long)]
    url: String,
    /// A header; may be given again.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The caller's address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    peer: std::net::IpAddr,
    /// The caller's bearer token; `-` reads it from standard input, where no process list shows it.
    #[arg(long, value_name = "TOKEN", conflicts_with = "claims")]
    token: Option<String>,
    /// The claims of a token that nobody issued, as JSON in a file or (`-`) on standard input.
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
    /// The issuer whose token the claims stand for, by its name in the configuration.
    #[arg(long, value_name = "NAME", requires = "claims")]
    issuer: Option<String>,
    /// The client certificate that the caller has shown to TLS: a PEM file with it, and those above it, if any.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The moment to judge at, such as `2026-11-23T23:11:53Z` or seconds since 1970. By default now.
    #[arg(long, value_name = "MOMENT")]
    at: Option<Moment>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) fn run(self) -> ExitCode {
        match self.explained() {
            Ok(told) => {
                printed(if self.json { told.json() } else { told.text() });
                if told.is_granted() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(error) => {
                eprintln!("doorward: {}", error.trim_end());
                ExitCode::from(NO_VERDICT)
            }
        }
    }

    fn explained(&self) -> Result<Told, String> {
        let loaded = Loaded::read(&self.config, &Machine)
            .map_err(|report| report.render(std::io::stderr().is_terminal()))?;
        let config = loaded.config.clone();
        let token = self.token.as_deref().map(super::text_or_stdin).transpose()?;
        let asked =
            Asked::new(&self.method, &self.url, &self.headers, self.peer, token.as_deref())?;
        let asked = match &self.certificate {
            Some(path) => asked.with_certificate(path)?,
            None => asked,
        };
        let now = self.at.map_or_else(|| SystemClock.now(), |at| at.0);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let issuer = asked.bearer().and_then(|token| issuer_of(&config, token));
        let (model, known) = runtime.block_on(assembled(loaded, issuer.as_deref()))?;
        let Some(path) = &self.claims else {
            let explanation = judged(&model, &asked, &known, now);
            return Ok(Told { config, asked, explanation, now, notes: known.notes, at: self.at });
        };
        let claims = super::text_or_stdin_file(path)?;
        // Judged without the token first: the route says which audience it needs.
        let service = judged(&model, &asked, &known, now)
            .route
            .map(|route| Arc::clone(&route.service().audience));
        let minted =
            Minted::new(&config, self.issuer.as_deref(), &claims, service.as_deref(), now)?;
        let asked = asked.with_token(&minted.token)?;
        let known =
            Known { keys: HashMap::from([(minted.issuer, minted.keys)]), notes: Vec::new() };
        let explanation = judged(&model, &asked, &known, now);
        Ok(Told { config, asked, explanation, now, notes: minted.notes, at: self.at })
    }
}

/// The name of the issuer that a token says it is from.
fn issuer_of(config: &Config, token: &str) -> Option<String> {
    let token = UnverifiedToken::parse(token).ok()?;
    let mut issuers = config.gate.issuers.iter().filter_map(IssuerSpec::tokens);
    let profile = issuers.find(|profile| profile.issuer() == token.claimed_issuer())?;
    Some(profile.name().to_string())
}

/// What the doors would judge by, with the keys of one issuer and without anything that runs by itself.
async fn assembled(mut loaded: Loaded, issuer: Option<&str>) -> Result<(Model, Known), String> {
    let config = &mut loaded.config;
    config.identity = None;
    config.services.clear();
    config.issuers.retain(|name, _| Some(name.as_str()) == issuer);
    let metrics = Metrics::new(&mut Registry::default());
    let clock = Arc::new(SystemClock);
    let assembly = Assembly::new(clock, entropy::system(), metrics);
    let model = assembly.model(loaded).map_err(|error| error.to_string())?.model;
    let mut known = Known { keys: HashMap::new(), notes: Vec::new() };
    for (name, keys) in &model.keys {
        match issuer_keys::first(keys).await {
            Ok(keys) => {
                known.keys.insert(name.to_string(), keys);
            }
            Err(error) => known.notes.push(format!("there are no keys of `{name}`: {error}")),
        }
    }
    Ok((model, known))
}

/// The keys to judge with.
struct Known {
    keys: HashMap<String, Arc<tokens::KeySet>>,
    notes: Vec<String>,
}

impl Keys for Known {
    fn keys_of(&self, issuer: &str) -> IssuerKeys {
        self.keys
            .get(issuer)
            .map_or(IssuerKeys::Unavailable, |keys| IssuerKeys::Usable(Arc::clone(keys)))
    }
}

fn judged(model: &Model, asked: &Asked, known: &Known, now: Timestamp) -> Explanation {
    let gate: &Gate = &model.gate;
    let around = Surroundings { now, keys: known, cache: None, sessions: None };
    let raw = asked.raw();
    match gate::CanonicalRequest::read(&raw, &model.reading) {
        Ok(request) => gate.explain(request, around),
        Err(_) => Explanation {
            verdict: gate.admit(&raw, &model.reading, around),
            route: None,
            policies: Vec::new(),
        },
    }
}
