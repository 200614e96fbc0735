//! Bodies of 1 KiB and of 1 MiB, up and down.

use testbed::Port;
use tokens::Algorithm;

use super::Sections;
use super::field::Field;
use super::gates::Gate;
use super::peers::Peers;
use super::section::Section;
use super::wrk::{Wrk, by_turns};
use crate::peer::Peer;

/// How long a run takes, in seconds.
const SECONDS: u64 = 2;
/// The service: a file for each size, and an answer to whatever is sent.
const SERVICE: &str = include_str!("../../bench/bodies.conf");
/// How many tokens are shown.
const TOKENS: usize = 64;

/// What is carried: whether up, and how many bytes.
const CASES: [(&str, &str, bool, usize); 4] = [
    ("down-1kib", "Answers of 1 KiB", false, 1 << 10),
    ("down-1mib", "Answers of 1 MiB", false, 1 << 20),
    ("up-1kib", "Requests of 1 KiB", true, 1 << 10),
    ("up-1mib", "Requests of 1 MiB", true, 1 << 20),
];

/// Measures everyone with each size, both ways.
pub(super) fn measure(field: &Field) -> Sections {
    let folder = field.folder.join("bodies");
    std::fs::create_dir(&folder)?;
    for (name, _, up, bytes) in CASES {
        if !up {
            std::fs::write(folder.join(name), vec![b'x'; bytes])?;
        }
    }
    let port = Port::reserve()?;
    let files = folder.display().to_string();
    let values = [("files", files.as_str())];
    let _service = Peer::nginx(&field.folder, "bodies-service", SERVICE, port.address(), &values)?;
    let service = port.address();
    let peers = Peers { service, posts: true, ..Peers::usual(field) };
    let gate = Gate { service, ..Gate::usual(field) };
    let contestants =
        [peers.nginx()?, peers.envoy("envoy")?, gate.start(field, "doorward-identity")?];
    let tokens = field.tokens(Algorithm::Es256, TOKENS)?;
    let mut sections = Vec::new();
    for (name, title, up, bytes) in CASES {
        let target = if up { "up" } else { name };
        let wrk = Wrk::at(&field.folder, name, &tokens, |_| format!("/orders/{target}"))?
            .sending(if up { bytes } else { 0 });
        let pairs: Vec<_> = contestants.iter().map(|one| (one, &wrk)).collect();
        let samples = by_turns(field, &pairs, SECONDS)?;
        let about = if up {
            "`POST /orders/up`; the service reads the body and answers with 32 bytes.".to_owned()
        } else {
            format!("`GET /orders/{target}`; the service sends a file.")
        };
        sections.push(Section::of_runs((name, title), &about, &samples, &["nginx", "envoy"]));
    }
    Ok(sections)
}
