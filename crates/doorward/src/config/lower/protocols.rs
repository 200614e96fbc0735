//! What a provider speaks: OpenID Connect or plain OAuth 2.0, of a known kind or not.

use federation::provider::presets::Preset;
use federation::provider::{OAuth, Openid, OwnEndpoints, Protocol, Pushed};
use gate::spec::Place;
use tokens::Algorithm;

use super::issuers::Fetching;
use super::{Lowering, time};
use crate::config::file;
use crate::config::value::Text;

/// The keys of which a provider has exactly one.
const KINDS: [&str; 4] = ["openid", "oauth", "saml", "preset"];

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

/// The others that mean nothing with SAML.
const OF_OAUTH: [&str; 7] = [
    "client_authentication",
    "client_key",
    "client_secret",
    "grace",
    "parameters",
    "refresh",
    "scopes",
];

/// What a provider speaks, and what is known about its kind.
pub(super) struct Spoken {
    pub(super) protocol: Protocol,
    pub(super) preset: Option<&'static Preset>,
}

impl Lowering<'_> {
    /// Complains of a provider that is not of one kind.
    pub(super) fn is_of_one_kind(&mut self, place: &Place) -> bool {
        let written = KINDS.iter().filter(|kind| self.tree.find(&place.then(kind)).is_some());
        let one = written.count() == 1;
        if !one {
            let message = "expected exactly one of `openid`, `oauth`, `saml` and `preset`";
            let problem = self.key_problem(place, message);
            self.report(problem.help(
                "write `openid: https://idp.example.com`, or `preset: google` for a provider of a known kind",
            ));
        }
        one
    }

    pub(super) fn spoken(
        &mut self,
        provider: &file::Provider,
        fetching: &Fetching,
        place: &Place,
    ) -> Option<Spoken> {
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

    /// Complains of what means nothing with SAML.
    pub(super) fn nothing_but_saml(&mut self, place: &Place) {
        for key in OF_OPENID.iter().chain(&OF_OAUTH) {
            let place = place.then(key);
            if self.tree.find(&place).is_some() {
                let message = format!("`{key}` means nothing to a provider with SAML");
                let problem = self.key_problem(&place, message);
                self.report(problem.help("remove it"));
            }
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
}

const fn pushed(pushed: file::PushedRequests) -> Pushed {
    match pushed {
        file::PushedRequests::Always => Pushed::Always,
        file::PushedRequests::Auto => Pushed::Auto,
        file::PushedRequests::Never => Pushed::Never,
    }
}
