//! docs/performance.md.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::contestant::Field;
use super::measure::{Sample, median};
use super::sessions::{self, Rivals};
use super::{ALGORITHMS, FEW};
use crate::machine::described;

/// Writes the document.
pub(super) fn write(
    (field, rivals): (&Field, Option<&Rivals>),
    samples: &[Sample],
    rounds: usize,
    seconds: u64,
) -> Result<String> {
    let mut text = String::from(
        "# Performance\n\n\
         What one request costs the proxy, side by side on one machine in one run. This page is written by\n\n\
         ```\ncargo xtask bench\n```\n\n\
         which installs what it compares with (Debian, root).\n\n",
    );
    writeln!(text, "**Machine**: {}. **Versions**: {}.\n", described(), field.versions.join("; "))?;
    writeln!(
        text,
        "**Method**: one service (nginx, one worker, 32 bytes), one proxy at a time with one worker or thread, one wrk \
         thread with 32 keep-alive connections for {seconds} s, `GET /orders/N` with one of {FEW} distinct bearer \
         tokens in turn; {rounds} rounds, each contestant once in every round; medians. CPU is user and system time of \
         the proxy's process (and of Doorward's, where the proxy asks it) from `/proc/PID/stat`, divided by the requests that wrk counted: it varies by about 5 % \
         from run to run. Ratios are between contestants of the same round. Requests per second and latencies depend on \
         what else the machine does (the load generator and the service share its cores), and are not to be compared \
         across runs.\n"
    )?;
    text.push_str(
        "| contestant | does |\n|---|---|\n\
         | nginx | `proxy_pass` over kept connections; no authentication at all |\n\
         | Envoy | `jwt_authn` with its cache on, and RBAC on method, path and the verified scope |\n\
         | doorward | token, route, rule on the scope, two audit records per request, the subject in a header |\n\
         | doorward-identity | the same, and a signed identity for the service |\n\
         | envoy-asks | Envoy that asks Doorward about each request (`ext_authz`, gRPC); both processes are counted |\n\
         | nginx-asks | nginx that does (`auth_request`, HTTP) |\n",
    );
    for algorithm in ALGORITHMS.into_iter().filter(|_| !field.contestants.is_empty()) {
        table(&mut text, algorithm.name(), samples).context("writing to a string")?;
    }
    if let Some(rivals) = rivals {
        beside_tokens(&mut text, rivals, samples).context("writing to a string")?;
    }
    Ok(text)
}

fn table(text: &mut String, algorithm: &str, samples: &[Sample]) -> std::fmt::Result {
    let of = |name: &str| -> Vec<&Sample> {
        samples.iter().filter(|one| one.table == algorithm && one.contestant == name).collect()
    };
    writeln!(text, "\n## {} tokens\n", algorithm)?;
    text.push_str(
        "| | CPU µs per request | of it in Doorward, where it is asked | × nginx | × Envoy | req/s | p50 µs | p99 µs | RSS MiB |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for name in super::Contestant::NAMES {
        let mine = of(name);
        if mine.is_empty() {
            continue;
        }
        let asked: Vec<_> = mine.iter().filter_map(|one| one.asked).collect();
        let middle = |figure: fn(&Sample) -> f64| median(mine.iter().map(|one| figure(one)));
        writeln!(
            text,
            "| {name} | {:.1} | {} | {} | {} | {:.0} | {:.0} | {:.0} | {} |",
            middle(|one| one.micros),
            if asked.is_empty() { "–".to_owned() } else { format!("{:.1}", median(asked)) },
            ratio(&mine, &of("nginx")),
            ratio(&mine, &of("envoy")),
            middle(|one| one.rate),
            middle(|one| one.p50),
            middle(|one| one.p99),
            mine.iter().map(|one| one.resident).max().unwrap_or(0),
        )?;
    }
    Ok(())
}

/// Sessions beside tokens.
fn beside_tokens(text: &mut String, rivals: &Rivals, samples: &[Sample]) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Sessions beside tokens\n\n\
         One route that takes the tokens of an issuer (ES256) and the sessions of a provider. Everyone has signed in \
         through the gate itself, with the provider of the demo; the sessions are in SQLite, and each gate below has \
         been started anew on it. Few are {FEW}, many are {}, shown in turn; each has been shown once or more before, \
         so all are at hand. Every use of a session is noted in the ledger, each at least once a minute.\n\n\
         | | CPU µs per request | × as many tokens | req/s | p50 µs | p99 µs | RSS MiB | after the start |\n\
         |---|---|---|---|---|---|---|---|",
        rivals.many
    )?;
    let of = |name: &'static str| samples.iter().filter(move |one| one.contestant == name);
    for (index, (contestant, _)) in rivals.each.iter().enumerate() {
        let mine: Vec<_> = of(contestant.name).collect();
        // Tokens stand before as many sessions.
        let tokens: Vec<_> =
            of(sessions::NAMES.get(index & !1).copied().unwrap_or_default()).collect();
        let middle = |figure: fn(&Sample) -> f64| median(mine.iter().map(|one| figure(one)));
        writeln!(
            text,
            "| {} | {:.1} | {} | {:.0} | {:.0} | {:.0} | {} | {} |",
            contestant.name,
            middle(|one| one.micros),
            ratio(&mine, &tokens),
            middle(|one| one.rate),
            middle(|one| one.p50),
            middle(|one| one.p99),
            mine.iter().map(|one| one.resident).max().unwrap_or(0),
            contestant.at_first,
        )?;
    }
    Ok(())
}

/// The middle of the ratios, round by round.
fn ratio(to: &[&Sample], from: &[&Sample]) -> String {
    if from.is_empty() {
        return "–".to_owned();
    }
    let pairs = to.iter().zip(from).map(|(to, from)| to.micros / from.micros);
    format!("{:.2}", median(pairs))
}
