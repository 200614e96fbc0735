use std::collections::BTreeMap;
use std::mem::take;
use std::time::Duration;

use egress::UrlError;
use federation::provider::{Protocol, ProviderOptions, ProviderOptionsError};
use gate::spec::{IssuerSpec, Place, ProviderSpec};
use tokens::{ClaimSpec, GroupSource, JsonPointer, Mapping, MappingError, Revision, SubjectRule};

use super::issuers::Fetching;
use super::presets::offline;
use super::protocols::Spoken;
use super::{Lowering, time};
use crate::config::tree::Node;
use crate::config::value::{Bounded, Expression, Name, Pointer};
use crate::config::{file, model};

/// What is asked for with OpenID Connect unless the configuration says otherwise.
const SCOPES: [&str; 3] = ["openid", "profile", "email"];

/// What facts of a provider are made of, as it is written.
pub(super) struct FactsWritten {
    subjects: Option<SubjectRule>,
    claims: Option<Vec<ClaimSpec>>,
    computed: BTreeMap<Name, Expression>,
}

impl Lowering<'_> {
    pub(super) fn providers(
        &mut self,
        providers: BTreeMap<Name, file::Provider>,
        site: &str,
    ) -> Vec<(IssuerSpec, model::Provider)> {
        let each = providers.into_iter();
        each.filter_map(|(name, provider)| self.provider(&name, provider, site)).collect()
    }

    fn provider(
        &mut self,
        name: &Name,
        mut provider: file::Provider,
        site: &str,
    ) -> Option<(IssuerSpec, model::Provider)> {
        let place = Place::key("providers").then(name.as_str());
        let unique = self.no_issuer_has(name, &place);
        let fetching = Fetching {
            identifier: "openid",
            of: "provider",
            risk: "who signs in can be exchanged",
            danger: provider.danger_plain_http,
        };
        self.exception(
            provider.danger_plain_http,
            &place.then("danger_plain_http"),
            "this provider may be spoken to over plain HTTP, where who signs in can be exchanged",
        );
        let one = self.is_of_one_kind(&place);
        let ca = provider.ca.as_ref().and_then(|ca| self.certificates(&ca.0, &place.then("ca")));
        let grace = self.grace(&provider, &place);
        let facts = FactsWritten {
            subjects: self.subjects(take(&mut provider.subjects), &place.then("subjects")),
            claims: self.declared_claims(take(&mut provider.claims), &place.then("claims")),
            computed: take(&mut provider.computed),
        };
        let with_saml = self.tree.find(&place.then("saml")).is_some();
        let party = match provider.saml.take().filter(|_| one) {
            Some(saml) => self.saml(name, &saml, &mut provider, (facts, site, &fetching)),
            // What is wrong in it was complained about.
            None if with_saml => None,
            None => self.oauth_party(name, &mut provider, (facts, site, &fetching), one),
        };
        let disabled = provider.disabled;
        let lowered = model::Provider {
            party: party?,
            ca,
            title: provider.title.map_or_else(|| name.to_string(), |title| title.0),
            domains: provider.domains.into_iter().map(|domain| domain.0).collect(),
            refresh: provider.refresh.as_ref().map(time),
            grace,
            disabled,
        };
        let mapping = lowered.mapping();
        let spec = ProviderSpec {
            name: name.as_str().into(),
            groups: !mapping.groups().is_empty(),
            subjects: mapping.kind().clone(),
            claims: mapping.claims().to_vec(),
            revision: Revision::of_text(&lowered.revision()),
        };
        // One of two with the same name would be blamed for it once more.
        unique.then(|| (IssuerSpec { disabled, ..IssuerSpec::of_sessions(spec) }, lowered))
    }

    /// A provider with OpenID Connect, or OAuth 2.0 alone.
    fn oauth_party(
        &mut self,
        name: &Name,
        provider: &mut file::Provider,
        (facts, site, fetching): (FactsWritten, &str, &Fetching),
        of_one_kind: bool,
    ) -> Option<model::Party> {
        let place = Place::key("providers").then(name.as_str());
        let client_id = self.client_id(provider, &place);
        let spoken = if of_one_kind { self.spoken(provider, fetching, &place) } else { None };
        let keys = spoken.as_ref().and_then(|spoken| match &spoken.protocol {
            Protocol::OAuth(_) => Some(None),
            Protocol::Openid(openid) => {
                let found = self.provider_keys(&openid.issuer, provider, fetching, &place);
                found.map(Some)
            }
        });
        let in_body = self.tree.find(&place.then("preset")).is_some()
            && spoken.as_ref().is_some_and(|it| matches!(it.protocol, Protocol::OAuth(_)));
        let proof = self.client_authentication(provider, in_body, &place);
        let preset = spoken.as_ref().and_then(|spoken| spoken.preset);
        let scopes = scopes(provider.scopes.take(), spoken.as_ref(), provider.refresh.is_some());
        let mut parameters = take(&mut provider.parameters);
        if let Some(preset) = preset.filter(|_| provider.refresh.is_some()) {
            for (key, value) in offline(preset).1 {
                parameters.entry((*key).to_owned()).or_insert_with(|| (*value).to_owned());
            }
        }
        let known = preset.and_then(|preset| preset.groups(client_id.as_deref()?).ok());
        let groups = self.group_sources(provider, known.unwrap_or_default(), &place);
        let spoken = spoken?;
        let subject = self.subject_place(provider.subject.take(), &spoken, &place);
        let mapping = self.mapped(facts, subject, groups, &place)?;
        let (keys, proof) = (keys?, proof?);
        let back = format!("{site}/.doorward/callback/{name}");
        let options = ProviderOptions {
            client_auth: proof.auth,
            scopes,
            parameters,
            skew: time(&provider.skew),
            danger_plain_http: provider.danger_plain_http,
            ..ProviderOptions::new(name.as_str(), spoken.protocol, client_id?, back, mapping)
        };
        if let Err(error) = options.check() {
            self.refused_options(&error, &place);
            return None;
        }
        let (options, client_certificate) = (Box::new(options), proof.certificate);
        Some(model::Party::OAuth { options, keys, client_certificate })
    }

    fn client_id(&mut self, provider: &file::Provider, place: &Place) -> Option<String> {
        let written = self.tree.find(&place.then("client_id")).is_some();
        if !written {
            let problem = self.key_problem(place, "the key `client_id` is missing");
            self.report(problem.help("write it as the provider shows it: `client_id: doorward`"));
        }
        provider.client_id.as_ref().map(|id| id.0.clone())
    }

    /// Where facts stand, if they do.
    pub(super) fn mapped(
        &mut self,
        facts: FactsWritten,
        subject: Option<JsonPointer>,
        groups: Vec<GroupSource>,
        place: &Place,
    ) -> Option<Mapping> {
        let computed = facts.computed.into_iter();
        let computed = computed.map(|(name, expression)| (name.as_str().into(), expression.0));
        let mapping = Mapping::new(subject?, facts.subjects?, groups, facts.claims?)
            .and_then(|mapping| mapping.computing(computed.collect()));
        mapping.map_err(|error| self.refused_mapping(&error, place)).ok()
    }

    /// Issuers and providers are accepted by name alike: complains when both have this one.
    fn no_issuer_has(&mut self, name: &Name, place: &Place) -> bool {
        let issuer = Place::key("issuers").then(name.as_str());
        let taken = self.tree.find(&issuer).is_some();
        if taken {
            let problem = self
                .key_problem(place, format!("there is an issuer `{name}` too"))
                .mark(self.tree.locate_key(&issuer), Some("here"))
                .help("routes accept issuers and providers by name: give each its own");
            self.report(problem);
        }
        !taken
    }

    fn provider_keys(
        &mut self,
        issuer: &str,
        provider: &file::Provider,
        fetching: &Fetching,
        place: &Place,
    ) -> Option<model::IssuerKeys> {
        let source = self.key_source(issuer, &provider.keys, fetching, place)?;
        let endpoints = &provider.endpoints;
        let known = endpoints.authorization.is_some() && endpoints.token.is_some();
        if source != model::KeySource::Discovery
            && !known
            && self.tree.find(&place.then("endpoints")).is_none_or(Node::is_whole)
        {
            let problem = self.key_problem(
                &place.then("keys"),
                "nothing is discovered, and nothing says where the provider is spoken to",
            );
            self.report(problem.help(
                "add `endpoints: { authorization: https://…, token: https://… }`; or remove `keys`",
            ));
        }
        let refresh = file::Refresh::default();
        Some(model::IssuerKeys {
            issuer: issuer.to_owned(),
            source,
            refresh: model::Refresh {
                min: time(&refresh.min),
                max: time(&refresh.max),
                stale_grace: time(&refresh.stale_grace),
                unknown_kid_interval: time(&refresh.unknown_kid_interval),
            },
            ca: provider.ca.as_ref().map(|ca| self.path(&ca.0)),
            plain_http: provider.danger_plain_http,
            disabled: provider.disabled,
        })
    }

    /// How long a session goes on unasked; only where it is asked.
    fn grace(&mut self, provider: &file::Provider, place: &Place) -> Duration {
        let written = provider.grace.is_some();
        if written && self.tree.find(&place.then("refresh")).is_none() {
            let place = place.then("grace");
            let problem = self
                .key_problem(&place, "the provider is never asked anew, so `grace` means nothing");
            self.report(problem.help("add `refresh: 15m`, or remove `grace`"));
        }
        provider
            .grace
            .as_ref()
            .map_or_else(|| time(&Bounded::<file::RefreshGrace>::default()), time)
    }

    /// Where groups stand: where it is written, or where it is known.
    pub(super) fn group_sources(
        &mut self,
        provider: &mut file::Provider,
        known: Vec<GroupSource>,
        place: &Place,
    ) -> Vec<GroupSource> {
        let required = provider.groups_required;
        let groups = match provider.groups.take() {
            Some(groups) => {
                groups.values.into_iter().map(|pointer| GroupSource::at(pointer.0)).collect()
            }
            None => known,
        };
        if groups.is_empty()
            && required
            && self.tree.find(&place.then("groups")).is_none_or(Node::is_whole)
        {
            let place = place.then("groups_required");
            let problem =
                self.problem(&place, "groups are required, and nothing says where they stand");
            self.report(problem.help("add `groups: /groups`"));
        }
        groups
            .into_iter()
            .map(|source| GroupSource { required: source.required || required, ..source })
            .collect()
    }

    fn subject_place(
        &mut self,
        written: Option<Pointer>,
        spoken: &Spoken,
        place: &Place,
    ) -> Option<JsonPointer> {
        let known = match (&spoken.protocol, spoken.preset) {
            (_, Some(preset)) => Some(preset.subject),
            (Protocol::Openid(_), None) => Some("/sub"),
            (Protocol::OAuth(_), None) => None,
        };
        if let Some(Pointer(pointer)) = written {
            return Some(pointer);
        }
        if known.is_none() && self.tree.find(&place.then("subject")).is_none() {
            let problem = self.key_problem(place, "the key `subject` is missing");
            self.report(problem.help(
                "say what names a person for good: `subject: /user/id`, by the names under `userinfo`",
            ));
        }
        JsonPointer::parse(known?).ok()
    }

    fn refused_mapping(&mut self, error: &MappingError, place: &Place) {
        let (key, help) = match error {
            MappingError::ManyComputed { .. } => {
                ("computed", "compute less, or more at once".to_owned())
            }
            MappingError::NotComputed { place: pointer } => {
                let computed = self.tree.find(&place.then("computed"));
                // An expression that could not be read was complained about where it stands.
                if computed.is_some_and(|node| !node.is_whole()) {
                    return;
                }
                match pointer.as_str().strip_prefix("/computed/") {
                    Some(name) => ("computed", format!("add `{name}: …` to `computed`")),
                    None => ("computed", "point at one value, as in `/computed/groups`".to_owned()),
                }
            }
            _ => ("claims", "see the reference for providers".to_owned()),
        };
        let problem = self.problem(&place.then(key), error.to_string());
        self.report(problem.help(help));
    }

    fn refused_options(&mut self, error: &ProviderOptionsError, place: &Place) {
        use ProviderOptionsError as Error;
        let (place, help) = match error {
            Error::AudienceUnknown => {
                (place.then("client_key"), "add `issuer` under `oauth`, or give it a secret")
            }
            Error::ClientId => (place.then("client_id"), "write it as the provider shows it"),
            Error::NoOpenid => (place.then("scopes"), "add `openid` to the list"),
            Error::NoUserinfo => (
                place.then("oauth").then("userinfo"),
                "name what tells who signs in: `userinfo: { user: https://… }`",
            ),
            Error::Reserved { name } => (place.then("parameters").then(name), "remove it"),
            Error::Scope { .. } => {
                (place.then("scopes"), "write each scope by itself: `[openid, email]`")
            }
            // It was complained about where it stands.
            Error::Url { cause: UrlError::PlainHttp, .. } => return,
            _ => (place.clone(), "see the reference for providers"),
        };
        let problem = self.key_problem(&place, error.to_string());
        self.report(problem.help(help));
    }
}

/// What is asked for: what is written, or what the provider's kind needs.
fn scopes(written: Option<Vec<String>>, spoken: Option<&Spoken>, refresh: bool) -> Vec<String> {
    if let Some(written) = written {
        return written;
    }
    let owned = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect();
    match spoken.map(|spoken| (&spoken.protocol, spoken.preset)) {
        Some((_, Some(preset))) => {
            let mut scopes: Vec<_> = owned(preset.scopes);
            let more = offline(preset).0.filter(|_| refresh);
            scopes.extend(more.map(ToOwned::to_owned));
            scopes
        }
        Some((Protocol::Openid(_), None)) => owned(&SCOPES),
        Some((Protocol::OAuth(_), None)) | None => Vec::new(),
    }
}
