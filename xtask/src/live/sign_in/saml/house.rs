//! Two gates with one ledger, and two providers with SAML that we did not write.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustls::ClientConfig;
use serde_json::{Value, json};
use testbed::clock::until;
use testbed::{Authority, Place, Port, Postgres, Recorder, RsaPair, client};

use super::super::house::{ORDERS, Replica, SIGN_IN};
use super::super::walker::Walker;
use crate::install::debian;
use crate::live::Stage;
use crate::live::browser::{Browser, Page, Tab};
use crate::live::providers::lemonldap_saml::LemonldapSaml;
use crate::live::providers::simplesamlphp::Simplesamlphp;

const KEY: &str = "8f1d2c3b4a5968778695a4b3c2d1e0ff8f1d2c3b4a5968778695a4b3c2d1e0ff";
const PATIENCE: Duration = Duration::from_secs(30);

/// The house. Everything in it ends when it is dropped.
pub(super) struct House {
    /// `campus`, whose metadata comes signed from its URL.
    pub(super) campus: Simplesamlphp,
    /// `partner`, of whose metadata at its URL one certificate counts.
    pub(super) partner: LemonldapSaml,
    pub(super) orders: Recorder,
    pub(super) replicas: Vec<Replica>,
    pub(super) browser: Browser,
    client: Arc<ClientConfig>,
    _ledger: Postgres,
}

impl House {
    /// Opens it with providers that sign, and encrypt if `encrypted`.
    pub(super) fn open(stage: &Stage, encrypted: bool) -> Result<Self> {
        let authority = Authority::new()?;
        debian::postgresql()?;
        let ledger = Postgres::start()?;
        let database = ledger.database("doorward")?;
        let [campus_pair, partner_pair, ours] =
            [RsaPair::new("campus")?, RsaPair::new("partner")?, RsaPair::new("doorward")?];
        let mut places = Vec::new();
        for _ in 0..2 {
            let place = Place::new()?;
            place.write("ca.pem", &authority.pem())?;
            for host in ["id", "orders"] {
                let certificate = authority.sign(&format!("{host}.example.test"))?;
                place.write(&format!("{host}.pem"), &certificate)?;
            }
            place.write("key", KEY)?;
            place.write("password", ledger.password())?;
            place.write("saml.pem", &ours.pem())?;
            place.write("campus.crt", &campus_pair.certificate)?;
            place.write("partner.crt", &partner_pair.certificate)?;
            places.push((place, Port::reserve()?));
        }
        let (first, port) = places.first().context("there is a first place")?;
        let campus = Simplesamlphp::start(first, &campus_pair)?;
        let mut partner = LemonldapSaml::prepare(first, &partner_pair)?;
        let orders = Recorder::start()?;
        let hosts = [("*.example.test", port.address())];
        let browser = Browser::start(first, &hosts, &first.path("ca.pem"))?;
        let client = authority.client()?;
        let mut replicas = Vec::new();
        for (place, https) in places {
            let text =
                configuration(&https, &place, (&database, &orders), (&campus, &partner), encrypted);
            place.write("doorward.yaml", &text)?;
            let gateway = place.start(stage.binary())?;
            replicas.push(Replica { place, gateway, https });
        }
        // Each provider is told what the gate says of itself, and the gates find out about the providers.
        let told = |name: &str| -> Result<String> {
            let first = replicas.first().context("there is a first gate")?;
            let mut walker = Walker::new(first.address(), &client);
            let url = format!("{SIGN_IN}/.doorward/saml/{name}");
            let arrived = walker.go(&url)?;
            ensure!(arrived.reply.status == 200, "{url}: {}", arrived.reply.text());
            Ok(arrived.reply.text())
        };
        let options = match encrypted {
            true => json!({ "assertion.encryption": true }),
            false => json!({}),
        };
        campus.know(&entity("campus"), &told("campus")?, &options)?;
        campus.change(&json!({ "encryption": "AES256_GCM" }))?;
        let mode = if encrypted { "assertion" } else { "none" };
        partner.start(&told("partner")?, &json!({ "EncryptionMode": mode }))?;
        let house = Self { campus, partner, orders, replicas, browser, client, _ledger: ledger };
        house.until_known()?;
        Ok(house)
    }

