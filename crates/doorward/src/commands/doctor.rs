//! `doorward doctor`.

mod bypass;
mod findings;
mod issuers;
mod mending;
mod providers;
mod services;
mod token;

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokens::KeySet;

use self::findings::{Findings, counted};
use super::fail;
use super::printed;
use crate::config::{Loaded, Machine};

/// Look at the configuration, the issuers, the providers, the clock, the services and a token, and say what to change.
#[derive(Debug, Args)]
#[command(after_help = GUIDE)]
pub(super) struct Doctor {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "doorward.yaml")]
    config: PathBuf,
    /// Also look at the token on standard input; it is never shown.
    #[arg(long, value_name = "-")]
    token: Option<String>,
    /// Instead, try to reach the services around the gate, from here.
    #[arg(long, conflicts_with = "token")]
    bypass: bool,
}

const GUIDE: &str = "\
A token is read from standard input and never shown:
  echo $TOKEN | doorward doctor --token -

Around the gate, from where a caller could be (another machine, pod or network):
  doorward doctor --bypass --config services.yaml
It sends every endpoint of every service a GET (or HEAD) for the routes that are not open
to anyone: without an identity, then with plain identity headers and a Doorward-Identity
that it makes up. It shows no client certificate. Whatever is answered with another status
than 401 or 403 can be had by anybody there: let only the gate reach the service (network
policy, mTLS), and let the service check Doorward-Identity. The configuration needs no
more than listen (of any kind), identity, issuers, services and routes: leave private keys
at home.

Ends with 1 when a check fails.";

/// What the command ends with when it was asked wrongly.
const USAGE: u8 = 2;

/// The keys of the issuers that could be looked at, by name.
type KnownKeys = HashMap<String, Arc<KeySet>>;

impl Doctor {
    pub(super) fn run(self) -> ExitCode {
        // Not clap's to refuse: it would show what was given.
        if self.token.as_deref().is_some_and(|token| token != "-") {
            eprintln!("doorward: a token is read from standard input: write `--token -`");
            return ExitCode::from(USAGE);
        }
        let loaded = match Loaded::read(&self.config, &Machine) {
            Ok(loaded) => loaded,
            Err(report) => {
                printed(format_args!("FAIL  config: {}\n", report.summary()));
                eprint!("{}", report.render(std::io::stderr().is_terminal()));
                return ExitCode::FAILURE;
            }
        };
        let token = match self.token.as_deref().map(super::text_or_stdin).transpose() {
            Ok(token) => token,
            Err(error) => return fail(&error),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return fail(&error),
        };
        let mut findings = Findings::new(&loaded.config);
        let routes = counted(loaded.config.gate.routes.len(), "route");
        findings.ok(format!("config: {} is good, with {routes}", self.config.display()));
        if self.bypass {
            runtime.block_on(bypass::check(&mut findings, &loaded.gate));
            return if findings.are_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        for exception in loaded.config.exceptions() {
            findings.warn(format!("config: `{}` is on: {}", exception.key, exception.meaning), "");
        }
        runtime.block_on(async {
            let keys = issuers::check(&mut findings).await;
            providers::check(&mut findings).await;
            services::check(&mut findings).await;
            if let Some(token) = &token {
                token::check(&mut findings, token, &keys);
            }
        });
        if findings.are_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
