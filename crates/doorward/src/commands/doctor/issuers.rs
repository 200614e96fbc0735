//! Whether the issuers are who they are configured to be, and have keys that fit; and the clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use egress::{Destination, Egress};
use gate::spec::IssuerSpec;
use ledger::Clock as _;
use serde_json::Value;
use tokens::{Algorithm, Excerpt, KeySet, Profile, Timestamp};

use super::KnownKeys;
use super::findings::{Findings, counted};
use crate::clock::SystemClock;
use crate::commands::discovery;
use crate::config::{IssuerKeys, KeySource, MAX_FILE_BYTES, Machine, Surroundings as _};

/// A difference that `Date`, which has whole seconds, and the way here explain.
const CLOCK_NOISE: Duration = Duration::from_secs(3);

/// Looks at every issuer that is switched on, and hands over the keys that it publishes.
pub(super) async fn check(findings: &mut Findings<'_>) -> KnownKeys {
    let config = findings.config;
    let mut known = HashMap::new();
    for (name, issuer) in &config.issuers {
        if issuer.disabled {
            let line = findings.line(name, "disabled");
            findings.warn(format!("issuer {name}: it is disabled"), &format!("see {line}"));
            continue;
        }
        let profile = config.gate.issuers.iter().filter_map(IssuerSpec::tokens);
        let Some(profile) = profile.into_iter().find(|profile| **profile.name() == **name) else {
            continue;
        };
        if let Some(set) = (Look { name, issuer, profile, findings }).look().await {
            known.insert(name.clone(), set);
        }
    }
    known
}

/// One issuer, being looked at.
struct Look<'a, 'b> {
    name: &'a str,
    issuer: &'a IssuerKeys,
    profile: &'a Profile,
    findings: &'a mut Findings<'b>,
}

