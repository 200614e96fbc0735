//! Callers over TLS 1.3, with HTTP/1.1 and with HTTP/2.

use testbed::Authority;
use tokens::Algorithm;

use super::Sections;
use super::field::{Field, HOST};
use super::gates::Gate;
use super::h2load::H2load;
use super::measure::Samples;
use super::peers::Peers;
use super::section::Section;
use super::wrk::spoiled;

/// How long a run takes, in seconds.
const SECONDS: u64 = 3;

/// The cipher suite, the same for all.
const SUITE: &str = "TLS_AES_128_GCM_SHA256";

/// The protocols, each with 32 requests under way at a time.
const PROTOCOLS: [(&str, &str, &str, &[&str]); 2] = [
    (
        "tls13-http1",
        "TLS 1.3, HTTP/1.1",
        "http/1.1",
        &["--h1", "-c", "32", "--tls13-ciphers", SUITE],
    ),
    (
        "tls13-http2",
        "TLS 1.3, HTTP/2",
        "h2",
        &["--npn-list=h2", "-c", "8", "-m", "4", "--tls13-ciphers", SUITE],
    ),
];

/// Measures everyone with each protocol.
pub(super) fn measure(field: &Field) -> Sections {
    let pem = Authority::new()?.sign(HOST)?;
    let file = field.folder.join("door.pem");
    std::fs::write(&file, &pem)?;
    let peers = Peers { tls: Some(&file), ..Peers::usual(field) };
    let gate = Gate { tls: Some(&pem), ..Gate::usual(field) };
    let contestants =
        [peers.nginx()?, peers.envoy("envoy")?, gate.start(field, "doorward-identity")?];
    let token = field.tokens(Algorithm::Es256, 1)?.concat();
    let mut sections = Vec::new();
    for (name, title, protocol, manner) in PROTOCOLS {
        let load = |token: &str| H2load {
            manner,
            protocol,
            scheme: "https",
            target: format!("{HOST}/orders/1"),
            headers: vec![token.to_owned()],
            body: None,
            log: field.folder.join("h2load.log"),
        };
        let (good, spoiled) = (load(&token), load(&spoiled(&token)?));
        let mut samples = Samples::default();
        for contestant in &contestants {
            good.check(contestant, true)?;
            spoiled.check(contestant, !contestant.checks)?;
        }
        for round in 0..field.rounds() {
            for contestant in &contestants {
                samples.add(good.measure(contestant, round, field.seconds(SECONDS))?);
            }
        }
        let about = format!(
            "`GET /orders/1` with one token (ES256) by h2load, 32 requests under way at a time ({}); the service is \
             reached over plain HTTP/1.1. Handshakes are in it: one for each connection in every run.",
            if protocol == "http/1.1" { "32 connections" } else { "8 connections with 4 streams" }
        );
        let rivals = ["nginx", "envoy"];
        sections.push(Section::of_runs((name, title), &about, &samples, &rivals));
    }
    Ok(sections)
}
