//! `cargo xtask count --parts`: what a request goes into, in the binary that ships. Its tables are those of
//! docs/what-a-request-costs.md.
//!
//! A function counts for the part whose word comes first in its name: `tokio::…::poll<doors::…>` is tokio's. What was inlined
//! into it counts with it, so that parts are as the optimiser has left them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use tokens::Algorithm;

use super::callgrind::{Cost, functions};
use super::whole::{Way, run};
use crate::dist;
use crate::install::debian;

/// How many requests are counted; as many more begin.
const TIMES: u64 = 400;

/// A part: what it is called, and words in the names of its functions.
type Part = (&'static str, &'static [&'static str]);

const REST: &str = "the rest";
const SHA: Part = ("SHA-256", &["sha256", "SHA256"]);
const MALLOC: Part = (
    "malloc and free",
    &["malloc", "free", "calloc", "realloc", "sysmalloc", "tcache", "unlink_chunk"],
);

/// The parts of a request with a token that was shown before.
const WARM: [Part; 11] = [
    SHA,
    MALLOC,
    (
        "records, JSON and the queue to their writer",
        &["ledger::audit", "serde_json", "doors::recording", "itoa"],
    ),
    ("reading and judging", &["gate::", "tokens::", "doors::judge", "quick_cache"]),
    ("forwarding: headers, endpoint, bodies, outcome", &["doors::"]),
    ("hyper's client", &["hyper::client", "h1::dispatch::Client", "h1::role::Client"]),
    ("hyper's server", &["hyper::", "httparse"]),
    ("tokio: tasks, timers, sockets", &["tokio::", "mio::"]),
    ("copying and comparing memory", &["memcpy", "memmove", "memset", "memcmp", "bcmp"]),
    ("clocks", &["clock_gettime", "std::time"]),
    ("header maps", &["http::header"]),
];

/// The parts of a request with a token that was never seen.
const COLD: [Part; 5] = [
    (
        "large numbers: P-256, RSA",
        &["bn_", "BN_", "bignum_", "p256", "ecp_nistz256", "ec_GF", "rsaz"],
    ),
    SHA,
    ("tokens: parsing, claims, cache", &["tokens::", "quick_cache"]),
    MALLOC,
    ("Cedar", &["cedar_policy"]),
];

/// Counts, and prints both tables in Markdown.
pub(super) fn show() -> Result<()> {
    let valgrind = debian::tool(&debian::VALGRIND)?;
    let binary = dist::built()?;
    let way = |algorithm, signs, cold| Way { algorithm, signs, cold };
    let warm = costs(&valgrind, &binary, way(Algorithm::Rs256, false, false))?;
    println!("{}", warm_table(&by_part(&warm, &WARM)));
    let mut columns = Vec::new();
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        for signs in [false, true] {
            let costs = costs(&valgrind, &binary, way(algorithm, signs, true))?;
            columns.push(by_part(&costs, &COLD));
        }
    }
    println!("{}", cold_table(&columns));
    Ok(())
}

/// What one request costs in each function.
fn costs(valgrind: &Path, binary: &Path, way: Way) -> Result<BTreeMap<String, Cost>> {
    let folder = tempfile::tempdir()?;
    let counted = |times: u64| {
        let file = folder.path().join(format!("{times}.callgrind"));
        let mut command = Command::new(valgrind);
        command.args(["--tool=callgrind", "--cache-sim=yes"]);
        command.arg(format!("--callgrind-out-file={}", file.display()));
        run(command, binary, way, usize::try_from(times)?)?;
        functions(&std::fs::read_to_string(file)?)
    };
    let (once, mut twice) = (counted(TIMES)?, counted(2 * TIMES)?);
    for (name, cost) in &mut twice {
        *cost = *cost - once.get(name).copied().unwrap_or_default();
    }
    Ok(twice)
}

/// The cost of each part for one request, in their order; that of all other functions comes last.
fn by_part(functions: &BTreeMap<String, Cost>, parts: &[Part]) -> Vec<(&'static str, Cost)> {
    let names = parts.iter().map(|(part, _)| *part).chain([REST]);
    let mut costs: Vec<(&str, Cost)> = names.map(|name| (name, Cost::default())).collect();
    for (name, cost) in functions {
        let part = part_of(name, parts);
        if let Some((_, sum)) = costs.iter_mut().find(|(one, _)| *one == part) {
            *sum += *cost;
        }
    }
    for (_, cost) in &mut costs {
        *cost = cost.each(TIMES);
    }
    costs
}

fn part_of(function: &str, parts: &[Part]) -> &'static str {
    let first = |words: &[&str]| words.iter().filter_map(|word| function.find(word)).min();
    let found = parts.iter().filter_map(|(part, words)| Some((first(words)?, *part)));
    // Of parts that begin at the same place, the first.
    found.min_by_key(|(place, _)| *place).map_or(REST, |(_, part)| part)
}

