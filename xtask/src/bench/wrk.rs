//! wrk, the load generator.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokens::Algorithm;

use super::contestant::Contestant;
use super::measure::Sample;
use crate::command::{Run, program};
use crate::install::debian;
use crate::machine::{processor_seconds, resident_mib};

/// The script: tokens in turn, and figures in one line at the end.
const SCRIPT: &str = include_str!("../../bench/tokens.lua");

/// Keep-alive connections.
const CONNECTIONS: &str = "32";

/// How long caches and connections are warmed up, in seconds; not counted.
const WARM_UP: u64 = 1;

/// wrk with the tokens of one algorithm.
pub(super) struct Wrk {
    binary: PathBuf,
    script: PathBuf,
    tokens: PathBuf,
}

impl Wrk {
    /// Writes the script and the tokens to `folder`.
    pub(super) fn new(folder: &Path, tokens: &[String]) -> Result<Self> {
        let (script, file) = (folder.join("tokens.lua"), folder.join("tokens"));
        std::fs::write(&script, SCRIPT)?;
        std::fs::write(&file, tokens.join("\n"))?;
        Ok(Self { binary: debian::tool(&debian::WRK)?, script, tokens: file })
    }

    /// Shows every token to `contestant` once or more.
    pub(super) fn warm_up(&self, contestant: &Contestant) -> Result<()> {
        self.run(contestant, WARM_UP).map(drop)
    }

    /// Measures `contestant` for `seconds`.
    pub(super) fn measure(
        &self,
        contestant: &Contestant,
        algorithm: Algorithm,
        round: usize,
        seconds: u64,
    ) -> Result<Sample> {
        let (forwards, asked) = contestant.pids();
        let before = (processor_seconds(forwards)?, asked.map(processor_seconds).transpose()?);
        let figures = self.run(contestant, seconds)?;
        let forwarding = processor_seconds(forwards)? - before.0;
        let asking = asked.map(processor_seconds).transpose()?.zip(before.1);
        let asking = asking.map(|(after, before)| after - before);
        let figure = |name: &str| {
            figures
                .split(' ')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
                .and_then(|value| value.parse::<f64>().ok())
                .with_context(|| format!("expected `{name}` in `{figures}`"))
        };
        let requests = figure("requests")?;
        ensure!(requests > 0.0, "{} answered nothing", contestant.name);
        let faults = figure("faults")?;
        ensure!(faults == 0.0, "{}: {faults} of {requests} answers were not 200", contestant.name);
        Ok(Sample {
            contestant: contestant.name,
            algorithm,
            round,
            micros: (forwarding + asking.unwrap_or(0.0)) * 1e6 / requests,
            asked: asking.map(|spent| spent * 1e6 / requests),
            rate: requests / (figure("micros")? / 1e6),
            p50: figure("p50")?,
            p99: figure("p99")?,
            resident: resident_mib(forwards)? + asked.map_or(Ok(0), resident_mib)?,
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
            .env("TOKENS", &self.tokens)
            .output_text()?;
        let line = text.lines().find_map(|line| line.strip_prefix("figures "));
        Ok(line.with_context(|| format!("wrk printed no figures: {text}"))?.to_owned())
    }
}
