//! Doorward as a decision point, with the fixture of the certification scenario.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testbed::client::{Reply, ask};
use testbed::{Gateway, Issuer, Place, audit};
use tokens::Algorithm;

pub(crate) const CONFIG: &str = include_str!("config.yaml");
pub(crate) const EVALUATION: &str = "/access/v1/evaluation";
pub(crate) const EVALUATIONS: &str = "/access/v1/evaluations";

pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) gateway: Gateway,
    pub(crate) issuer: Issuer,
    token: String,
}

impl House {
    pub(crate) fn open() -> Result<Self> {
        Self::with(CONFIG)
    }

    pub(crate) fn with(config: &str) -> Result<Self> {
        let place = Place::new()?;
        let issuer = Issuer::new("https://idp.test", Algorithm::Es256)?;
        place.write("keys.json", &issuer.key_set().to_string())?;
        place.write("policies.cedar", include_str!("policies.cedar"))?;
        place.configure(config)?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        let token = issuer.token("gateway", "pdp", json!({}))?;
        Ok(Self { place, gateway, issuer, token })
    }

    /// Asks as the one who may.
    pub(crate) fn ask(&self, path: &str, body: &str) -> Result<Reply> {
        let authorization = format!("Authorization: Bearer {}", self.token);
        self.send(path, &[&authorization, "Content-Type: application/json"], body)
    }

    /// The same, of which the answer is a decision, or decisions.
    pub(crate) fn decisions(&self, path: &str, body: &str) -> Result<Vec<bool>> {
        let reply = self.ask(path, body)?;
        anyhow::ensure!(reply.status == 200, "{} {}: {body}", reply.status, reply.text());
        decisions(&reply.text())
    }

    /// Sends a question with these header lines.
    pub(crate) fn send(&self, path: &str, lines: &[&str], body: &str) -> Result<Reply> {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let lines = lines.replace("{token}", &self.token);
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: pdp.test\r\nContent-Length: {length}");
        ask(self.place.http(), &format!("{head}\r\n{lines}\r\n{body}"))
    }

    /// Stops, and hands over what is on record of one kind.
    pub(crate) fn records(self, kind: &str) -> Result<Vec<Value>> {
        self.gateway.stop()?;
        let records = audit::records(&self.place.path("audit"))?;
        let is = |one: &Value| one.pointer("/unmapped/doorward/record") == Some(&json!(kind));
        Ok(records.into_iter().filter(is).collect())
    }
}

/// The decisions in an answer, in their order.
pub(crate) fn decisions(text: &str) -> Result<Vec<bool>> {
    let answer: Value = serde_json::from_str(text)?;
    let all = match answer.get("evaluations") {
        Some(all) => all.as_array().context("a list of evaluations")?.clone(),
        None => vec![answer],
    };
    all.iter().map(|one| one["decision"].as_bool().context("a decision")).collect()
}

/// An example of the specification, as it stands there.
pub(crate) fn example(name: &str) -> Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/authzen/specification");
    let path: PathBuf = folder.join(format!("{name}.json"));
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}
