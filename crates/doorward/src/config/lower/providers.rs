use std::collections::BTreeMap;
use std::time::Duration;

use egress::UrlError;
use federation::provider::presets::Preset;
use federation::provider::{
    OAuth, Openid, OwnEndpoints, Protocol, ProviderOptions, ProviderOptionsError, Pushed,
};
use gate::spec::{IssuerSpec, Place, ProviderSpec};
use tokens::{Algorithm, GroupSource, JsonPointer, Mapping, MappingError, Revision};

use super::issuers::Fetching;
use super::presets::offline;
use super::{Lowering, time};
use crate::config::tree::Node;
use crate::config::value::{Bounded, Name, Pointer, Text};
use crate::config::{file, model};

/// The keys of which a provider has exactly one.
const KINDS: [&str; 3] = ["openid", "oauth", "preset"];

/// What is asked for with OpenID Connect unless the configuration says otherwise.
const SCOPES: [&str; 3] = ["openid", "profile", "email"];

/// The keys that mean nothing without OpenID Connect.
const OF_OPENID: [&str; 8] = [
    "algorithms",
    "endpoints",
    "issuer_in_answers",
    "keys",
    "max_id_token_age",
    "pushed_requests",
    "untyped_logout_tokens",
    "userinfo",
];

/// What a provider speaks, and what is known about its kind.
struct Spoken {
    protocol: Protocol,
    preset: Option<&'static Preset>,
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
        provider: file::Provider,
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
        let spoken = self.spoken(&provider, &fetching, &place);
        let keys = spoken.as_ref().and_then(|spoken| match &spoken.protocol {
            Protocol::OAuth(_) => Some(None),
            Protocol::Openid(openid) => {
                let found = self.provider_keys(&openid.issuer, &provider, &fetching, &place);
                found.map(Some)
            }
        });
        let in_body = self.tree.find(&place.then("preset")).is_some()
            && spoken.as_ref().is_some_and(|it| matches!(it.protocol, Protocol::OAuth(_)));
        let proof = self.client_authentication(&provider, in_body, &place);
        let ca = provider.ca.as_ref().and_then(|ca| self.certificates(&ca.0, &place.then("ca")));
        let grace = self.grace(&provider, &place);
        let preset = spoken.as_ref().and_then(|spoken| spoken.preset);
        let scopes = scopes(provider.scopes, spoken.as_ref(), provider.refresh.is_some());
        let mut parameters = provider.parameters;
        if let Some(preset) = preset.filter(|_| provider.refresh.is_some()) {
            for (key, value) in offline(preset).1 {
                parameters.entry((*key).to_owned()).or_insert_with(|| (*value).to_owned());
            }
        }
        let subjects = self.subjects(provider.subjects, &place.then("subjects"));
        let claims = self.declared_claims(provider.claims, &place.then("claims"));
        let groups = provider.groups.map(|groups| groups.values);
        let groups = self.group_sources(groups, preset, provider.groups_required, &place);
        let spoken = spoken?;
        let subject = self.subject_place(provider.subject, &spoken, &place);
        let mapping = Mapping::new(subject?, subjects?, groups, claims?);
        let mapping = mapping.map_err(|error| self.refused_mapping(&error, &place)).ok()?;
        let (keys, proof) = (keys?, proof?);
        let back = format!("{site}/.doorward/callback/{name}");
        let options = ProviderOptions {
            client_auth: proof.auth,
            scopes,
            parameters,
            skew: time(&provider.skew),
            danger_plain_http: provider.danger_plain_http,
            ..ProviderOptions::new(
                name.as_str(),
                spoken.protocol,
                provider.client_id.0,
                back,
                mapping,
            )
        };
        if let Err(error) = options.check() {
            self.refused_options(&error, &place);
            return None;
        }
        let spec = ProviderSpec {
            name: name.as_str().into(),
            groups: !options.mapping.groups().is_empty(),
            subjects: options.mapping.kind().clone(),
            claims: options.mapping.claims().to_vec(),
            revision: Revision::of_text(&options.revision_text()),
        };
        let disabled = provider.disabled;
        let lowered = model::Provider {
            options,
            keys,
            ca,
            client_certificate: proof.certificate,
            title: provider.title.map_or_else(|| name.to_string(), |title| title.0),
            domains: provider.domains.into_iter().map(|domain| domain.0).collect(),
            refresh: provider.refresh.as_ref().map(time),
            grace,
            disabled,
        };
        // One of two with the same name would be blamed for it once more.
        unique.then(|| (IssuerSpec { disabled, ..IssuerSpec::of_sessions(spec) }, lowered))
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

