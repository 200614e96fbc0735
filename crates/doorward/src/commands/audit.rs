//! `doorward audit`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use ledger::audit::{Filter, TailError, TailFrom, tail, verify};
use serde::Deserialize;
use serde_json::Value;

use super::fail;
use super::moment::Moment;
use super::printed;
use crate::config::{Loaded, Machine};
use crate::server::public_keys;

/// Read the audit log, or prove that nobody changed it.
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Tail(TailArgs),
    Verify(VerifyArgs),
}

/// Which log.
#[derive(Debug, Args)]
struct Log {
    /// The audit directory.
    #[arg(default_value = "audit")]
    directory: PathBuf,
    /// The directory that this configuration file names, instead.
    #[arg(long, value_name = "FILE", conflicts_with = "directory")]
    config: Option<PathBuf>,
}

impl Log {
    fn directory(&self) -> Result<PathBuf, String> {
        let Some(path) = &self.config else { return Ok(self.directory.clone()) };
        let loaded = Loaded::read(path, &Machine)
            .map_err(|report| report.render(std::io::stderr().is_terminal()))?;
        Ok(loaded.config.audit.directory)
    }
}

/// Print records, one line each.
#[derive(Debug, Args)]
struct TailArgs {
    #[command(flatten)]
    log: Log,
    /// Go on as records come; begins behind the last one there is.
    #[arg(long, short)]
    follow: bool,
    /// Print records as they are written (OCSF, JSON).
    #[arg(long)]
    json: bool,
    /// Only `allow`, `deny` or (preflights that the gate answered itself) `answer`.
    #[arg(long, value_parser = ["allow", "answer", "deny"])]
    verdict: Option<String>,
    /// Only this route.
    #[arg(long)]
    route: Option<String>,
    /// Only this service.
    #[arg(long)]
    service: Option<String>,
    /// Only this issuer, or provider.
    #[arg(long)]
    issuer: Option<String>,
    /// Only this subject, as its issuer writes it.
    #[arg(long)]
    subject: Option<String>,
    /// Only this status.
    #[arg(long)]
    status: Option<u16>,
    /// Only from this moment on, such as `2026-11-23T23:11:53Z` or seconds since 1970.
    #[arg(long, value_name = "MOMENT")]
    since: Option<Moment>,
    /// Only this request.
    #[arg(long)]
    request_id: Option<String>,
}

/// Check the chain of hashes and the signed checkpoints, and name the first record that is not as it was written.
#[derive(Debug, Args)]
struct VerifyArgs {
    #[command(flatten)]
    log: Log,
    /// The public keys to believe (a JWK set); by default those beside the log, which whoever can write the log can
    /// also replace.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// A file with a checkpoint that was kept elsewhere (lines of `checkpoints.jsonl`; the newest counts): finds a log
    /// that was cut off or rewritten whole.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl Audit {
    pub(super) fn run(self) -> ExitCode {
        match self.action {
            Action::Tail(args) => args.run(),
            Action::Verify(args) => args.run(),
        }
    }
}

impl TailArgs {
    fn run(self) -> ExitCode {
        let directory = match self.log.directory() {
            Ok(directory) => directory,
            Err(error) => return fail(&error.trim_end()),
        };
        match self.print(&directory) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }

    fn print(self, directory: &Path) -> Result<(), TailError> {
        let (follow, json) = (self.follow, self.json);
        let from = if follow { TailFrom::End } else { TailFrom::Start };
        let mut lines = tail(directory, from, self.filter())?;
        let show = |line: &ledger::audit::Line| {
            let text = if json { line.raw().to_owned() } else { line.one_line() };
            printed(format_args!("{text}\n"));
        };
        for line in lines.by_ref() {
            show(&line?);
        }
        if !follow {
            return Ok(());
        }
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build()
        else {
            return Ok(());
        };
        runtime.block_on(async {
            loop {
                show(&lines.follow().await?);
            }
        })
    }

    fn filter(self) -> Filter {
        Filter {
            verdict: self.verdict,
            route: self.route,
            service: self.service,
            subject: self.subject,
            issuer: self.issuer,
            status: self.status,
            since: self.since.map(|moment| moment.0),
            request_id: self.request_id,
        }
    }
}

impl VerifyArgs {
    fn run(self) -> ExitCode {
        let directory = match self.log.directory() {
            Ok(directory) => directory,
            Err(error) => return fail(&error.trim_end()),
        };
        let keys = match public_keys(self.keys.as_deref().unwrap_or(&directory)) {
            Ok(keys) => keys,
            Err(error) => return fail(&error),
        };
        let checkpoint = match self.checkpoint.as_deref().map(checkpoint).transpose() {
            Ok(checkpoint) => checkpoint,
            Err(error) => return fail(&error),
        };
        match verify(&directory, &keys, checkpoint.as_deref()) {
            Ok(report) => {
                let plural = if report.segments == 1 { "" } else { "s" };
                printed(format_args!(
                    "ok: {} records in {} segment{plural}, {} to {}\n",
                    report.records, report.segments, report.first_seq, report.last_seq
                ));
                if report.removed_segments > 0 {
                    printed(format_args!(
                        "{} older segments were removed by retention, each by a signed statement\n",
                        report.removed_segments
                    ));
                }
                if report.torn_bytes > 0 {
                    printed(format_args!(
                        "{} bytes of a half-written record stand at the end, as a crash leaves them\n",
                        report.torn_bytes
                    ));
                }
                if report.unprotected_records > 0 {
                    printed(format_args!(
                        "no checkpoint vouches for the last {} records yet\n",
                        report.unprotected_records
                    ));
                }
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error),
        }
    }
}

/// The newest checkpoint in a file: its JWS alone, or lines of a log's `checkpoints.jsonl`.
fn checkpoint(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("`{shown}`: {error}"))?;
    let statements = text.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let mut jws = statements.map(|line| {
        let statement = serde_json::from_str::<Statement>(line);
        statement.map_or_else(|_| line.to_owned(), |statement| statement.jws)
    });
    jws.find(|jws| is_checkpoint(jws)).ok_or_else(|| {
        format!("`{shown}` holds no checkpoint; write lines of a log's `checkpoints.jsonl` to it")
    })
}

/// A line of `checkpoints.jsonl`.
#[derive(Deserialize)]
struct Statement {
    jws: String,
}

/// Whether a statement is a checkpoint, and not about a segment that was removed.
fn is_checkpoint(jws: &str) -> bool {
    let payload = jws.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let payload = payload.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    payload.is_some_and(|payload| payload.pointer("/claim/checkpoint").is_some())
}
