//! Three endpoints under load, one of which goes wrong: how many requests fail behind each proxy.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use testbed::clock::let_pass;
use testbed::offered::{Ending, Outcome, percentile};
use testbed::{Behaviour, Deliveries, Faulty, Names, Offer, Offered, Port};

use super::Resilience;
use super::proxies::{Behind, NAMES, Proxy};
use crate::machine::described;
use crate::peer;

/// Requests in a second; every fourth is a POST, the others are GET.
const RATE: u32 = 400;
/// The most connections to a proxy.
const CONNECTIONS: usize = 1_000;
/// An answer that comes later than this after its request was due is a failed one: two tries of one second each, and
/// some.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// How long the machine may hold up the load itself; a round in which it is longer says nothing of the proxy.
const MOST_LAG: Duration = Duration::from_millis(300);
/// How often a round is played at most.
const TRIES: usize = 5;
/// The name that endpoints are looked up by.
const NAME: &str = "orders.test";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An endpoint is gone, and comes back.
    Killed,
    /// An endpoint behaves like this, and then well again.
    Behaves(Behaviour),
    /// The name says another address in place of one that goes away two seconds later.
    Moved,
}

/// The faults, by what the table calls them.
pub(crate) const FAULTS: [(&str, Fault); 6] = [
    ("killed and revived", Fault::Killed),
    ("hung: takes requests, answers none", Fault::Behaves(Behaviour::Hung)),
    ("slow: answers after 2 s", Fault::Behaves(Behaviour::Slow(Duration::from_secs(2)))),
    ("resetting: reads a request, then RST", Fault::Behaves(Behaviour::Resetting)),
    ("answers 500 to everything", Fault::Behaves(Behaviour::Failing)),
    ("DNS: one of three addresses replaced", Fault::Moved),
];

/// How long what lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spells {
    /// Before the fault.
    pub(crate) before: Duration,
    /// During it.
    pub(crate) during: Duration,
    /// After it.
    pub(crate) after: Duration,
}

/// What one proxy made of one fault.
#[derive(Debug)]
pub(crate) struct Toll {
    /// Requests by method: all, and those that failed.
    pub(crate) gets: (usize, usize),
    pub(crate) posts: (usize, usize),
    /// POSTs that services got more than once.
    pub(crate) posts_repeated: usize,
    /// How those that failed ended.
    pub(crate) failures: BTreeMap<Outcome, usize>,
    /// 99 of 100 requests that did not fail took at most this long, in the worst round.
    pub(crate) p99: Duration,
    /// Requests that the endpoint that went wrong answered after it was well again, or that took its place.
    pub(crate) answered_after: u64,
}

/// Plays every fault behind every proxy.
pub(super) fn measure(options: &Resilience, binary: &Path) -> Result<String> {
    let (rounds, seconds) = if options.quick { (1, [1, 2, 1]) } else { (2, [2, 4, 3]) };
    let [before, during, after] = seconds.map(Duration::from_secs);
    let spells = Spells { before, during, after };
    let mut rows = Vec::new();
    for (name, fault) in FAULTS {
        if options.fault.as_ref().is_some_and(|part| !name.contains(part.as_str())) {
            continue;
        }
        let mut tolls = Vec::new();
        for proxy in NAMES {
            let toll = (0..rounds)
                .map(|_| play(proxy, fault, spells, binary))
                .reduce(|sum, toll| Ok(sum?.plus(toll?)))
                .context("one round or more")?;
            match &toll {
                Ok(toll) => println!("{name}: {proxy}: {toll}"),
                Err(error) => println!("{name}: {proxy}: could not be played: {error:#}"),
            }
            tolls.push(toll.ok());
        }
        rows.push((name, tolls));
    }
    table(&rows, rounds, spells)
}

/// Plays `fault` behind the proxy called `name`; again when the machine held up the load itself.
pub(crate) fn play(name: &str, fault: Fault, spells: Spells, binary: &Path) -> Result<Toll> {
    for _ in 0..TRIES {
        let (toll, lag) = play_once(name, fault, spells, binary)?;
        if lag <= MOST_LAG {
            return Ok(toll);
        }
        println!("  once more: the machine held up the load for {} ms", lag.as_millis());
    }
    bail!("the machine is too busy to tell")
}

