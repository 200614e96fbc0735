//! wrk, the load generator.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use testbed::client;

use super::contestant::Contestant;
use super::measure::Sample;
use crate::command::{Run, program};
use crate::install::debian;
use crate::machine::processor_seconds;

/// The script: credentials in turn, and figures in one line at the end.
const SCRIPT: &str = include_str!("../../bench/credentials.lua");

/// Keep-alive connections.
const CONNECTIONS: &str = "32";

/// How long caches and connections are warmed up at first, in seconds; not counted.
const WARM_UP: u64 = 1;

/// The longest warm-up, in seconds.
const LONGEST_WARM_UP: u64 = 128;

/// wrk with some credentials for a host.
pub(super) struct Wrk {
    binary: PathBuf,
    script: PathBuf,
    credentials: PathBuf,
    host: &'static str,
    first: String,
    number: usize,
}

impl Wrk {
    /// Writes the script and the credentials, each a header line, to `folder`, by this name.
    pub(super) fn new(
        folder: &Path,
        (name, host): (&str, &'static str),
        credentials: &[String],
    ) -> Result<Self> {
        let (script, file) = (folder.join("credentials.lua"), folder.join(name));
        std::fs::write(&script, SCRIPT)?;
        std::fs::write(&file, credentials.join("\n"))?;
        let first = credentials.first().context("there are credentials")?.clone();
        let (binary, number) = (debian::tool(&debian::WRK)?, credentials.len());
        Ok(Self { binary, script, credentials: file, host, first, number })
    }

    /// Checks that `contestant` does the work: a good credential passes, a spoiled one does not.
    pub(super) fn check(&self, contestant: &Contestant) -> Result<()> {
        let end = self.first.len().checked_sub(8).context("a credential is long")?;
        let spoiled = format!("{}AAAAAAAA", self.first.get(..end).unwrap_or_default());
        for (credential, allowed) in [(&self.first, true), (&spoiled, !contestant.checks)] {
            let host = self.host;
            let request = format!(
                "GET /orders/1 HTTP/1.1\r\nHost: {host}\r\n{credential}\r\nConnection: close\r\n\r\n"
            );
            let reply = client::ask(contestant.address, &request)?;
            ensure!(
                (reply.status == 200) == allowed,
                "{} answered {} to a {} credential",
                contestant.name,
                reply.status,
                if allowed { "good" } else { "spoiled" }
            );
        }
        Ok(())
    }

    /// Shows every credential to `contestant` once or more.
    pub(super) fn warm_up(&self, contestant: &Contestant) -> Result<()> {
        let mut seconds = WARM_UP;
        while figure(&self.run(contestant, seconds)?, "requests")? < self.number as f64 {
            seconds *= 2;
            ensure!(seconds <= LONGEST_WARM_UP, "{} is too slow to warm up", contestant.name);
        }
        Ok(())
    }

    /// Measures `contestant` for `seconds`.
    pub(super) fn measure(
        &self,
        contestant: &Contestant,
        table: &'static str,
        round: usize,
        seconds: u64,
    ) -> Result<Sample> {
        let (forwards, asked) = contestant.pids();
        let before = (processor_seconds(forwards)?, asked.map(processor_seconds).transpose()?);
        let figures = self.run(contestant, seconds)?;
        let forwarding = processor_seconds(forwards)? - before.0;
        let asking = asked.map(processor_seconds).transpose()?.zip(before.1);
        let asking = asking.map(|(after, before)| after - before);
        let figure = |name| figure(&figures, name);
        let requests = figure("requests")?;
        ensure!(requests > 0.0, "{} answered nothing", contestant.name);
        let faults = figure("faults")?;
        ensure!(faults == 0.0, "{}: {faults} of {requests} answers were not 200", contestant.name);
        Ok(Sample {
            contestant: contestant.name,
            table,
            round,
            micros: (forwarding + asking.unwrap_or(0.0)) * 1e6 / requests,
            asked: asking.map(|spent| spent * 1e6 / requests),
            rate: requests / (figure("micros")? / 1e6),
            p50: figure("p50")?,
            p99: figure("p99")?,
            resident: contestant.resident()?,
        })
    }

    /// Runs wrk and hands over the line of figures that the script prints.
    fn run(&self, contestant: &Contestant, seconds: u64) -> Result<String> {
        let text = program(&self.binary)
            .args(["--threads", "1", "--connections", CONNECTIONS, "--duration"])
            .arg(format!("{seconds}s"))
            .arg("--script")
            .arg(&self.script)
            .arg(format!("http://{}", contestant.address))
            .env("CREDENTIALS", &self.credentials)
            .env("HOST", self.host)
            .output_text()?;
        let line = text.lines().find_map(|line| line.strip_prefix("figures "));
        Ok(line.with_context(|| format!("wrk printed no figures: {text}"))?.to_owned())
    }
}

/// A figure of the line that the script prints.
fn figure(figures: &str, name: &str) -> Result<f64> {
    let value = figures.split(' ').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let value = value.and_then(|value| value.parse().ok());
    value.with_context(|| format!("expected `{name}` in `{figures}`"))
}