    /// Waits until both gates know both providers.
    pub(super) fn until_known(&self) -> Result<()> {
        for replica in &self.replicas {
            let what = "the metadata of the providers";
            let known = until(what, PATIENCE, || {
                let ready = client::get(replica.place.admin(), "/readyz")?.text();
                let ready: Value = serde_json::from_str(&ready)?;
                let degraded = ready.get("degraded").and_then(Value::as_array);
                Ok(degraded.is_some_and(Vec::is_empty).then_some(()))
            });
            known.with_context(|| replica.place.log())?;
        }
        Ok(())
    }

    /// Someone without a browser, whose requests come to the first gate.
    pub(super) fn walker(&self) -> Result<Walker> {
        let first = self.replicas.first().context("there is a first gate")?;
        Ok(Walker::new(first.address(), &self.client))
    }

    /// Signs `user` in with `provider`, from a page that needs it.
    pub(super) fn sign_in(&self, tab: &Tab, provider: &str, user: &str) -> Result<Page> {
        let url = format!("{ORDERS}/{provider}/1");
        tab.goto(&url)?;
        self.give_password(tab, provider, user)?;
        let page = tab.until_url(&url);
        page.map_err(|error| self.with_logs(error))
    }

    /// Gives the password of `user` at the page of `provider` that `tab` shows.
    pub(super) fn give_password(&self, tab: &Tab, provider: &str, user: &str) -> Result<()> {
        if provider == "campus" {
            return self.campus.sign_in(tab, user);
        }
        tab.fill("[name=user]", user)?;
        tab.fill("[name=password]", user)?;
        tab.click("form button[type=submit]")
    }

    /// The error with what the gates have logged last.
    pub(super) fn with_logs(&self, error: anyhow::Error) -> anyhow::Error {
        let logs: Vec<_> = self.replicas.iter().map(|replica| replica.place.log()).collect();
        error.context(logs.join("\n-- the next gate:\n"))
    }
}

/// What the gate is to a provider.
fn entity(provider: &str) -> String {
    format!("{SIGN_IN}/.doorward/saml/{provider}")
}

fn configuration(
    https: &Port,
    place: &Place,
    (database, orders): (&str, &Recorder),
    (campus, partner): (&Simplesamlphp, &LemonldapSaml),
    encrypted: bool,
) -> String {
    let (before, after) = database.split_once('@').unwrap_or(("", database));
    let user = before.rsplit_once(':').map_or(before, |(user, _)| user);
    format!(
        "listen:
  admin: {admin}
  https: {{ address: \"{https}\", certificates: [id.pem, orders.pem] }}
audit: {{ directory: audit }}
data_threads: 1
ledger: {{ postgres: \"{user}:${{file:password}}@{after}\", key: \"${{file:key}}\" }}
sign_in:
  url: {SIGN_IN}
providers:
  campus:
    saml:
      issuer: {campus_issuer}
      metadata: {campus_issuer}
      signed_by: campus.crt
      preset: simplesamlphp
      encrypted: {encrypted}
    client_certificate: saml.pem
    claims: {{ email: {{ from: /attributes/email/0, type: string, required: true }} }}
  partner:
    saml:
      issuer: {partner_issuer}
      metadata: http://{partner_address}/saml/metadata/idp
      certificates: partner.crt
      encrypted: {encrypted}
      danger_cbc: true
    client_certificate: saml.pem
    subject: /attributes/uid/0
    groups: /computed/groups
    computed:
      groups: |
        has(claims.attributes.groups) ? claims.attributes.groups.map(group, group.split(\"; \")).flatten() : []
services:
  orders:
    audience: orders
    endpoints: [\"http://{orders}\"]
    identity: {{ headers: {{ X-Forwarded-User: subject, X-Forwarded-Groups: groups, X-Forwarded-Issuer: issuer }} }}
routes:
  - name: campus
    match: {{ host: orders.example.test, path: \"/campus/**\", methods: [GET, POST] }}
    service: orders
    accept: [campus]
    allow: [{{ groups: [campus/support] }}]
  - name: partner
    match: {{ host: orders.example.test, path: \"/partner/**\", methods: [GET, POST] }}
    service: orders
    accept: [partner]
    allow: [{{ groups: [partner/timelords] }}]
",
        admin = place.admin(),
        https = https.address(),
        campus_issuer = campus.issuer(),
        partner_issuer = partner.issuer(),
        partner_address = partner.address(),
        orders = orders.address(),
    )
}
