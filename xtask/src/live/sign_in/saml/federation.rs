//! A provider among the five thousand of a federation.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::clock::Stopwatch;
use testbed::saml_party::body;
use testbed::{Demo, Recorder, Said, SamlParty};

use crate::live::Stage;
use crate::machine::resident_mib;

/// How many others there are.
const OTHERS: usize = 4_999;
/// How many people sign in.
const SIGN_INS: usize = 50;
/// How much more memory it may take than one provider alone, once it was read, in MiB.
const MORE_MEMORY: u64 = 64;

const CONFIG: &str = "listen: { http: \"127.0.0.1:{gate}\", admin: \"127.0.0.1:{admin}\" }
audit: { directory: \"{folder}/audit\" }
ledger: { sqlite: ledger/ledger.db }
sign_in:
  url: http://localhost:{gate}
providers:
  corp:
    saml: { issuer: \"https://idp.test/corp\", metadata: corp.xml }
    client_certificate: saml.pem
services:
  app:
    audience: app
    endpoints: [\"http://{service}\"]
routes:
  - name: orders
    match: { host: orders.localhost, path: \"/**\", methods: [GET] }
    service: app
    accept: [corp]
    allow: [{ authenticated: true }]
";

pub(in super::super) fn federation(stage: &Stage) -> Result<()> {
    let corp = SamlParty::new("https://idp.test/corp")?;
    let alone = measured(stage, &corp, corp.metadata(&[]))?;
    let many = measured(stage, &corp, among(&corp))?;
    println!("                       alone   of {}", OTHERS + 1);
    let row = |name: &str, one: u128, other: u128, unit: &str| {
        println!("  {name:<18}{one:>8}{other:>8}  {unit}");
    };
    row("ready after", alone.ready.as_millis(), many.ready.as_millis(), "ms");
    row("a sign-in takes", alone.sign_in.as_micros(), many.sign_in.as_micros(), "µs");
    row("memory", alone.memory.into(), many.memory.into(), "MiB");
    ensure!(many.memory < alone.memory + MORE_MEMORY, "all of the federation is kept");
    Ok(())
}

/// What it costs.
struct Measured {
    ready: Duration,
    /// From the answer to the session, the median.
    sign_in: Duration,
    /// In MiB.
    memory: u64,
}

fn measured(stage: &Stage, corp: &SamlParty, metadata: String) -> Result<Measured> {
    let service = Recorder::start()?;
    let files = [("corp.xml", metadata), ("saml.pem", SamlParty::new("us")?.pem().to_owned())];
    let watch = Stopwatch::start();
    let demo = Demo::start_with(stage.binary(), CONFIG, service.address(), &files)?;
    let ready = watch.elapsed();
    let mut times = Vec::new();
    for number in 0..SIGN_INS {
        let mut browser = demo.browser();
        let url = browser.asked(&browser.url("orders.localhost", "/1"))?;
        let there = browser.sent_on(&url)?;
        let place = |what: &str| browser.url("localhost", &format!("/.doorward/{what}/corp"));
        let (audience, callback) = (place("saml"), place("callback"));
        let said = Said {
            name: format!("person-{number}"),
            session: format!("s-{number}"),
            groups: Vec::new(),
            audience,
            recipient: callback.clone(),
        };
        let form = body(&corp.answer(&there, &said)?);
        let watch = Stopwatch::start();
        let brought = demo.browser().post(&callback, "https://idp.test", &form)?;
        let landing = browser.to(&callback, &brought)?;
        browser.sent_on(&landing)?;
        times.push(watch.elapsed());
    }
    times.sort_unstable();
    let sign_in = times.get(times.len() / 2).copied().context("somebody has signed in")?;
    Ok(Measured { ready, sign_in, memory: resident_mib(demo.pid()?)? })
}

/// The metadata of a federation with this provider: about 10 KiB for each.
fn among(corp: &SamlParty) -> String {
    let description = "A university, described in a sentence of some length. ".repeat(160);
    let one = corp.metadata(&[]);
    let mut text =
        String::from("<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">");
    for number in 0..OTHERS {
        let entity =
            one.replace("https://idp.test/corp", &format!("https://idp{number}.test/saml"));
        let described = format!(
            "<md:Extensions><x:Description xmlns:x=\"urn:x\">{description}</x:Description></md:Extensions><md:KeyDescriptor"
        );
        text.push_str(&entity.replacen("<md:KeyDescriptor", &described, 1));
    }
    text + &one + "</md:EntitiesDescriptor>"
}
