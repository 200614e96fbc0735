//! A token: which check fails first, and what stands behind it once that is mended.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gate::spec::{Condition, IssuerSpec, Place};
use ledger::Clock as _;
use serde_json::Value;
use tokens::{
    Excerpt, KeySet, Profile, ProfileOptions, TokenRefusal, UnverifiedToken, VerifiedToken,
};

use super::KnownKeys;
use super::findings::{Findings, counted};
use super::mending::{Mending, group_places};
use crate::clock::SystemClock;

/// How many refusals are mended, one after another.
const MAX_MENDINGS: usize = 16;

/// Holds a token against its issuer's profile and the services.
pub(super) fn check(findings: &mut Findings<'_>, text: &str, keys: &KnownKeys) {
    let token = match UnverifiedToken::parse(text) {
        Ok(token) => token,
        Err(refusal) => return findings.fail(format!("token: {refusal}"), malformed(&refusal)),
    };
    let Some(profile) = issuer(findings, token.claimed_issuer()) else { return };
    let name = Arc::clone(profile.name());
    let Some(keys) = keys.get(&*name) else {
        let what = format!("token: without keys of `{name}` it cannot be looked at");
        return findings.fail(what, "mend the issuer first");
    };
    let document = payload(text);
    // What comes behind a wrong issuer is looked at as if it were right.
    let mut options = profile.options().clone();
    token.claimed_issuer().clone_into(&mut options.issuer);
    let found = verified(findings, &token, options, keys, &document);
    if token.key_id().is_none() {
        let remedy = "let the issuer name it: a token without is tried with every key";
        findings.warn("token: it names no key (`kid`)", remedy);
    }
    if let Some(found) = found {
        audience(findings, &found);
        groups(findings, &name, profile, &found, &document);
        scopes(findings, &found, &document);
    }
}

/// What can be done about something that is no token to begin with.
const fn malformed(refusal: &TokenRefusal) -> &'static str {
    match refusal {
        TokenRefusal::NotCompact => {
            "it is not a JWT; ask the issuer for one (Auth0 and Okta: request an `audience`)"
        }
        TokenRefusal::UnknownAlgorithm { .. } => {
            "let the issuer sign with ES256 or RS256: shared secrets (HS256) and `none` are never accepted"
        }
        TokenRefusal::MissingClaim { .. } => "let the issuer name itself in `iss`",
        _ => "check that it was copied whole, without `Bearer`",
    }
}

/// The issuer that the token is from; the most likely one when it is none of ours.
fn issuer<'a>(findings: &mut Findings<'a>, claimed: &str) -> Option<&'a Profile> {
    let profiles = || findings.config.gate.issuers.iter().filter_map(IssuerSpec::tokens);
    if let Some(profile) = profiles().find(|profile| profile.issuer() == claimed) {
        findings.ok(format!("token: it is from `{}`", profile.name()));
        return Some(profile);
    }
    let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
    let host = |text: &str| text.split('/').nth(2).unwrap_or_default().to_ascii_lowercase();
    let near = profiles()
        .find(|profile| bare(profile.issuer()) == bare(claimed))
        .or_else(|| profiles().find(|profile| host(profile.issuer()) == host(claimed)));
    let shown = Excerpt::of(claimed);
    let Some(profile) = near else {
        let names: Vec<_> = profiles().map(|profile| profile.issuer().to_owned()).collect();
        let what = format!("token: its `iss` is `{shown}`, and none of the issuers is");
        let remedy = format!("add it to `issuers`, or get a token of `{}`", names.join("`, `"));
        findings.fail(what, &remedy);
        return None;
    };
    let line = findings.line(profile.name(), "issuer");
    let what = format!("token: its `iss` is `{shown}`, and the issuer is `{}`", profile.issuer());
    findings.fail(what, &format!("write `issuer: {shown}`, {line}: every character counts"));
    Some(profile)
}

