//! h2load, the load generator over TLS and HTTP/2.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::contestant::Contestant;
use super::measure::Sample;
use crate::command::{Run, program};
use crate::install::debian;

/// What it asks, again and again.
#[derive(Clone, Debug)]
pub(super) struct H2load {
    /// Its first words, which say by which protocol and on how many connections.
    pub(super) manner: &'static [&'static str],
    /// The name of the protocol (RFC 7301 §6).
    pub(super) protocol: &'static str,
    /// The scheme, with which there is TLS 1.3 or none, and the host and path below it.
    pub(super) scheme: &'static str,
    pub(super) target: String,
    pub(super) headers: Vec<String>,
    /// A file with the body, if there is one.
    pub(super) body: Option<PathBuf>,
    /// Where the time of each request is written.
    pub(super) log: PathBuf,
}

impl H2load {
    /// Checks that all of some requests have an answer with a status of 200 to 299, or that none has.
    pub(super) fn check(&self, contestant: &Contestant, allowed: bool) -> Result<()> {
        let times = self.run(contestant, &["-n", "64"])?;
        let good = times.iter().filter(|(status, _)| (200..300).contains(status)).count();
        ensure!(
            !times.is_empty() && good == if allowed { times.len() } else { 0 },
            "{} answered {good} of {} requests well",
            contestant.name,
            times.len()
        );
        Ok(())
    }

    /// Measures `contestant`.
    pub(super) fn measure(
        &self,
        contestant: &Contestant,
        round: usize,
        seconds: u64,
    ) -> Result<Sample> {
        let before = contestant.spent()?;
        let times = self.run(contestant, &["-D", &seconds.to_string()])?;
        let after = contestant.spent()?;
        let bad = times.iter().filter(|(status, _)| !(200..300).contains(status)).count();
        ensure!(bad == 0, "{}: {bad} of {} answers were bad", contestant.name, times.len());
        let mut micros: Vec<u64> = times.into_iter().map(|(_, micros)| micros).collect();
        micros.sort_unstable();
        let requests = micros.len() as f64;
        let at = |part: f64| {
            let place = ((requests * part) as usize).min(micros.len().saturating_sub(1));
            micros.get(place).map(|micros| *micros as f64).context("it answered nothing")
        };
        let spent = before.until(after, requests);
        Ok(Sample {
            contestant: contestant.name,
            round,
            micros: spent.all,
            asked: spent.asked,
            rate: requests / seconds as f64,
            p50: at(0.5)?,
            p99: at(0.99)?,
            p999: at(0.999)?,
            resident: contestant.resident()?,
        })
    }

    /// Runs it, and tells of each request the status of its answer and how many microseconds that took.
    fn run(&self, contestant: &Contestant, length: &[&str]) -> Result<Vec<(u16, u64)>> {
        // It appends.
        if self.log.is_file() {
            std::fs::remove_file(&self.log)?;
        }
        let mut command = program(debian::tool(&debian::H2LOAD)?);
        command
            .args(["-t", "1", "--connect-to", &contestant.address.to_string()])
            .args(self.manner)
            .args(length)
            .arg("--log-file")
            .arg(&self.log);
        for header in &self.headers {
            command.args(["-H", header]);
        }
        if let Some(body) = &self.body {
            command.arg("-d").arg(body);
        }
        let said = command.arg(format!("{}://{}", self.scheme, self.target)).output_text()?;
        ensure!(said.contains(" 0 errored, 0 timeout"), "{}: {said}", contestant.name);
        let protocol = format!("Application protocol: {}\n", self.protocol);
        ensure!(said.contains(&protocol), "expected {}: {said}", self.protocol);
        let secured = said.contains("TLS Protocol: TLSv1.3\n");
        ensure!(secured == (self.scheme == "https"), "expected TLS 1.3 or none: {said}");
        std::fs::read_to_string(&self.log)?.lines().map(logged).collect()
    }
}

/// Status and microseconds of a line of the log: when it began, and these two.
fn logged(line: &str) -> Result<(u16, u64)> {
    let mut fields = line.split('\t').skip(1).map(str::parse::<u64>);
    let mut next = || fields.next().and_then(Result::ok);
    // What has no answer has no status.
    let status = next().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
    Ok((status, next().with_context(|| format!("expected three numbers in `{line}`"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_tells_status_and_time() {
        assert_eq!(logged("1700000000000000\t200\t431").unwrap(), (200, 431));
        assert_eq!(logged("1700000000000000\t-1\t90").unwrap(), (0, 90));
        assert!(logged("1700000000000000").is_err());
    }
}
