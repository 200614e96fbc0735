//! Three times what Doorward, or the service behind it, can do.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use testbed::clock::let_pass;
use testbed::offered::{Ending, Outcome, percentile};
use testbed::{Narrow, Offer, Offered, Port};

use super::Resilience;
use super::door::{Door, Setting};
use crate::machine::{described, processor_seconds, resident_mib};
use crate::peer::Peer;

/// How many times the capacity is offered.
const TIMES: u32 = 3;
/// How long callers wait.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many verified tokens are kept where they are kept.
const KEPT: usize = 100_000;
/// What a load takes to come to its pace; not counted.
const BEGINNING: Duration = Duration::from_secs(1);
/// The cheap service: nginx, which answers at once.
const CHEAP: &str = include_str!("../../bench/service.conf");
/// The narrow service: so many requests at a time, each so long.
const NARROW: (usize, Duration) = (4, Duration::from_millis(5));

/// Where the slow part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slow {
    Gate,
    Service,
}

/// What was offered to one setting, and what came of it.
struct Figures {
    name: &'static str,
    capacity: f64,
    offered: u32,
    /// Requests in a second that were sent.
    sent: f64,
    goodput: f64,
    /// Of a hundred requests: turned away with 503, answered otherwise, not answered in time.
    shed: f64,
    otherwise: f64,
    unanswered: f64,
    /// How much of its core Doorward used while its capacity was measured, and during the overload, of a hundred.
    busy: (f64, f64),
    p50: Duration,
    p99: Duration,
    /// Memory before and at most during the overload, in MiB.
    resident: (u64, u64),
}

/// Measures each setting.
pub(super) fn measure(options: &Resilience, binary: &Path) -> Result<String> {
    let seconds = Duration::from_secs(if options.quick { 4 } else { 10 });
    let narrow =
        |max_connections, max_pending| Setting { entries: KEPT, max_connections, max_pending };
    let anew = Setting { entries: 0, ..narrow(512, 1024) };
    let settings = [
        ("the gate (each token is verified anew); 2,000 callers", Slow::Gate, anew, 2_000),
        ("the gate; 6,000 callers", Slow::Gate, anew, 6_000),
        (
            "the service (4 at a time, 5 ms each), `max_connections: 16`, `max_pending: 64`; 2,000 callers",
            Slow::Service,
            narrow(16, 64),
            2_000,
        ),
        (
            "the service, with the limits that there are by default; 2,000 callers",
            Slow::Service,
            narrow(512, 1024),
            2_000,
        ),
    ];
    let machine = described();
    let mut all = Vec::new();
    for (name, slow, setting, callers) in settings {
        let figures = overload(name, slow, (setting, callers), seconds, binary)?;
        println!("{}", row(&figures));
        all.push(figures);
    }
    let mut text = format!("**Machine**: {machine}.\n\n");
    writeln!(
        text,
        "**Method**: one data thread on a core of its own, the load and the service on another. Capacity is what 32 \
         connections get that ask again as soon as they are answered, for {} s; it is measured before and after, and the \
         mean taken. {TIMES} times as much is offered in between, at a fixed rate, for as long, by so many callers with a connection each, who go away after {} s and come back; what \
         is due while all of them wait is not sent.\n",
        seconds.as_secs(),
        PATIENCE.as_secs()
    )?;
    text.push_str(
        "| the slow part is | capacity req/s | offered | sent | goodput | of capacity | 503 | other | unanswered | of its core at capacity, at overload | p50 ms | p99 ms | RSS MiB before, most |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for figures in &all {
        writeln!(text, "{}", row(figures))?;
    }
    Ok(text)
}

