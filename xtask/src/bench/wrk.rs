//! wrk, the load generator over HTTP/1.1.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use testbed::client;

use super::contestant::Contestant;
use super::field::{Field, HOST};
use super::measure::{Sample, Samples};
use crate::command::{Run, program};
use crate::install::debian;

/// The script: credentials in turn, and figures in one line at the end.
const SCRIPT: &str = include_str!("../../bench/credentials.lua");

/// Keep-alive connections.
pub(super) const CONNECTIONS: usize = 32;

/// The longest that it may take to show every credential once, in seconds.
const LONGEST: u64 = 300;

/// wrk with some credentials for a host.
pub(super) struct Wrk {
    binary: PathBuf,
    script: PathBuf,
    credentials: PathBuf,
    host: &'static str,
    first: (String, String),
    number: usize,
    body: usize,
}

/// How long a run is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    /// Until every credential was shown.
    Once,
    Seconds(u64),
}

impl Wrk {
    /// wrk that shows each of `credentials`, which are header lines, at a path of its own. Its files are in `folder`, by this
    /// name.
    pub(super) fn new(folder: &Path, name: &str, credentials: &[String]) -> Result<Self> {
        Self::at(folder, name, credentials, |index| format!("/orders/{}", index + 1))
    }

    /// The same at the paths that `path` says.
    pub(super) fn at(
        folder: &Path,
        name: &str,
        credentials: &[String],
        path: impl Fn(usize) -> String,
    ) -> Result<Self> {
        let (script, file) = (folder.join("credentials.lua"), folder.join(format!("{name}.txt")));
        std::fs::write(&script, SCRIPT)?;
        let lines = credentials.iter().enumerate();
        let lines: Vec<_> = lines.map(|(index, line)| format!("{} {line}", path(index))).collect();
        std::fs::write(&file, lines.join("\n"))?;
        let first = (path(0), credentials.first().context("there are credentials")?.clone());
        let (binary, number) = (debian::tool(&debian::WRK)?, credentials.len());
        Ok(Self { binary, script, credentials: file, host: HOST, first, number, body: 0 })
    }

    /// The same at another host.
    pub(super) fn host(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    /// The same with a body of so many bytes in each request.
    pub(super) fn sending(mut self, bytes: usize) -> Self {
        self.body = bytes;
        self
    }

    /// Checks that `contestant` does the work: a good credential passes, a spoiled one does not.
    pub(super) fn check(&self, contestant: &Contestant) -> Result<()> {
        let (path, good) = &self.first;
        let spoiled = spoiled(good)?;
        for (credential, allowed) in [(good, true), (&spoiled, !contestant.checks)] {
            let host = self.host;
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\n{credential}\r\nConnection: close\r\n\r\n"
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

    /// Shows every credential to `contestant` once.
    pub(super) fn warm_up(&self, contestant: &Contestant) -> Result<()> {
        self.measure(contestant, 0, Length::Once).map(drop)
    }

    /// Measures `contestant`.
    pub(super) fn measure(
        &self,
        contestant: &Contestant,
        round: usize,
        length: Length,
    ) -> Result<Sample> {
        let before = contestant.spent()?;
        let figures = self.run(contestant, length)?;
        let after = contestant.spent()?;
        let figure = |name| figure(&figures, name);
        let requests = figure("requests")?;
        ensure!(requests > 0.0, "{} answered nothing", contestant.name);
        let faults = figure("faults")?;
        ensure!(faults == 0.0, "{}: {faults} of {requests} answers were not 200", contestant.name);
        if let Length::Once = length {
            // What is under way when the last is shown is not counted.
            let least = self.number.saturating_sub(CONNECTIONS) as f64;
            ensure!(requests >= least, "{} is too slow", contestant.name);
        }
        let spent = before.until(after, requests);
        Ok(Sample {
            contestant: contestant.name,
            round,
            micros: spent.all,
            asked: spent.asked,
            rate: requests / (figure("micros")? / 1e6),
            p50: figure("p50")?,
            p99: figure("p99")?,
            p999: figure("p999")?,
            resident: contestant.resident()?,
        })
    }

    /// Runs wrk and hands over the line of figures that the script prints.
    fn run(&self, contestant: &Contestant, length: Length) -> Result<String> {
        let mut command = program(&self.binary);
        let seconds = match length {
            Length::Once => {
                command.env("ONCE", "");
                LONGEST
            }
            Length::Seconds(seconds) => seconds,
        };
        let text = command
            .args(["--threads", "1", "--connections", &CONNECTIONS.to_string(), "--duration"])
            .arg(format!("{seconds}s"))
            .arg("--script")
            .arg(&self.script)
            .arg(format!("http://{}", contestant.address))
            .env("CREDENTIALS", &self.credentials)
            .env("HOST", self.host)
            .env("BODY", self.body.to_string())
            .output_text()?;
        let line = text.lines().find_map(|line| line.strip_prefix("figures "));
        Ok(line.with_context(|| format!("wrk printed no figures: {text}"))?.to_owned())
    }
}

/// Everyone with what is shown to them: checks that they do the work, shows them everything once, and measures them by
/// turns.
pub(super) fn by_turns(
    field: &Field,
    pairs: &[(&Contestant, &Wrk)],
    seconds: u64,
) -> Result<Samples> {
    for (contestant, wrk) in pairs {
        wrk.check(contestant)?;
        wrk.warm_up(contestant)?;
    }
    let mut samples = Samples::default();
    for round in 0..field.rounds() {
        for (contestant, wrk) in pairs {
            let length = Length::Seconds(field.seconds(seconds));
            samples.add(wrk.measure(contestant, round, length)?);
        }
    }
    Ok(samples)
}

/// A credential that is one no more.
pub(crate) fn spoiled(credential: &str) -> Result<String> {
    let end = credential.len().checked_sub(8).context("a credential is long")?;
    Ok(format!("{}AAAAAAAA", credential.get(..end).unwrap_or_default()))
}

/// A figure of the line that the script prints.
fn figure(figures: &str, name: &str) -> Result<f64> {
    let value = figures.split(' ').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let value = value.and_then(|value| value.parse().ok());
    value.with_context(|| format!("expected `{name}` in `{figures}`"))
}