impl Look<'_, '_> {
    async fn look(mut self) -> Option<Arc<KeySet>> {
        let egress = match discovery::client(self.issuer.ca.as_deref()) {
            Ok(egress) => egress,
            Err(error) => {
                let line = self.findings.line(self.name, "ca");
                self.fail(&error.to_string(), &format!("mend `ca`, {line}"));
                return None;
            }
        };
        let bytes = match &self.issuer.source {
            KeySource::Discovery => self.discovered(&egress).await?,
            KeySource::File(path) => match Machine.read(path, MAX_FILE_BYTES) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let line = self.findings.line(self.name, "keys");
                    self.fail(&format!("`{}`: {error}", path.display()), &format!("see {line}"));
                    return None;
                }
            },
            KeySource::Inline(json) => json.clone().into_bytes(),
            KeySource::JwksUri(url) => match discovery::named(url, self.issuer.plain_http) {
                Ok(url) => self.fetched(&egress, &url).await?,
                Err(error) => {
                    let line = self.findings.line(self.name, "keys");
                    self.fail(&error.to_string(), &format!("mend {line}"));
                    return None;
                }
            },
        };
        self.keys(&bytes)
    }

    /// The key set that the issuer's metadata names.
    async fn discovered(&mut self, egress: &Egress) -> Option<Vec<u8>> {
        let (issuer, danger) = (&self.issuer.issuer, self.issuer.plain_http);
        let line = self.findings.line(self.name, "issuer");
        let found = match discovery::discover(egress, issuer, danger).await {
            Ok(found) => found,
            Err(error) => {
                let remedy = format!("start it, or mend `issuer`, {line}");
                self.fail(&error.to_string(), &remedy);
                return None;
            }
        };
        self.clock(found.date);
        let named = &found.metadata.issuer;
        if named != issuer {
            let what = format!("its metadata calls it `{}`, not `{issuer}`", Excerpt::of(named));
            self.fail(&what, &format!("write `issuer: {}`, {line}", Excerpt::of(named)));
        } else {
            self.ok(&format!("its metadata at {} calls it so", found.url));
        }
        match Destination::learned(&found.metadata.jwks_uri, &found.from) {
            Ok(url) => self.fetched(egress, &url).await,
            Err(error) => {
                let uri = Excerpt::of(&found.metadata.jwks_uri);
                let remedy = format!("add `keys: {{ jwks_uri: … }}`, {line}");
                self.fail(&format!("its `jwks_uri` is `{uri}`: {error}"), &remedy);
                None
            }
        }
    }

    async fn fetched(&mut self, egress: &Egress, url: &Destination) -> Option<Vec<u8>> {
        match egress.get(url, "application/jwk-set+json, application/json").await {
            Ok(fetched) => {
                if matches!(self.issuer.source, KeySource::JwksUri(_)) {
                    self.clock(fetched.freshness.date);
                }
                Some(fetched.body.to_vec())
            }
            Err(error) => {
                let line = self.findings.line(self.name, "keys");
                self.fail(&format!("its keys: {error}"), &format!("see {line}"));
                None
            }
        }
    }

    fn keys(&mut self, bytes: &[u8]) -> Option<Arc<KeySet>> {
        let parsed = match KeySet::parse(bytes) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.fail(&error.to_string(), "");
                return None;
            }
        };
        for skipped in &parsed.skipped {
            let kid = skipped.kid.as_ref().map_or_else(String::new, |kid| format!(" (`{kid}`)"));
            let (index, reason) = (skipped.index, &skipped.reason);
            let what = format!("issuer {}: key {index}{kid} is not used: {reason}", self.name);
            self.findings.warn(what, "");
        }
        if parsed.set.is_empty() {
            self.fail("it publishes no key that can be used", "");
            return None;
        }
        self.algorithms(&counted(parsed.set.len(), "key"), bytes);
        Some(Arc::new(parsed.set))
    }

    /// Holds what the keys are for against what is allowed.
    fn algorithms(&mut self, keys: &str, bytes: &[u8]) {
        let allowed = &self.profile.options().algorithms;
        let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let published = document.get("keys").and_then(Value::as_array);
        let published: Vec<_> = published.into_iter().flatten().map(algorithms_of).collect();
        let line = self.findings.line(self.name, "algorithms");
        let listed = |found: &[Algorithm]| {
            let names: Vec<_> = found.iter().map(|algorithm| algorithm.name()).collect();
            names.join(", ")
        };
        let fits = published.iter().flatten().any(|algorithm| allowed.contains(algorithm));
        if fits {
            self.ok(&format!("{keys}, for the allowed {}", listed(allowed)));
        } else {
            let first = published.iter().find_map(|found| found.first());
            let first = first.map_or("ES256", |algorithm| algorithm.name());
            let what =
                format!("none of its keys is for an allowed algorithm ({})", listed(allowed));
            self.fail(&what, &format!("write `algorithms: [{first}]`, {line}"));
        }
        let lone = published.iter().filter_map(|found| match found.as_slice() {
            [one] if !allowed.contains(one) => Some(*one),
            _ => None,
        });
        for algorithm in lone.filter(|_| fits) {
            let what =
                format!("issuer {}: it has a key for {algorithm}, which is not allowed", self.name);
            let all = listed(allowed);
            let remedy = format!("if it signs with it: `algorithms: [{all}, {algorithm}]`, {line}");
            self.findings.warn(what, &remedy);
        }
    }

    /// Holds the issuer's clock against ours.
    fn clock(&mut self, date: Option<Timestamp>) {
        let Some(date) = date else { return };
        let now = SystemClock.now();
        let (apart, side) =
            if now > date { (now.since(date), "behind") } else { (date.since(now), "ahead of") };
        let (seconds, skew) = (apart.as_secs(), self.profile.options().skew);
        let what = format!("its clock is {seconds} s {side} ours");
        let line = self.findings.line(self.name, "skew");
        if apart <= CLOCK_NOISE {
            self.ok("its clock and ours agree");
        } else if apart <= skew {
            let what = format!("issuer {}: {what}, within `skew` ({skew:?})", self.name);
            self.findings.warn(what, "set both by NTP");
        } else {
            self.fail(&what, &format!("set both by NTP; `skew` is {skew:?}, {line}"));
        }
    }

    fn ok(&self, what: &str) {
        self.findings.ok(format!("issuer {}: {what}", self.name));
    }

    fn fail(&mut self, what: &str, remedy: &str) {
        self.findings.fail(format!("issuer {}: {what}", self.name), remedy);
    }
}

/// What a published key may sign with, by its own word or by its kind (RFC 7518 §6.1, RFC 8037 §2).
fn algorithms_of(jwk: &Value) -> Vec<Algorithm> {
    let member = |name: &str| jwk.get(name).and_then(Value::as_str);
    if member("use").is_some_and(|usage| usage != "sig") {
        return Vec::new();
    }
    if let Some(name) = member("alg") {
        return name.parse().into_iter().collect();
    }
    let names: &[&str] = match (member("kty"), member("crv")) {
        (Some("RSA"), _) => &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        (_, Some("P-256")) => &["ES256"],
        (_, Some("P-384")) => &["ES384"],
        (_, Some("P-521")) => &["ES512"],
        (_, Some("Ed25519")) => &["EdDSA"],
        _ => &[],
    };
    names.iter().filter_map(|name| name.parse().ok()).collect()
}