fn row(figures: &Figures) -> String {
    format!(
        "| {} | {:.0} | {} | {:.0} | {:.0} | {:.0} % | {:.0} % | {:.0} % | {:.0} % | {:.0} %, {:.0} % | {} | {} | {}, {} |",
        figures.name,
        figures.capacity,
        figures.offered,
        figures.sent,
        figures.goodput,
        100.0 * figures.goodput / figures.capacity,
        figures.shed,
        figures.otherwise,
        figures.unanswered,
        figures.busy.0,
        figures.busy.1,
        figures.p50.as_millis(),
        figures.p99.as_millis(),
        figures.resident.0,
        figures.resident.1,
    )
}

fn overload(
    name: &'static str,
    slow: Slow,
    (setting, callers): (Setting, usize),
    seconds: Duration,
    binary: &Path,
) -> Result<Figures> {
    let folder = tempfile::Builder::new().prefix("doorward-overload-").tempdir()?;
    let port = Port::reserve()?;
    let (_cheap, narrow);
    let service = match slow {
        Slow::Gate => {
            _cheap = Peer::nginx(folder.path(), "service", CHEAP, port.address(), &[])?;
            port.address()
        }
        Slow::Service => {
            narrow = Narrow::start(NARROW.0, NARROW.1)?;
            narrow.address()
        }
    };
    let door = Door::open(binary, service, setting)?.apart()?;
    let head = door.head("GET", "/orders/7", "");
    let offer =
        |rate, connections| Offer { address: door.address, rate, connections, patience: PATIENCE };
    let busy = |since: f64| -> Result<f64> {
        Ok(100.0 * (processor_seconds(door.pid())? - since) / seconds.as_secs_f64())
    };
    let capacity = || -> Result<(f64, f64)> {
        let asked = head.clone();
        let load = Offered::start(offer(None, 32), move |_| asked.clone())?;
        let spent = processor_seconds(door.pid())?;
        let_pass(seconds);
        let busy = busy(spent)?;
        Ok((goodput(&load.stop()?, seconds), busy))
    };
    let (capacity_before, busy_before) = capacity()?;
    let before = resident_mib(door.pid())?;
    let offered = (capacity_before * f64::from(TIMES)) as u32;
    let asked = head.clone();
    let load = Offered::start(offer(Some(offered), callers), move |_| asked.clone())?;
    let (mut most, spent) = (before, processor_seconds(door.pid())?);
    while load.elapsed() < seconds {
        most = most.max(resident_mib(door.pid())?);
        let_pass(Duration::from_millis(200));
    }
    let busy = (busy_before, busy(spent)?);
    let endings: Vec<_> =
        load.stop()?.into_iter().filter(|one| one.outcome != Outcome::Unsent).collect();
    let (capacity_after, _) = capacity()?;
    let admitted: Vec<_> = endings.iter().filter(|one| is_good(one)).copied().collect();
    let part = |count: usize| 100.0 * count as f64 / endings.len().max(1) as f64;
    let of =
        |which: fn(Outcome) -> bool| part(endings.iter().filter(|one| which(one.outcome)).count());
    Ok(Figures {
        name,
        capacity: (capacity_before + capacity_after) / 2.0,
        offered,
        sent: endings.len() as f64 / seconds.as_secs_f64(),
        goodput: goodput(&endings, seconds),
        shed: of(|outcome| outcome == Outcome::Answered(503)),
        otherwise: of(
            |outcome| matches!(outcome, Outcome::Answered(status) if status != 503 && status != 200),
        ),
        unanswered: of(|outcome| !matches!(outcome, Outcome::Answered(_))),
        busy,
        p50: percentile(&admitted, 0.5),
        p99: percentile(&admitted, 0.99),
        resident: (before, most),
    })
}

fn is_good(ending: &Ending) -> bool {
    ending.outcome == Outcome::Answered(200)
}

/// Requests in a second that were answered with 200, once the load had come to its pace.
fn goodput(endings: &[Ending], seconds: Duration) -> f64 {
    let counted = endings.iter().filter(|one| {
        let ended = one.due + one.took;
        is_good(one) && ended >= BEGINNING && ended < seconds
    });
    counted.count() as f64 / (seconds - BEGINNING).as_secs_f64()
}