/// Verifies the token, mending the profile after each refusal, so that all are told.
fn verified(
    findings: &mut Findings<'_>,
    token: &UnverifiedToken<'_>,
    mut options: ProfileOptions,
    keys: &KeySet,
    document: &Value,
) -> Option<VerifiedToken> {
    let name = Arc::clone(&options.name);
    let mut now = SystemClock.now();
    let mut mended = 0_usize;
    while mended < MAX_MENDINGS {
        let profile = Profile::new(options.clone()).ok()?;
        let refusal = match token.verify(&profile, keys, now) {
            Ok(found) => {
                findings.ok(match mended {
                    0 => format!("token: it verifies as a token of `{name}`"),
                    _ => format!("token: with that mended it verifies as a token of `{name}`"),
                });
                return Some(found);
            }
            Err(refusal) => refusal,
        };
        let mending = Mending::of(&refusal, &options, document, now);
        let line = mending.key.as_ref().map(|key| findings.line(&name, key));
        let line = line.map_or_else(String::new, |line| format!(", {line}"));
        findings.fail(format!("token: {refusal}"), &format!("{}{line}", mending.remedy));
        (options, now) = mending.mended?;
        mended = mended.saturating_add(1);
    }
    None
}

fn audience(findings: &mut Findings<'_>, token: &VerifiedToken) {
    let services = &findings.config.gate.services;
    let opened: Vec<_> = services.iter().filter(|s| token.has_audience(&s.audience)).collect();
    if !opened.is_empty() {
        let names: Vec<_> = opened.iter().map(|service| service.name.as_str()).collect();
        return findings.ok(format!("token: it opens `{}`", names.join("`, `")));
    }
    let found = token.audiences();
    let what = match found.is_empty() {
        true => "token: it has no audience (`aud`), so it opens no service".to_owned(),
        false => {
            let found: Vec<_> = found.iter().map(|one| Excerpt::of(one).to_string()).collect();
            format!("token: its `aud` is `{}`, so it opens no service", found.join("`, `"))
        }
    };
    let wanted: Vec<_> = services.iter().map(|service| service.audience.as_str()).collect();
    let wanted = wanted.join("` or `");
    let keycloak = found.contains("account");
    let found: Vec<_> = found.iter().collect();
    let remedy = match (keycloak, found.as_slice(), services.as_slice()) {
        (true, ..) => format!(
            "Keycloak writes `account` by itself: add a client scope with an Audience mapper for `{wanted}`"
        ),
        (false, [one], [service]) => {
            let line =
                findings.line_of(&Place::key("services").then(&service.name).then("audience"));
            let one = Excerpt::of(one);
            format!(
                "ask the issuer for `{wanted}`, or, if `{one}` is this service alone, write `audience: {one}`, {line}"
            )
        }
        _ => format!("ask the issuer for a token with `{wanted}` in `aud`"),
    };
    findings.fail(what, &remedy);
}

fn groups(
    findings: &mut Findings<'_>,
    name: &str,
    profile: &Profile,
    token: &VerifiedToken,
    document: &Value,
) {
    let asked = conditions(findings).any(|condition| !condition.groups.is_empty());
    let count = token.groups().len();
    if count > 0 {
        return findings.ok(format!("token: it has {}", counted(count, "group")));
    }
    if !asked && profile.options().groups.is_none() {
        return;
    }
    let place = profile.options().groups.as_ref();
    let what = match place {
        Some(place) => format!("token: there are no groups at `{place}`"),
        None => format!("token: rules ask for groups, and `{name}` does not say where they stand"),
    };
    let remedy = match group_places(document).first() {
        Some(found) => {
            format!(
                "they may be at `{found}`: `groups: {found}`, {}",
                findings.line(name, "groups")
            )
        }
        None => "let the issuer add them to its access tokens".to_owned(),
    };
    findings.warn(what, &remedy);
}

fn scopes(findings: &mut Findings<'_>, token: &VerifiedToken, document: &Value) {
    let asked = conditions(findings).any(|condition| !condition.scopes.is_empty());
    let from = ["scope", "scp"].into_iter().find(|name| document.get(name).is_some());
    match (token.scopes().len(), from) {
        (0, _) if asked => {
            let what = "token: rules ask for scopes, and it has none in `scope` or `scp`";
            findings.warn(what, "request them from the issuer with `scope=…`");
        }
        (0, _) | (_, None) => {}
        (count, Some(from)) => {
            findings.ok(format!("token: it has {}, in `{from}`", counted(count, "scope")))
        }
    }
}

fn conditions<'a>(findings: &Findings<'a>) -> impl Iterator<Item = &'a Condition> {
    let spec = &findings.config.gate;
    let of_routes = spec
        .routes
        .iter()
        .flat_map(|route| route.allow.iter().chain(&route.deny).chain(&route.require));
    spec.defaults.deny.iter().chain(&spec.defaults.require).chain(of_routes)
}

/// What a token claims, unverified: to find where things stand, not what they are.
fn payload(text: &str) -> Value {
    let payload = text.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}
