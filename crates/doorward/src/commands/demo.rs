//! `doorward demo`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::fail;
use super::printed;
use crate::demo::{CONFIG_FILE, Demo, DemoError, Ports, cases, eject, ports};

/// See it decide: a small OpenID provider, two services and the gate, with nothing to install.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Try every line of the table, and exit with 0 only if each comes out as it shall.
    #[arg(long)]
    check: bool,
    /// Write the configuration and its policies to this directory, for editing, and stop.
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    eject: Option<PathBuf>,
    /// Use the configuration in this directory, as `--eject` wrote it.
    #[arg(long, value_name = "DIR", conflicts_with = "eject")]
    with: Option<PathBuf>,
    /// The first of the five ports in a row that the demo takes; by default 8080, or what `--with` was written for.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=65531))]
    port: Option<u16>,
}

impl DemoArgs {
    pub(super) fn run(self) -> ExitCode {
        let ports = match ports(self.port, self.with.as_deref()) {
            Ok(ports) => ports,
            Err(error) => return fail(&error),
        };
        if let Some(directory) = &self.eject {
            return match eject(ports, directory) {
                Ok(files) => {
                    files
                        .iter()
                        .for_each(|file| printed(format_args!("wrote {}\n", file.display())));
                    printed(format_args!(
                        "\nrun `doorward demo --with {}`, then change a rule and save\n",
                        directory.display()
                    ));
                    ExitCode::SUCCESS
                }
                Err(error) => fail(&error),
            };
        }
        match self.show(ports) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => fail(&error),
        }
    }

    fn show(&self, ports: Ports) -> Result<bool, DemoError> {
        let demo = Demo::start(ports, self.with.as_deref())?;
        let ready = demo.is_ready();
        if self.check {
            printed(format_args!("{:<52} {:>6} {:>6}\n", "request", "shall", "does"));
            let good = demo.check(|case, got| {
                let got_text = got.as_ref().map_or_else(Clone::clone, u16::to_string);
                let mark = if *got == Ok(case.status) { "" } else { "   <-- differs" };
                printed(format_args!(
                    "{:<52} {:>6} {:>6}{mark}\n",
                    case.name, case.status, got_text
                ));
            });
            demo.stop()?;
            printed(format_args!("{}\n", if good { "all agree" } else { "some differ" }));
            return Ok(good && ready);
        }
        printed(format_args!("Open this in a browser: {}/\n", ports.home()));
        let gate = format!("http://127.0.0.1:{}", ports.gate);
        if ready {
            printed(format_args!(
                "The gate is at {gate}, and decides. Paste a line into another terminal:\n\n"
            ));
        } else {
            printed(format_args!(
                "The gate is at {gate}, and waits for the provider's keys; http://127.0.0.1:{}/readyz says why.\n\n",
                ports.admin
            ));
        }
        for case in cases() {
            printed(format_args!("# {}: {}\n{}\n\n", case.name, case.status, case.how(ports)));
        }
        let from = self.with.as_ref().map(|directory| directory.join(CONFIG_FILE));
        match from {
            Some(path) => {
                printed(format_args!("Rules: {} (change one and save).\n", path.display()))
            }
            None => printed(format_args!("To change the rules: doorward demo --eject DIR\n")),
        }
        printed(format_args!(
            "Ready and why not: http://127.0.0.1:{}/readyz. Each decision follows; Ctrl-C ends.\n\n",
            ports.admin
        ));
        demo.run()?;
        Ok(true)
    }
}
