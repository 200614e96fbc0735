//! What the answers of an endpoint come to.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;

use super::asking::{Answer, Target};
use super::forged::Guise;
use super::questions::{Question, Questions};
use crate::commands::doctor::findings::{Findings, counted};

/// How a refusal is called that wants a certificate.
const CERTIFICATE: &str = "a client certificate wanted";

/// What an endpoint that answers is to do.
const REMEDY: &str = "let nobody but the gate reach it (network policy, mTLS), and let it check `Doorward-Identity` \
                      (docs/identity.md)";

/// What the answers of an endpoint come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It wants a client certificate.
    CertificateWanted,
    /// It answers who comes like this.
    Open(String),
    /// It refuses everything: how it refuses nobody, how it refuses a forged identity, and on how many routes.
    Refused { nobody: BTreeSet<String>, forged: BTreeSet<String>, asked: usize, known: usize },
    /// It is not known whether it answers.
    Unclear(String),
    /// It cannot be reached from here.
    Unreachable(String),
}

/// Asks `target` everything, in one guise after the other, until it answers.
pub(super) async fn judged(
    target: Target,
    questions: Arc<Questions>,
    guises: Vec<Guise>,
) -> Verdict {
    let (mut nobody, mut forged) = (BTreeSet::new(), BTreeSet::new());
    let mut unclear = None;
    for guise in &guises {
        for (index, question) in questions.asked.iter().enumerate() {
            let refusals = if matches!(guise, Guise::Nobody) { &mut nobody } else { &mut forged };
            match target.ask(question, guise.headers(index)).await {
                // Another path may be answered without: a connection is also closed for other reasons.
                Answer::CertificateWanted => {
                    refusals.insert(CERTIFICATE.to_owned());
                }
                Answer::Closed => {
                    refusals.insert("no answer".to_owned());
                }
                Answer::Status(status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
                    refusals.insert(status.as_str().to_owned());
                }
                Answer::Status(status) => return Verdict::Open(told(guise, question, status)),
                Answer::Unclear(why) => unclear = Some(why),
                Answer::Unreachable(why) if nobody.is_empty() && unclear.is_none() => {
                    return Verdict::Unreachable(why);
                }
                Answer::Unreachable(why) => {
                    unclear = Some(format!("it could be reached before: {why}"))
                }
            }
        }
    }
    let (asked, known) = (questions.asked.len(), questions.known);
    let any = !nobody.is_empty() && unclear.is_none();
    if any && nobody.iter().chain(&forged).all(|refusal| refusal == CERTIFICATE) {
        return Verdict::CertificateWanted;
    }
    unclear.map_or(Verdict::Refused { nobody, forged, asked, known }, Verdict::Unclear)
}

fn told(guise: &Guise, question: &Question, status: StatusCode) -> String {
    let status = status.as_u16();
    match guise {
        Guise::Nobody => format!("it answers without an identity: {status} to {question}"),
        Guise::PlainHeaders(_) => {
            format!("it believes identity headers that anybody can write: {status} to {question}")
        }
        Guise::Token(name, _) => {
            format!("it believes a forged identity in `{name}`: {status} to {question}")
        }
    }
}

impl Verdict {
    /// Tells it of `endpoint`.
    pub(super) fn tell(&self, findings: &mut Findings<'_>, endpoint: &str) {
        match self {
            Self::CertificateWanted => {
                findings.ok(format!("{endpoint}: TLS refuses us: it wants a client certificate"));
            }
            Self::Open(how) => findings.fail(format!("{endpoint}: {how}"), REMEDY),
            Self::Refused { nobody, forged, asked, known } => {
                let list = |all: &BTreeSet<String>| {
                    all.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
                };
                let forged = match list(forged) {
                    none if none.is_empty() => none,
                    some => format!(", and a forged one ({some})"),
                };
                let of = if asked < known { format!(" of {known}") } else { String::new() };
                let (nobody, routes) = (list(nobody), counted(*asked, "route"));
                findings.ok(format!(
                    "{endpoint}: it refuses who has no identity ({nobody}){forged}; {routes}{of} tried"
                ));
            }
            Self::Unclear(why) => findings.fail(
                format!("{endpoint}: {why}"),
                "whether it answers without an identity is not known: try again, or ask it by hand",
            ),
            Self::Unreachable(why) => {
                findings.ok(format!("{endpoint}: it cannot be reached from here: {why}"));
            }
        }
    }
}
