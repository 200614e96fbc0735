//! `doorward sessions`: who is signed in, and who is not any more.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use ledger::Clock as _;
use ledger::state::{Ending, Ledger, LedgerError, MAX_ROWS, SessionFilter, SessionSummary, open};
use serde_json::json;
use tokens::{SessionId, Timestamp};

use super::{fail, printed};
use crate::clock::SystemClock;
use crate::config::{Loaded, Machine};
use crate::entropy;
use crate::server::ledger_options;

/// Who is signed in; and ending sessions, at every door of every replica within a second.
#[derive(Debug, Args)]
pub(super) struct Sessions {
    /// The configuration file, which says where the ledger is.
    #[arg(long, global = true, value_name = "FILE", default_value = "doorward.yaml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the sessions, in the order of their ids.
    List(List),
    /// End sessions. What they have open is cut off; their owners can sign in again.
    Revoke(Revoke),
}

#[derive(Debug, Args)]
struct List {
    /// Only those that began at this provider.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only those of this subject, as its provider writes it.
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Revoke {
    #[command(flatten)]
    which: Which,
    /// Why, for the audit log; who says so stands there in any case.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Which {
    /// The session of this id, as `list` and the audit log name it.
    #[arg(conflicts_with_all = ["provider", "subject", "all"])]
    id: Option<SessionId>,
    /// All that began at this provider; with `--subject`, those of that subject alone.
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    provider: Option<String>,
    /// All of this subject of the provider, as the provider writes it.
    #[arg(long, value_name = "SUBJECT", requires = "provider", conflicts_with = "all")]
    subject: Option<String>,
    /// Every one.
    #[arg(long)]
    all: bool,
}

impl Sessions {
    pub(super) fn run(self) -> ExitCode {
        let loaded = match Loaded::read(&self.config, &Machine) {
            Ok(loaded) => loaded,
            Err(report) => {
                eprint!("{}", report.render(false));
                return ExitCode::FAILURE;
            }
        };
        let Some(ledger) = loaded.config.ledger else {
            return fail(&format!("`{}` has no `ledger`: nobody signs in", self.config.display()));
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return fail(&error),
        };
        let done = runtime.block_on(async {
            let options = ledger_options(&ledger);
            let opened = open(&options, entropy::system(), SystemClock.now()).await;
            let ledger = opened.map_err(|error| error.to_string())?.ledger;
            let done = match self.command {
                Command::List(list) => list.run(&ledger).await,
                Command::Revoke(revoke) => revoke.run(&ledger).await,
            };
            done.map_err(|error| error.to_string())
        });
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }
}

impl List {
    async fn run(self, ledger: &Arc<dyn Ledger>) -> Result<(), LedgerError> {
        let filter = SessionFilter { provider: self.provider, subject: self.subject };
        let (now, mut after, mut count) = (SystemClock.now(), None, 0_usize);
        loop {
            let rows = ledger.list_sessions(&filter, after, MAX_ROWS, now).await?;
            for row in &rows {
                let line = if self.json { in_json(row) } else { in_words(row, now) };
                printed(format_args!("{line}\n"));
            }
            count += rows.len();
            after = rows.last().map(|row| row.id);
            if rows.len() < MAX_ROWS as usize {
                break;
            }
        }
        if !self.json {
            printed(format_args!("{}\n", counted(count)));
        }
        Ok(())
    }
}

impl Revoke {
    async fn run(self, ledger: &Arc<dyn Ledger>) -> Result<(), LedgerError> {
        let Which { id, provider, subject, all } = self.which;
        let which = match (id, provider, subject) {
            (Some(id), ..) => Ending::Session(id),
            (None, Some(provider), Some(subject)) => Ending::Subject { provider, subject },
            (None, Some(provider), None) => Ending::Provider(provider),
            (None, None, _) if all => Ending::All,
            // INVARIANT: the command line demands one of them.
            (None, None, _) => return Ok(()),
        };
        let note = match self.reason {
            Some(reason) => format!("{}: {}", operator(), reason.escape_debug()),
            None => operator(),
        };
        let ended = ledger.revoke_sessions(&which, &note, SystemClock.now()).await?;
        printed(format_args!("{} ended\n", counted(ended.len())));
        Ok(())
    }
}

/// Who says so: the user as the system knows it, and the machine.
fn operator() -> String {
    // What the user can set stands behind what they cannot, and says nothing else.
    let said = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_default();
    let plain = |char: &char| char.is_ascii_alphanumeric() || "-_.".contains(*char);
    let name: String = said.chars().filter(plain).take(64).collect();
    let (uid, system) = (rustix::process::getuid().as_raw(), rustix::system::uname());
    let called = if name.is_empty() { name } else { format!(", called {name}") };
    format!("by uid {uid} on {}{called}", system.nodename().to_string_lossy())
}

fn counted(count: usize) -> String {
    if count == 1 { "1 session".to_owned() } else { format!("{count} sessions") }
}

fn in_json(row: &SessionSummary) -> String {
    json!({
        "id": row.id.to_string(),
        "provider": row.provider,
        "subject": row.subject,
        "began_at": row.began_at.as_secs(),
        "seen_at": row.seen_at.as_secs(),
        "ends_at": row.ends_at.as_secs(),
    })
    .to_string()
}

/// A provider may have put anything into a subject: nothing of it reaches the terminal but text.
fn in_words(row: &SessionSummary, now: Timestamp) -> String {
    let subject: String =
        row.subject.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let minutes = |later: Timestamp, earlier: Timestamp| later.since(earlier).as_secs() / 60;
    format!(
        "{}  {}/{subject}  began {} min ago, seen {} min ago, ends in {} min",
        row.id,
        row.provider,
        minutes(now, row.began_at),
        minutes(now, row.seen_at),
        minutes(row.ends_at, now),
    )
}
