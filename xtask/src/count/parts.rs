//! `cargo xtask count --parts`: what a request goes into, in the binary that ships. Its tables are those of
//! docs/what-a-request-costs.md.
//!
//! What Callgrind tells of is put into parts by its place: the file of a crate, or else the function.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use tokens::Algorithm;

use super::callgrind::{Cost, places};
use super::whole::{RequestKind, run};
use crate::dist;
use crate::install::debian;

/// How many requests are counted; as many more begin.
const TIMES: u64 = 400;

/// A part: what it is called, and how its places begin.
type Part = (&'static str, &'static [&'static str]);

const REST: &str = "the rest";
const SHA: Part = ("SHA-256", &["sha256", "SHA256"]);
const MALLOC: Part = (
    "malloc and free",
    &["malloc", "_int_", "free", "calloc", "realloc", "sysmalloc", "tcache", "unlink_chunk"],
);

/// The parts of a request with a token that was shown before.
const WARM: [Part; 10] = [
    SHA,
    MALLOC,
    ("records, JSON and the queue to their writer", &["crates/ledger/", "serde_json-", "itoa-"]),
    ("reading and judging", &["crates/gate/", "crates/tokens/", "quick_cache-"]),
    ("forwarding: headers, endpoint, bodies, outcome", &["crates/doors/"]),
    ("hyper: HTTP/1.1 on both sides", &["hyper-", "httparse-"]),
    ("headers and bytes, as hyper has them", &["http-", "bytes-"]),
    ("tokio: tasks, timers, sockets", &["tokio-", "mio-"]),
    ("copying and comparing memory", &["__mem"]),
    ("clocks", &["clock_gettime", "<std::sys::pal::unix::time"]),
];

/// The parts of a request with a token that was never seen.
const COLD: [Part; 5] = [
    SHA,
    ("large numbers: P-256, RSA", &["aws_lc_", "ecp_", "__ecp_", "bn_", "p256", "aws-lc-"]),
    ("tokens: parsing, claims, cache", &["crates/tokens/", "quick_cache-", "base64-"]),
    MALLOC,
    ("Cedar", &["cedar-policy"]),
];

/// Counts, and prints both tables in Markdown.
pub(super) fn show() -> Result<()> {
    let valgrind = debian::tool(&debian::VALGRIND)?;
    let binary = dist::built()?;
    let kind = |algorithm, signs, cold| RequestKind { algorithm, signs, cold };
    let warm = costs(&valgrind, &binary, kind(Algorithm::Rs256, false, false))?;
    println!("{}", warm_table(&by_part(&warm, &WARM)));
    let mut columns = Vec::new();
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        for signs in [false, true] {
            let costs = costs(&valgrind, &binary, kind(algorithm, signs, true))?;
            columns.push(by_part(&costs, &COLD));
        }
    }
    println!("{}", cold_table(&columns));
    Ok(())
}

/// What so many requests cost in each place.
fn costs(valgrind: &Path, binary: &Path, kind: RequestKind) -> Result<BTreeMap<String, Cost>> {
    let folder = tempfile::tempdir()?;
    let counted = |times: u64| {
        let file = folder.path().join(format!("{times}.callgrind"));
        let mut command = Command::new(valgrind);
        command.args(["--tool=callgrind", "--cache-sim=yes"]);
        command.arg(format!("--callgrind-out-file={}", file.display()));
        dist::environment(&mut command)?;
        let said = run(command, binary, kind, usize::try_from(times)?)?;
        places(&std::fs::read_to_string(file).with_context(|| said)?)
    };
    let (once, mut twice) = (counted(TIMES)?, counted(2 * TIMES)?);
    for (name, cost) in &mut twice {
        *cost = *cost - once.get(name).copied().unwrap_or_default();
    }
    Ok(twice)
}

/// The cost of each part for one request, in their order; that of all other places comes last.
fn by_part(places: &BTreeMap<String, Cost>, parts: &[Part]) -> Vec<(&'static str, Cost)> {
    let names = parts.iter().map(|(part, _)| *part).chain([REST]);
    let mut costs: Vec<(&str, Cost)> = names.map(|name| (name, Cost::default())).collect();
    for (place, cost) in places {
        let part = part_of(place, parts);
        if let Some((_, sum)) = costs.iter_mut().find(|(one, _)| *one == part) {
            *sum += *cost;
        }
    }
    for (_, cost) in &mut costs {
        *cost = cost.each(TIMES);
    }
    costs
}

/// The first part whose places begin so. AWS-LC has its version before the names of functions.
fn part_of(place: &str, parts: &[Part]) -> &'static str {
    let is_version = |character: char| character.is_ascii_digit() || character == '_';
    let bare =
        place.strip_prefix("aws_lc_").map_or(place, |name| name.trim_start_matches(is_version));
    let begins = |word: &&str| place.starts_with(*word) || bare.starts_with(*word);
    let found = parts.iter().find(|(_, words)| words.iter().any(&begins));
    found.map_or(REST, |(part, _)| part)
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
    fn a_place_belongs_to_the_part_that_it_begins_like() {
        for (place, warm, cold) in [
            ("_int_malloc", MALLOC.0, MALLOC.0),
            ("aws_lc_0_47_0_sha256_block_data_order_avx", SHA.0, SHA.0),
            ("aws_lc_0_47_0_bn_sqr8x_internal", REST, "large numbers: P-256, RSA"),
            ("crates/tokens/src/jws.rs", "reading and judging", "tokens: parsing, claims, cache"),
            ("hyper-1.12.0/src/proto/h1/role.rs", "hyper: HTTP/1.1 on both sides", REST),
            ("main", REST, REST),
        ] {
            assert_eq!((part_of(place, &WARM), part_of(place, &COLD)), (warm, cold), "{place}");
        }
    }

    #[test]
    fn parts_are_of_one_request_and_nothing_is_lost() {
        let places = [
            ("crates/gate/a.rs", 4000),
            ("crates/tokens/b.rs", 8000),
            ("main", 400),
            ("malloc", 800),
        ];
        let places = places.map(|(place, instructions)| (place.to_owned(), cost(instructions)));
        let parts = by_part(&places.into(), &WARM);
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
