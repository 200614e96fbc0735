//! A Doorward with manners, and a service behind it that says what it was asked.

use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testbed::client::Reply;
use testbed::message::{Head, Unframed};
use testbed::{Acting, Client, Gateway, Issuer, Place, audit, clock};
use tokens::Algorithm;

const CONFIG: &str = include_str!("config.yaml");
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What a service answers that has views of its own about who may read it.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"1\"\r\nVary: Accept\r\nVia: 1.1 inner\r\nAccess-Control-Allow-Origin: https://evil.test\r\nAccess-Control-Allow-Credentials: true\r\n\r\nok";

pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) gateway: Gateway,
    pub(crate) issuer: Issuer,
    service: Acting,
    told: Receiver<Head>,
}

impl House {
    /// With `changes` of the configuration: pairs of what stands there and what is to stand there.
    pub(crate) fn open(changes: &[(&str, &str)]) -> Result<Self> {
        let (tell, told) = channel();
        let service = Acting::start(move |_, reader| {
            while let Some(head) = reader.head()? {
                let message = reader.body(head, Unframed::Empty)?;
                let breaks = message.head.first_line.contains("/broken");
                tell.send(message.head)?;
                if breaks {
                    return Ok(());
                }
                reader.stream().write_all(ANSWER)?;
            }
            Ok(())
        })?;
        let issuer = Issuer::new("https://idp.corp.test", Algorithm::Es256)?;
        let place = Place::new()?;
        place.write("keys.json", &issuer.key_set().to_string())?;
        configure(&place, &service, changes)?;
        let gateway = place.start(Path::new(env!("CARGO_BIN_EXE_doorward")))?;
        Ok(Self { place, gateway, issuer, service, told })
    }

    /// Puts another configuration in force.
    pub(crate) fn change(&self, changes: &[(&str, &str)]) -> Result<()> {
        let reloads = || -> Result<Option<String>> {
            let metrics = self.place.until_status("/metrics", 200)?;
            let line =
                metrics.lines().find(|line| line.starts_with("doorward_config_reloads_total"));
            Ok(line.map(str::to_owned))
        };
        let before = reloads()?;
        configure(&self.place, &self.service, changes)?;
        self.gateway.reload()?;
        clock::until("the reload", PATIENCE, || Ok((reloads()? != before).then_some(())))
    }

    /// Asks on a connection of its own; `fields` are header lines.
    pub(crate) fn ask(&self, method: &str, target: &str, fields: &[&str]) -> Result<Reply> {
        let mut client = Client::connect(self.place.http())?;
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: app.test\r\n{fields}Connection: close\r\n\r\n"
        );
        client.send(head.as_bytes())?;
        client.reply_to(method)?.context("expected an answer")
    }

    /// The same from this address, by the word of a trusted peer.
    pub(crate) fn ask_from(&self, address: &str, target: &str, fields: &[&str]) -> Result<Reply> {
        let from = format!("X-Forwarded-For: {address}");
        let fields: Vec<_> = fields.iter().copied().chain([from.as_str()]).collect();
        self.ask("GET", target, &fields)
    }

    /// A header line with a new token of this subject.
    pub(crate) fn bearer(&self, subject: &str) -> Result<String> {
        let token = self.issuer.token(subject, "app", json!({}))?;
        Ok(format!("Authorization: Bearer {token}"))
    }

    /// What the service was asked since the last call.
    pub(crate) fn told(&self) -> Vec<Head> {
        self.told.try_iter().collect()
    }

    /// The decision about a request, and how many records there are of it; waited for.
    pub(crate) fn decision(&self, reply: &Reply) -> Result<(Value, usize)> {
        let id = reply.field("x-request-id").context("expected a request id")?;
        clock::until(&format!("the decision of {id}"), PATIENCE, || {
            let records = audit::records(&self.place.path("audit"))?;
            let of_id = |record: &&Value| {
                record.pointer("/metadata/correlation_uid").and_then(Value::as_str) == Some(id)
            };
            let all: Vec<_> = records.iter().filter(of_id).collect();
            let count = all.len();
            Ok(all.first().map(|first| ((*first).clone(), count)))
        })
    }

    /// The verdict and the code on record, and the policies that determined them.
    pub(crate) fn recorded(&self, reply: &Reply) -> Result<(String, String, Vec<String>)> {
        let (decision, _) = self.decision(reply)?;
        let text = |pointer: &str| {
            decision.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let policies = decision.pointer("/actor/authorizations").and_then(Value::as_array);
        let uid = |policy: &Value| policy.pointer("/policy/uid")?.as_str().map(str::to_owned);
        let policies = policies.into_iter().flatten().filter_map(uid).collect();
        Ok((text("/unmapped/doorward/verdict"), text("/unmapped/doorward/code"), policies))
    }
}

fn configure(place: &Place, service: &Acting, changes: &[(&str, &str)]) -> Result<()> {
    let config = CONFIG.replace("{service}", &service.address().to_string());
    let config = changes.iter().try_fold(config, |config, (from, to)| {
        anyhow::ensure!(config.contains(from), "expected `{from}` in the configuration");
        Ok(config.replace(from, to))
    })?;
    place.configure(&config)
}
