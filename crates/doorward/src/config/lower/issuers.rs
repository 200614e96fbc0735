use std::collections::BTreeMap;

use gate::spec::{Identities, IssuerSpec, Place};
use tokens::{Algorithm, ClaimTest, KeySet, Profile, ProfileOptions, SubjectRule, TokenType};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{Lowering, time};
use crate::config::value::{FetchUrl, Name, Text, Written};
use crate::config::{file, model};

impl Lowering<'_> {
    pub(super) fn issuers(
        &mut self,
        issuers: BTreeMap<Name, file::Issuer>,
    ) -> (Vec<IssuerSpec>, BTreeMap<String, model::IssuerKeys>) {
        let mut specs = Vec::new();
        let mut keys = BTreeMap::new();
        for (name, issuer) in issuers {
            let place = Place::key("issuers").then(name.as_str());
            let disabled = issuer.disabled;
            if let Some(issued) = &issuer.certificates {
                let profile = self.issued_certificates(name.as_str(), issued, &place);
                let identities = profile.map(Identities::Certificates);
                specs.extend(identities.map(|identities| IssuerSpec { identities, disabled }));
                continue;
            }
            let Some(Text(identifier)) = issuer.issuer.clone() else {
                let whole = self.tree.find(&place.then("issuer")).is_none();
                if whole {
                    let problem = self.key_problem(&place, "the key `issuer` is missing");
                    self.report(problem.help(
                        "add the exact `iss` of its tokens: `issuer: https://idp.example.com`; or, for client certificates, `certificates`",
                    ));
                }
                continue;
            };
            if let Some(found) = self.issuer_keys(&identifier, &issuer, &place) {
                keys.insert(name.to_string(), found);
            }
            if let Some(profile) = self.profile(name.as_str(), identifier, issuer, &place) {
                specs.push(IssuerSpec { identities: Identities::Tokens(profile), disabled });
            }
        }
        (specs, keys)
    }

    fn issuer_keys(
        &mut self,
        identifier: &str,
        issuer: &file::Issuer,
        place: &Place,
    ) -> Option<model::IssuerKeys> {
        let danger = place.then("danger_plain_http");
        self.exception(
            issuer.danger_plain_http,
            &danger,
            "the keys of this issuer may be fetched over plain HTTP, where they can be exchanged",
        );
        let source = self.key_source(identifier, &issuer.keys, &Fetching::of_issuer(issuer), place);
        let refresh = model::Refresh {
            min: time(&issuer.refresh.min),
            max: time(&issuer.refresh.max),
            stale_grace: time(&issuer.refresh.stale_grace),
            unknown_kid_interval: time(&issuer.refresh.unknown_kid_interval),
        };
        if refresh.min > refresh.max {
            let (min, max) = (issuer.refresh.min.value(), issuer.refresh.max.value());
            let refresh = place.then("refresh");
            let min_place = refresh.then("min");
            let written =
                if self.tree.find(&min_place).is_some() { min_place } else { refresh.then("max") };
            let problem = self
                .problem(&written, format!("`min` is `{min}`, more than `max`, which is `{max}`"))
                .help(format!("write at most `{max}` for `min`, or at least `{min}` for `max`"));
            self.report(problem);
        }
        let ca = issuer.ca.as_ref().and_then(|ca| self.certificates(&ca.0, &place.then("ca")));
        Some(model::IssuerKeys {
            issuer: identifier.to_owned(),
            source: source?,
            refresh,
            ca,
            plain_http: issuer.danger_plain_http,
            disabled: issuer.disabled,
        })
    }

    pub(super) fn key_source(
        &mut self,
        identifier: &str,
        source: &file::KeySource,
        fetching: &Fetching,
        place: &Place,
    ) -> Option<model::KeySource> {
        let keys = place.then("keys");
        match source {
            file::KeySource::Discovery => {
                let place = place.then(fetching.identifier);
                match FetchUrl::read(identifier) {
                    Ok(url) => self.fetched(&url, fetching, &place),
                    Err(complaint) => {
                        let message = format!("no keys can be discovered: {}", complaint.message);
                        let problem = self.problem(&place, message);
                        self.report(problem.help(
                            "write the issuer's URL, or say where its keys are: `keys: { jwks_uri: https://… }`",
                        ));
                        return None;
                    }
                }
                Some(model::KeySource::Discovery)
            }
            file::KeySource::File(path) => {
                let place = keys.then("file");
                let bytes = self.read(&path.0, &place)?;
                self.key_set(&bytes, &place)?;
                Some(model::KeySource::File(self.path(&path.0)))
            }
            file::KeySource::Inline(set) => {
                let text = serde_json::json!({ "keys": set.keys }).to_string();
                self.key_set(text.as_bytes(), &keys.then("inline"))?;
                Some(model::KeySource::Inline(text))
            }
            file::KeySource::JwksUri(url) => {
                self.fetched(url, fetching, &keys.then("jwks_uri"));
                Some(model::KeySource::JwksUri(url.as_str().to_owned()))
            }
        }
    }

    /// Complains when what is fetched from `url` can be changed on the way.
    pub(super) fn fetched(&mut self, url: &FetchUrl, fetching: &Fetching, place: &Place) {
        if url.is_plain_beyond_loopback() && !fetching.danger {
            let https = url.as_str().replacen("http:", "https:", 1);
            let message = format!("`{}` is plain HTTP: {} on the way", url.as_str(), fetching.risk);
            let problem = self.problem(place, message);
            self.report(problem.help(format!(
                "write `{https}`; or add `danger_plain_http: true` to the {}",
                fetching.of
            )));
        }
    }

    fn key_set(&mut self, bytes: &[u8], place: &Place) -> Option<()> {
        let message = match KeySet::parse(bytes) {
            Ok(parsed) if !parsed.set.is_empty() => return Some(()),
            Ok(parsed) => match parsed.skipped.first() {
                Some(skipped) => format!("none of the keys can be used: {}", skipped.reason),
                None => "there is no key in the key set".to_owned(),
            },
            Err(error) => format!("expected a JSON Web Key Set: {error}"),
        };
        let problem = self.problem(place, message);
        self.report(problem.help("write the issuer's public keys: `{\"keys\": [{\"kty\": …}]}`"));
        None
    }

    pub(super) fn certificates(&mut self, path: &str, place: &Place) -> Option<std::path::PathBuf> {
        let bytes = self.read(path, place)?;
        let mut read = CertificateDer::pem_slice_iter(&bytes).peekable();
        if read.peek().is_none() || read.any(|one| one.is_err()) {
            let message =
                format!("there is no certificate in `{}`", crate::config::tree::shortened(path));
            let problem = self.problem(place, message);
            self.report(problem.help("name a PEM file, with `-----BEGIN CERTIFICATE-----`"));
            return None;
        }
        Some(self.path(path))
    }

    fn profile(
        &mut self,
        name: &str,
        identifier: String,
        issuer: file::Issuer,
        place: &Place,
    ) -> Option<Profile> {
        let subjects = self.subjects(issuer.subjects, &place.then("subjects"));
        let claims = self.declared_claims(issuer.claims, &place.then("claims"));
        let mut options = ProfileOptions::new(name, identifier);
        options.algorithms = match issuer.algorithms {
            Some(algorithms) => algorithms.into_iter().map(|algorithm| algorithm.0).collect(),
            None => vec![Algorithm::Es256, Algorithm::Rs256],
        };
        options.token_types = match issuer.token_types {
            Some(types) => types.iter().map(|typ| token_type(typ)).collect(),
            None => vec![TokenType::AtJwt, TokenType::Jwt],
        };
        options.strict_rfc9068 = issuer.strict_rfc9068.unwrap_or(true);
        options.skew = time(&issuer.skew);
        options.max_age = issuer.max_age.as_ref().map(time);
        options.max_lifetime = issuer.max_lifetime.as_ref().map(time);
        options.groups = issuer.groups.map(|groups| groups.0);
        options.groups_required = issuer.groups_required;
        options.claims = claims?;
        options.subjects = subjects?;
        match Profile::new(options) {
            Ok(profile) => Some(profile),
            Err(error) => {
                self.refused_profile(&error, place);
                None
            }
        }
    }

    fn refused_profile(&mut self, error: &tokens::ProfileError, place: &Place) {
        use tokens::ProfileError;
        let (key, help) = match error {
            ProfileError::AmbiguousType => ("token_types", "keep `JWT` or `id_token`"),
            ProfileError::GroupsNowhere => ("groups_required", "add `groups: /groups`"),
            ProfileError::NoAlgorithm => {
                ("algorithms", "write `[ES256, RS256]`, or remove the key")
            }
            ProfileError::NoTokenType => {
                ("token_types", "write `[at+jwt, JWT]`, or remove the key")
            }
            _ => ("issuer", "see the reference for issuers"),
        };
        let place = place.then(key);
        // A list whose items were all complained about is not empty as it is written.
        if self.tree.find(&place).is_none_or(|node| node.is_whole()) {
            let problem = self.problem(&place, error.to_string()).help(help);
            self.report(problem);
        }
    }

    pub(super) fn subjects(
        &mut self,
        subjects: file::Subjects,
        place: &Place,
    ) -> Option<SubjectRule> {
        let when = match subjects {
            file::Subjects::User => return Some(SubjectRule::User),
            file::Subjects::Workload => return Some(SubjectRule::Workload),
            file::Subjects::WorkloadWhen(when) => when,
        };
        let place = place.then("workload_when");
        let test = match (when.claim, when.equals, when.present, when.same) {
            (Some(claim), Some(equals), None, None) => ClaimTest::Equals(claim.0, equals),
            (None, None, Some(present), None) => ClaimTest::Present(present.0),
            (None, None, None, Some(same)) => match <[_; 2]>::try_from(same) {
                Ok([one, other]) => ClaimTest::Same(one.0, other.0),
                Err(_) => {
                    let problem =
                        self.problem(&place.then("same"), "expected two claims to compare");
                    self.report(problem.help("write `same: [/sub, /client_id]`"));
                    return None;
                }
            },
            _ => {
                let complete = self.tree.find(&place).is_some_and(|node| node.is_whole());
                if complete {
                    let problem = self.problem(&place, "expected exactly one test");
                    self.report(problem.help(
                        "write `{ claim: /azp, equals: billing }`, `{ present: /client_id }` or `{ same: [/sub, /client_id] }`",
                    ));
                }
                return None;
            }
        };
        Some(SubjectRule::WorkloadWhen(test))
    }
}

/// For whom something is fetched.
pub(super) struct Fetching {
    /// The key that identifies it.
    pub(super) identifier: &'static str,
    /// What it is.
    pub(super) of: &'static str,
    /// What can be done on the way if it is plain HTTP.
    pub(super) risk: &'static str,
    /// Whether that is accepted.
    pub(super) danger: bool,
}

impl Fetching {
    const fn of_issuer(issuer: &file::Issuer) -> Self {
        Self {
            identifier: "issuer",
            of: "issuer",
            risk: "its keys can be exchanged",
            danger: issuer.danger_plain_http,
        }
    }
}

/// A token type as it is written; `id_token` is no `typ` that a token has.
fn token_type(typ: &str) -> TokenType {
    if typ == "id_token" { TokenType::IdToken } else { TokenType::of_typ(typ) }
}
