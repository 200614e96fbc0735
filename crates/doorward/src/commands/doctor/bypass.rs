//! Whether a service can be had around the gate: its endpoints are asked as somebody would who has no identity.

mod asking;
mod forged;
mod questions;
mod round;
mod stranger;
mod verdict;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use doors::proxy::{At, Names};
use gate::Gate;

use self::asking::Target;
use self::forged::Forger;
use self::questions::{Questions, of_service};
use self::round::{Begun, Round};
use self::verdict::{Verdict, judged};
use super::findings::{Findings, counted};
use crate::config::Upstream;

/// How long all endpoints may take together.
const ALL_WITHIN: Duration = Duration::from_secs(300);

/// How many endpoints are asked at a time.
const AT_A_TIME: usize = 32;

/// How long the addresses of a name are waited for.
const NAME_WITHIN: Duration = Duration::from_secs(5);

/// How long all that one endpoint is asked may take.
const ENDPOINT_WITHIN: Duration = Duration::from_secs(30);

/// What the answers are worth.
const MEANING: &str = "bypass: this holds for where it was run. Run it from where a caller could be (another machine, pod or \
                       network): the gate's own host has to reach every endpoint";

/// Asks every endpoint of every service, and tells which of them answer.
pub(super) async fn check(findings: &mut Findings<'_>, gate: &Gate) {
    let forger = match Forger::new(findings.config) {
        Ok(forger) => forger,
        Err(error) => {
            return findings.fail(format!("bypass: no identity can be forged: {error}"), "");
        }
    };
    let round = Round::new(AT_A_TIME, ALL_WITHIN);
    let found = found(findings, gate, &round);
    let mut asked = Vec::new();
    for (service, questions, name, addresses) in found {
        match round.end(addresses).await {
            None => {
                asked.push((service, name, Err("its name was not looked up in time".to_owned())))
            }
            Some(Err(unknown)) => {
                findings.warn(
                    format!("service {service}: {name}: {unknown}"),
                    "if callers could know its addresses, write those in place of the name",
                );
            }
            Some(Ok(targets)) => asked.extend(targets.into_iter().map(|target| {
                let (shown, guises) = (target.name.clone(), forger.guises(service, &questions));
                let work = judged(target, Arc::clone(&questions), guises);
                (service, shown, Ok(round.begin(ENDPOINT_WITHIN, work)))
            })),
        }
    }
    for (service, name, begun) in asked {
        let verdict = match begun {
            Ok(begun) => round.end(begun).await.unwrap_or_else(|| {
                Verdict::Unclear(format!(
                    "it was not done within {ENDPOINT_WITHIN:?}, or all were not within {ALL_WITHIN:?}"
                ))
            }),
            Err(why) => Verdict::Unclear(why),
        };
        verdict.tell(findings, &format!("service {service}: {name}"));
    }
    findings.note(MEANING);
}

/// What was found for one endpoint: its service, what that is asked, its name, and its addresses once they are known.
type Found<'a> = (&'a str, Arc<Questions>, String, Begun<Result<Vec<Target>, String>>);

/// Looks up every endpoint of the services that are not open to anyone anyway.
fn found<'a>(findings: &Findings<'a>, gate: &Gate, round: &Round) -> Vec<Found<'a>> {
    let config = findings.config;
    let names = Names::new(&config.dns_servers).map_err(|error| error.to_string());
    let mut found = Vec::new();
    for (name, upstream) in &config.services {
        let Some(questions) = of_service(gate, &config.gate, name) else {
            let endpoints = counted(upstream.endpoints.len(), "endpoint");
            findings.note(format!(
                "service {name}: {endpoints} not asked: all its routes are open to anyone"
            ));
            continue;
        };
        let questions = Arc::new(questions);
        for endpoint in &upstream.endpoints {
            let targets = targets(upstream, endpoint, names.clone());
            let begun = round.begin(NAME_WITHIN, targets);
            found.push((name.as_str(), Arc::clone(&questions), endpoint.to_string(), begun));
        }
    }
    found
}

/// The addresses that an endpoint stands for, found as the gate finds them.
fn targets(
    upstream: &Upstream,
    endpoint: &crate::config::Endpoint,
    names: Result<Names, String>,
) -> impl Future<Output = Result<Vec<Target>, String>> + Send + 'static {
    let target = Target::new(upstream, endpoint);
    async move {
        let At::Name(host, port) = &target.at else { return Ok(vec![target]) };
        let addresses = names?.addresses(host).await.map_err(|error| error.to_string())?;
        let each =
            addresses.into_iter().map(|address| target.at_address(SocketAddr::new(address, *port)));
        Ok(each.collect())
    }
}