fn warm_table(parts: &[(&str, Cost)]) -> String {
    let mut table =
        "| part | instructions | misses of the instruction cache |\n| --- | --- | --- |\n"
            .to_owned();
    let mut row = |name: &str, cost: Cost| {
        // Writing into a string does not fail.
        let _ = writeln!(
            table,
            "| {name} | {} | {} |",
            grouped(cost.instructions),
            grouped(cost.misses)
        );
    };
    let (mut parts, mut sum) = (parts.to_vec(), Cost::default());
    parts.retain(|(name, _)| *name != SHA.0);
    // What belongs nowhere comes last.
    parts.sort_by_key(|(name, cost)| (*name == REST, std::cmp::Reverse(cost.instructions)));
    for (name, cost) in parts {
        row(name, cost);
        sum += cost;
    }
    row("**all but SHA-256**", sum);
    table
}

/// Each part with its instructions in each of the columns.
fn cold_table(columns: &[Vec<(&str, Cost)>]) -> String {
    let mut table =
        "| | ES256 | with a signed identity | RS256 | with a signed identity |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for (name, _) in columns.first().into_iter().flatten() {
        let costs = columns.iter().flat_map(|column| column.iter().filter(|(one, _)| one == name));
        let costs = costs.map(|(_, cost)| format!(" {} |", grouped(cost.instructions)));
        let _ = writeln!(table, "| {name} |{}", costs.collect::<String>());
    }
    table
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let (above, below) = (number / 1000, number % 1000);
    if above == 0 { below.to_string() } else { format!("{},{below:03}", grouped(above)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(instructions: u64) -> Cost {
        Cost { instructions, misses: 1 }
    }

    #[test]
    fn a_function_belongs_to_the_part_that_its_name_begins_with() {
        for (function, part) in [
            ("_int_malloc", "malloc and free"),
            ("aws_lc_0_39_0_sha256_block_data_order_nohw", "SHA-256"),
            (
                "<tokio::runtime::task::core::Core<doors::proxy::worker::Serve>>::poll",
                "tokio: tasks, timers, sockets",
            ),
            ("doors::judge::judge::{closure#0}", "reading and judging"),
            (
                "doors::proxy::forward::forward::{closure#0}",
                "forwarding: headers, endpoint, bodies, outcome",
            ),
            ("main", "the rest"),
        ] {
            assert_eq!(part_of(function, &WARM), part, "{function}");
        }
    }

    #[test]
    fn parts_are_of_one_request_and_nothing_is_lost() {
        let functions =
            [("gate::judge", 4000), ("tokens::find", 8000), ("main", 400), ("malloc", 800)];
        let functions = functions.map(|(name, instructions)| (name.to_owned(), cost(instructions)));
        let parts = by_part(&functions.into(), &WARM);
        let of = |name| parts.iter().find(|(one, _)| *one == name).unwrap().1.instructions;
        assert_eq!([of("reading and judging"), of(REST), of("malloc and free")], [30, 1, 2]);
        assert_eq!(parts.iter().map(|(_, cost)| cost.instructions).sum::<u64>(), 33);
    }

    #[test]
    fn the_greatest_part_is_first_and_the_rest_last_and_sha_256_is_not_counted() {
        let table = warm_table(&[
            (SHA.0, cost(9)),
            (REST, cost(7000)),
            ("a", cost(1)),
            ("b", cost(1_234_567)),
        ]);
        let rows: Vec<_> = table.lines().skip(2).collect();
        let expected = [
            "| b | 1,234,567 | 1 |",
            "| a | 1 | 1 |",
            "| the rest | 7,000 | 1 |",
            "| **all but SHA-256** | 1,241,568 | 3 |",
        ];
        assert_eq!(rows, expected);
    }
}
