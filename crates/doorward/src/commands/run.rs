//! `doorward run`.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::fail;
use crate::config::{Loaded, Machine};
use crate::server::{Inherited, Listeners, Server, init_logs};

/// Serve: read the configuration, open the doors, and read it again whenever it changes.
#[derive(Debug, Args)]
#[command(after_help = GUIDE)]
pub(super) struct Run {
    /// The configuration file.
    #[arg(default_value = "doorward.yaml")]
    config: PathBuf,
    /// The same, as an option.
    #[arg(long = "config", value_name = "CONFIG", conflicts_with = "config")]
    config_option: Option<PathBuf>,
    /// Take the listening sockets over from the process that runs with the same audit directory, which then answers what
    /// it has begun and ends; if there is none, start as usual.
    #[arg(long)]
    take_over: bool,
}

const GUIDE: &str = "\
Examples:
  doorward run                               serve by doorward.yaml
  doorward run /etc/doorward/doorward.yaml   serve by another file
  doorward run --take-over                   restart, or upgrade, without a refused connection

Signals:
  HUP          read the configuration again
  TERM, INT    accept no more, answer what has begun within `limits.drain`, and end

Exit status: 0 after a good end, 1 when it cannot start or not all could be recorded, 2 for a wrong command line.
Sockets that a service manager passes (LISTEN_FDS) are used; it is told when requests flow (NOTIFY_SOCKET).";

impl Run {
    pub(super) fn run(self) -> ExitCode {
        // First of all: it changes the environment, and must be alone for that.
        let inherited = match Inherited::from_environment() {
            Ok(inherited) => inherited,
            Err(error) => return fail(&error),
        };
        let listeners = match inherited {
            Some(_) if self.take_over => {
                let error = "a service manager passes the sockets: there is nothing to take over; leave `--take-over` out";
                return fail(&error);
            }
            Some(inherited) => Listeners::Inherited(inherited),
            None if self.take_over => Listeners::TakenOver,
            None => Listeners::Own,
        };
        let path = self.config_option.unwrap_or(self.config);
        let loaded = match Loaded::read(&path, &Machine) {
            Ok(loaded) => loaded,
            Err(report) => {
                eprint!("{}", report.render(std::io::stderr().is_terminal()));
                return ExitCode::FAILURE;
            }
        };
        init_logs(&loaded.config.telemetry);
        for exception in loaded.config.exceptions() {
            tracing::warn!(
                key = exception.key,
                meaning = exception.meaning,
                "an exception to a safe default"
            );
        }
        let server = match Server::start(loaded, Some(path), listeners) {
            Ok(server) => server,
            Err(error) => return fail(&error),
        };
        let told = |address: Option<SocketAddr>| address.map(tracing::field::display);
        tracing::info!(
            http = told(server.http()),
            https = told(server.https()),
            ext_authz = server.ext_authz().map(tracing::field::display),
            forward_auth = server.forward_auth().map(tracing::field::display),
            admin = %server.admin(),
            "ready to judge"
        );
        match server.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }
}
