//! `doorward run`.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::fail;
use crate::config::{Loaded, Machine};
use crate::server::{Server, init_logs};

/// Serve: read the configuration, open the doors, and read it again whenever it changes.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The configuration file.
    #[arg(default_value = "doorward.yaml")]
    config: PathBuf,
    /// The same, as an option.
    #[arg(long = "config", value_name = "CONFIG", conflicts_with = "config")]
    config_option: Option<PathBuf>,
}

impl Run {
    pub(super) fn run(self) -> ExitCode {
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
        let server = match Server::start(loaded, Some(path)) {
            Ok(server) => server,
            Err(error) => return fail(&error),
        };
        let told = |address: Option<SocketAddr>| address.map(tracing::field::display);
        tracing::info!(
            http = told(server.http()),
            https = told(server.https()),
            admin = %server.admin(),
            "ready to judge"
        );
        match server.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }
}