    fn spoken(
        &mut self,
        provider: &file::Provider,
        fetching: &Fetching,
        place: &Place,
    ) -> Option<Spoken> {
        let written = KINDS.iter().filter(|kind| self.tree.find(&place.then(kind)).is_some());
        if written.count() != 1 {
            let problem =
                self.key_problem(place, "expected exactly one of `openid`, `oauth` and `preset`");
            self.report(problem.help(
                "write `openid: https://idp.example.com`, or `preset: google` for a provider of a known kind",
            ));
            return None;
        }
        let spoken = if let Some(Text(issuer)) = &provider.openid {
            let openid = Openid::new(issuer.clone(), vec![Algorithm::Es256, Algorithm::Rs256]);
            Spoken { protocol: Protocol::Openid(openid), preset: None }
        } else if let Some(oauth) = &provider.oauth {
            let oauth = self.oauth(oauth, fetching, &place.then("oauth"));
            Spoken { protocol: Protocol::OAuth(oauth), preset: None }
        } else {
            let preset = provider.preset.as_ref()?;
            let (preset, protocol) = self.preset(preset, &place.then("preset"))?;
            Spoken { protocol, preset: Some(preset) }
        };
        let Protocol::Openid(openid) = spoken.protocol else {
            self.nothing_of_openid(place);
            return Some(spoken);
        };
        let protocol = Protocol::Openid(self.openid(openid, provider, fetching, place));
        Some(Spoken { protocol, ..spoken })
    }

    /// OpenID Connect with what stands beside it.
    fn openid(
        &mut self,
        openid: Openid,
        provider: &file::Provider,
        fetching: &Fetching,
        place: &Place,
    ) -> Openid {
        let written = &provider.endpoints;
        let place = place.then("endpoints");
        let mut own = |key: &str, url: &Option<crate::config::value::FetchUrl>| {
            let url = url.as_ref()?;
            self.fetched(url, fetching, &place.then(key));
            Some(url.as_str().to_owned())
        };
        let endpoints = OwnEndpoints {
            authorization: own("authorization", &written.authorization),
            end_session: own("end_session", &written.end_session),
            pushed: own("pushed", &written.pushed),
            token: own("token", &written.token),
            userinfo: own("userinfo", &written.userinfo),
        };
        let algorithms = provider.algorithms.as_ref();
        let algorithms = algorithms.map(|list| list.iter().map(|one| one.0).collect());
        let age = provider.max_id_token_age.as_ref();
        Openid {
            endpoints,
            algorithms: algorithms.unwrap_or(openid.algorithms),
            max_id_token_age: age.map_or(openid.max_id_token_age, time),
            userinfo: provider.userinfo.unwrap_or(openid.userinfo),
            pushed: provider.pushed_requests.map_or(openid.pushed, pushed),
            issuer_in_answers: provider.issuer_in_answers.unwrap_or(openid.issuer_in_answers),
            untyped_logout_tokens: provider
                .untyped_logout_tokens
                .unwrap_or(openid.untyped_logout_tokens),
            issuer: openid.issuer,
        }
    }

    fn oauth(&mut self, oauth: &file::OAuth, fetching: &Fetching, place: &Place) -> OAuth {
        self.fetched(&oauth.authorization, fetching, &place.then("authorization"));
        self.fetched(&oauth.token, fetching, &place.then("token"));
        for (name, url) in &oauth.userinfo {
            self.fetched(url, fetching, &place.then("userinfo").then(name.as_str()));
        }
        let userinfo = oauth.userinfo.iter();
        OAuth {
            issuer: oauth.issuer.as_ref().map(|issuer| issuer.0.clone()),
            authorization: oauth.authorization.as_str().to_owned(),
            token: oauth.token.as_str().to_owned(),
            userinfo: userinfo
                .map(|(name, url)| (name.to_string(), url.as_str().to_owned()))
                .collect(),
        }
    }

    fn nothing_of_openid(&mut self, place: &Place) {
        for key in OF_OPENID {
            let place = place.then(key);
            if self.tree.find(&place).is_some() {
                let message =
                    format!("`{key}` is about OpenID Connect, which this provider does not speak");
                let problem = self.key_problem(&place, message);
                self.report(problem.help("remove it"));
            }
        }
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

    fn group_sources(
        &mut self,
        written: Option<Vec<Pointer>>,
        preset: Option<&Preset>,
        required: bool,
        place: &Place,
    ) -> Vec<GroupSource> {
        let groups = match (written, preset) {
            (Some(pointers), _) => {
                pointers.into_iter().map(|pointer| GroupSource::at(pointer.0)).collect()
            }
            (None, Some(preset)) => preset.groups().unwrap_or_default(),
            (None, None) => Vec::new(),
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
        let problem = self.problem(&place.then("claims"), error.to_string());
        self.report(problem.help("see the reference for providers"));
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

const fn pushed(pushed: file::PushedRequests) -> Pushed {
    match pushed {
        file::PushedRequests::Always => Pushed::Always,
        file::PushedRequests::Auto => Pushed::Auto,
        file::PushedRequests::Never => Pushed::Never,
    }
}
