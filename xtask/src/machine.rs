//! What the kernel tells about a process and the machine.

use anyhow::{Context, Result};

/// Clock ticks in a second, as `/proc` counts them (`getconf CLK_TCK`; the same on every Linux that we run on).
const TICKS: f64 = 100.0;

/// The processor time, user and system, that a process has had so far, in seconds.
pub(crate) fn processor_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything; fields are counted from behind it.
    let (_, fields) = stat.rsplit_once(')').context("expected a name in parentheses")?;
    let mut fields = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let mut next =
        || fields.next().context("expected a processor time")?.map_err(anyhow::Error::from);
    Ok((next()? + next()?) / TICKS)
}

/// The memory that a process has in use, in MiB.
pub(crate) fn resident_mib(pid: u32) -> Result<u64> {
    Ok(resident_kib(pid)? / 1024)
}

/// The memory that a process has in use, in MB: millions of bytes.
pub(crate) fn resident_mb(pid: u32) -> Result<f64> {
    Ok(resident_kib(pid)? as f64 * 1024.0 / 1e6)
}

fn resident_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("expected VmRSS")?;
    Ok(kib.parse()?)
}

/// The machine in a few words.
pub(crate) fn described() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.trim().split('-').next().unwrap_or_default().to_owned();
    format!("{cores} cores of {model}, Linux {kernel}")
}