fn play_once(name: &str, fault: Fault, spells: Spells, binary: &Path) -> Result<(Toll, Duration)> {
    let deliveries = Deliveries::default();
    let port = Arc::new(Port::reserve()?);
    let ports = match fault {
        Fault::Moved => [2, 3, 4]
            .map(|last| port.beside(Ipv4Addr::new(127, 0, 0, last)).map(Arc::new))
            .into_iter()
            .collect::<Result<Vec<_>>>()?,
        _ => vec![port, Arc::new(Port::reserve()?), Arc::new(Port::reserve()?)],
    };
    let start = |port: &Arc<Port>| Faulty::start(port, &deliveries);
    let mut services = ports.iter().map(start).collect::<Result<Vec<_>>>()?;
    let names = Names::start()?;
    let addresses = ports.iter().map(|port| port.address());
    let at = |port: &Port| match port.address().ip() {
        std::net::IpAddr::V4(address) => address,
        std::net::IpAddr::V6(_) => Ipv4Addr::LOCALHOST,
    };
    let mut known: Vec<_> = ports.iter().map(|port| at(port)).collect();
    names.set(NAME, &known);
    let behind = match (fault, ports.first()) {
        (Fault::Moved, Some(port)) => {
            Behind::Name { name: NAME, port: port.address().port(), server: names.address() }
        }
        _ => Behind::Addresses(addresses.collect()),
    };
    let proxy = Proxy::start(name, &behind, binary)?;
    let offer = Offer {
        address: proxy.address,
        rate: Some(RATE),
        connections: CONNECTIONS,
        patience: PATIENCE,
    };
    let load = Offered::start(offer, request)?;
    let_pass(spells.before);
    let frail = services.pop().context("three services")?;
    let frail_port = ports.last().context("three ports")?;
    let frail = match fault {
        Fault::Killed => {
            drop(frail);
            let_pass(spells.during);
            start(frail_port)?
        }
        Fault::Behaves(behaviour) => {
            frail.behave(behaviour);
            let_pass(spells.during);
            frail.behave(Behaviour::Well);
            frail
        }
        Fault::Moved => {
            let other = Arc::new(frail_port.beside(Ipv4Addr::new(127, 0, 0, 5))?);
            let successor = start(&other)?;
            known.pop();
            known.push(at(&other));
            names.set(NAME, &known);
            let_pass(LEAVES_AFTER);
            drop(frail);
            let_pass(spells.during.saturating_sub(LEAVES_AFTER));
            successor
        }
    };
    let before = frail.answered();
    let_pass(spells.after);
    let lag = load.lag();
    let endings = load.stop()?;
    let answered_after = frail.answered() - if fault == Fault::Moved { 0 } else { before };
    Ok((Toll::of(&endings, &deliveries, answered_after), lag))
}

/// How long an address that its name no longer says goes on answering.
const LEAVES_AFTER: Duration = Duration::from_secs(2);

fn is_post(number: u64) -> bool {
    number % 4 == 3
}

fn request(number: u64) -> String {
    if is_post(number) {
        return format!(
            "POST /orders/{number} HTTP/1.1\r\nHost: orders.test\r\nContent-Length: 8\r\n\r\nan order"
        );
    }
    format!("GET /orders/{number} HTTP/1.1\r\nHost: orders.test\r\n\r\n")
}

impl Toll {
    fn plus(mut self, other: Self) -> Self {
        for (mine, theirs) in [(&mut self.gets, other.gets), (&mut self.posts, other.posts)] {
            *mine = (mine.0 + theirs.0, mine.1 + theirs.1);
        }
        self.posts_repeated += other.posts_repeated;
        for (outcome, count) in other.failures {
            *self.failures.entry(outcome).or_default() += count;
        }
        self.p99 = self.p99.max(other.p99);
        self.answered_after += other.answered_after;
        self
    }

    fn of(endings: &[Ending], deliveries: &Deliveries, answered_after: u64) -> Self {
        let mut failures = BTreeMap::new();
        let (mut gets, mut posts) = ((0, 0), (0, 0));
        let mut good = Vec::new();
        for ending in endings {
            let count = if is_post(ending.number) { &mut posts } else { &mut gets };
            count.0 += 1;
            if ending.outcome == Outcome::Answered(200) {
                good.push(*ending);
            } else {
                count.1 += 1;
                *failures.entry(ending.outcome).or_default() += 1;
            }
        }
        Self {
            gets,
            posts,
            posts_repeated: deliveries.repeated("POST "),
            failures,
            p99: percentile(&good, 0.99),
            answered_after,
        }
    }
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((gets, gets_failed), (posts, posts_failed)) = (self.gets, self.posts);
        write!(f, "{gets_failed} of {gets} GET and {posts_failed} of {posts} POST failed")?;
        for (outcome, count) in &self.failures {
            write!(f, ", {count} × {outcome:?}")?;
        }
        write!(
            f,
            "; {} POST done twice, p99 {} ms, {} answered by who was back",
            self.posts_repeated,
            self.p99.as_millis(),
            self.answered_after
        )
    }
}

fn table(rows: &[(&str, Vec<Option<Toll>>)], rounds: usize, spells: Spells) -> Result<String> {
    let mut text = String::new();
    let versions = [peer::nginx_version()?, peer::envoy_version()?].join("; ");
    writeln!(text, "**Machine**: {}. **Versions**: {versions}.\n", described())?;
    writeln!(
        text,
        "**Method**: three endpoints, {RATE} requests in a second for {} s (three in four are GET, the fourth is POST), \
         one proxy after the other with one worker or thread; sums of {rounds} rounds. The fault is there from second {} to second {}. All wait \
         500 ms for a connection and 1 s for the first byte. A request fails when it is answered with another status \
         than 200, not at all, or more than {} ms after it was due.\n",
        (spells.before + spells.during + spells.after).as_secs(),
        spells.before.as_secs(),
        (spells.before + spells.during).as_secs(),
        PATIENCE.as_millis(),
    )?;
    text.push_str("| one endpoint of three |");
    for name in NAMES {
        write!(text, " {name}: GET | POST | done twice | p99 ms |")?;
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(4 * NAMES.len()));
    text.push('\n');
    for (name, tolls) in rows {
        write!(text, "| {name} |")?;
        for toll in tolls {
            match toll {
                None => text.push_str(" – | – | – | – |"),
                Some(toll) => write!(
                    text,
                    " {} | {} | {} | {} |",
                    toll.gets.1,
                    toll.posts.1,
                    toll.posts_repeated,
                    toll.p99.as_millis()
                )?,
            }
        }
        text.push('\n');
    }
    Ok(text)
}
