//! Callers that take up connections and give little for it, beside callers that behave.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use testbed::clock::{let_pass, until};
use testbed::misbehaving::open_files;
use testbed::offered::{Outcome, percentile};
use testbed::{Habit, Misbehaving, Offer, Offered, bulk};

use super::Resilience;
use super::door::{Door, Setting};
use crate::machine::{described, resident_mib};

/// Requests of callers that behave, in a second.
const RATE: u32 = 500;
/// How long those wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How large an answer is that is read slowly; no buffer on the way takes it whole.
const LARGE: u64 = 32 << 20;

/// Those that do not behave: how many, and how.
const CASES: [(&str, usize, Option<Habit>); 5] = [
    ("nobody else", 0, None),
    ("2,000 that send a byte of a head every second", 2_000, Some(Habit::SlowHead)),
    ("2,000 that send a byte of a body every 3 s", 2_000, Some(Habit::SlowBody)),
    ("2,000 that take a byte of 32 MiB every second", 2_000, Some(Habit::SlowReader)),
    ("10,000 that say nothing", 10_000, Some(Habit::Idle)),
];

/// Measures each case.
pub(super) fn measure(options: &Resilience, binary: &Path) -> Result<String> {
    let seconds = Duration::from_secs(if options.quick { 5 } else { 10 });
    let mut text = format!("**Machine**: {}.\n\n", described());
    writeln!(
        text,
        "**Method**: callers that behave ask {RATE} times in a second for {} s, for the same service as those that do \
         not, who are another identity, and wait {} s for an answer. Who is turned away comes back at once. {} files may be open (`ulimit -n`), and \
         Doorward keeps two for each connection.\n",
        seconds.as_secs(),
        PATIENCE.as_secs(),
        open_files().map_or_else(|| "As many as there are".to_owned(), |files| files.to_string()),
    )?;
    text.push_str(
        "| beside them | connected at the end | turned away | failed of all | p50 ms | p99 ms | RSS MiB |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (name, count, habit) in CASES {
        let row = beside(name, count, habit, seconds, binary)?;
        println!("{row}");
        writeln!(text, "{row}")?;
    }
    Ok(text)
}

fn beside(
    name: &str,
    count: usize,
    habit: Option<Habit>,
    seconds: Duration,
    binary: &Path,
) -> Result<String> {
    let service = bulk::start()?;
    let setting = Setting { entries: 100_000, max_connections: 512, max_pending: 1024 };
    let door = Door::open(binary, service.address(), setting)?.apart()?;
    let others = match habit {
        Some(habit) => {
            let head = match habit {
                Habit::SlowBody => {
                    door.other_head("POST", "/orders/slow", "Content-Length: 100000\r\n")
                }
                _ => door.other_head("GET", &format!("/orders/{LARGE}"), ""),
            };
            let others = Misbehaving::start(door.address, habit, count, &head)?;
            // Some may have been turned away by then.
            let most = count * 9 / 10;
            let _ = until(name, Duration::from_secs(10), || {
                Ok((others.open() + others.turned_away() >= most).then_some(()))
            });
            Some(others)
        }
        None => None,
    };
    let offer =
        Offer { address: door.address, rate: Some(RATE), connections: 500, patience: PATIENCE };
    let head = door.head("GET", "/orders/64", "");
    let load = Offered::start(offer, move |_| head.clone())?;
    let_pass(seconds);
    let resident = resident_mib(door.pid())?;
    let endings = load.stop()?;
    let good: Vec<_> =
        endings.iter().filter(|one| one.outcome == Outcome::Answered(200)).copied().collect();
    let failed: std::collections::BTreeMap<_, usize> = endings
        .iter()
        .filter(|one| one.outcome != Outcome::Answered(200))
        .fold(std::collections::BTreeMap::new(), |mut all, one| {
            *all.entry(one.outcome).or_default() += 1;
            all
        });
    if !failed.is_empty() {
        println!("{name}: {failed:?}\n{}", door.log());
    }
    let (open, away) =
        others.as_ref().map_or((0, 0), |others| (others.open(), others.turned_away()));
    Ok(format!(
        "| {name} | {open} | {away} | {} of {} | {:.1} | {:.1} | {resident} |",
        endings.len() - good.len(),
        endings.len(),
        percentile(&good, 0.5).as_secs_f64() * 1e3,
        percentile(&good, 0.99).as_secs_f64() * 1e3,
    ))
}
