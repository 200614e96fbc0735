//! The questions of Envoy, asked by hand over one connection of HTTP/2, beside a bare server that always says yes.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use testbed::Port;
use tokens::Algorithm;

use super::Sections;
use super::contestant::{Contestant, Process};
use super::field::Field;
use super::gates::Gate;
use super::h2load::H2load;
use super::measure::Samples;
use super::question::{Answer, Question};
use super::section::{Goal, Section};
use super::wrk::spoiled;
use crate::command::{Run, cargo, program, target};
use crate::install::debian;
use crate::peer::Peer;

/// How long a run takes, in seconds.
const SECONDS: u64 = 4;
/// One connection, with so many questions under way at a time as wrk has requests elsewhere.
const MANNER: [&str; 4] = ["-c", "1", "-m", "32"];
/// What is called.
const METHOD: &str = "/envoy.service.auth.v3.Authorization/Check";
/// Whose questions are about no token.
const TONIC: &str = "tonic";

/// Measures both.
pub(super) fn measure(field: &Field) -> Sections {
    let doorward = Gate::unsigned(field).start_asked(field, "doorward")?;
    let contestants = [bare(field)?, doorward];
    let token = field.tokens(Algorithm::Es256, 1)?.concat();
    let load = |contestant: &Contestant, name: &str, header: &str| -> Result<H2load> {
        let body = field.folder.join(name);
        std::fs::write(&body, Question { header }.framed()?)?;
        Ok(H2load {
            manner: &MANNER,
            protocol: "h2c",
            scheme: "http",
            target: format!("{}{METHOD}", contestant.address),
            headers: vec!["content-type: application/grpc".to_owned(), "te: trailers".to_owned()],
            body: Some(body),
            log: field.folder.join("h2load.log"),
        })
    };
    let mut loads = Vec::new();
    for contestant in &contestants {
        let (good, bad) = (
            load(contestant, "good-check", &token)?,
            load(contestant, "bad-check", &spoiled(&token)?)?,
        );
        for (load, allowed) in [(&good, true), (&bad, contestant.name == TONIC)] {
            let answer = asked(load)?;
            let expected = if allowed { Answer::Yes } else { Answer::No };
            ensure!(answer == expected, "{} answered {answer:?}", contestant.name);
        }
        // It also comes to its pace.
        good.measure(contestant, 0, 1)?;
        loads.push((contestant, good));
    }
    let mut samples = Samples::default();
    for round in 0..field.rounds() {
        for (contestant, load) in &loads {
            samples.add(load.measure(contestant, round, field.seconds(SECONDS))?);
        }
    }
    let about = "The same question of Envoy (`ext_authz`, gRPC) again and again over one connection of HTTP/2, 32 under way \
                 at a time, by h2load: a request with a warm token (ES256). Doorward verifies, decides and records; beside \
                 it a bare tonic server reads the question and says yes; it is built with the same optimisations, but not laid \
                 out by what it was seen to do."
        .to_owned();
    let goal = Goal {
        number: 10,
        what: "`ext_authz` over one HTTP/2 connection: CPU per check against a bare tonic server"
            .to_owned(),
        most: 1.5,
        unit: "×",
        measured: samples.compared("doorward", TONIC)?,
    };
    let title = ("checks", "Checks for Envoy");
    Ok(vec![Section::of_runs(title, &about, &samples, &[TONIC]).with([goal])])
}

/// The bare server, built with Doorward's profile.
fn bare(field: &Field) -> Result<Contestant> {
    cargo().args(["build", "--quiet", "--profile", "dist", "--package", "yes-door"]).done()?;
    let port = Port::reserve()?;
    let mut command = Command::new(target("dist/yes-door"));
    command.arg(port.address().to_string());
    let peer = Peer::logging("yes-door", &mut command, &field.folder, port.address())?;
    Contestant::new(TONIC, port.address(), Process::Peer(peer), vec![port])
}

/// Asks once, and reads the answer.
fn asked(load: &H2load) -> Result<Answer> {
    let answer = load.log.with_extension("answer");
    let body = load.body.as_ref().context("a question")?;
    program(debian::tool(&debian::CURL)?)
        .args(["--silent", "--show-error", "--fail", "--http2-prior-knowledge", "--max-time", "10"])
        .args(load.headers.iter().flat_map(|header| ["--header", header]))
        .arg("--data-binary")
        .arg(format!("@{}", body.display()))
        .arg("--output")
        .arg(&answer)
        .arg(format!("{}://{}", load.scheme, load.target))
        .output_text()?;
    Answer::read(&std::fs::read(answer)?)
}
