//! What an operator says about a provider.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use egress::{Destination, UrlError};
use thiserror::Error;
use tokens::{Algorithm, DEFAULT_SKEW, Excerpt, Mapping, ProfileError};

use super::client_auth::ClientAuth;

/// How old an ID token may be when it comes, unless an operator says otherwise. It comes straight from the provider, of
/// which some date it five minutes back.
pub const MAX_ID_TOKEN_AGE: Duration = Duration::from_secs(10 * 60);

/// Parameters of an authorization request that are ours to write, or that would say what we do not do.
const RESERVED: [&str; 16] = [
    "acr_values",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code_challenge",
    "code_challenge_method",
    "max_age",
    "nonce",
    "redirect_uri",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// A provider as configured.
#[derive(Clone, Debug)]
pub struct ProviderOptions {
    /// What the configuration calls it.
    pub name: Arc<str>,
    /// What it speaks, and where.
    pub protocol: Protocol,
    /// What it calls us.
    pub client_id: String,
    /// How we prove that it is us.
    pub client_auth: ClientAuth,
    /// What is asked for; `openid` must be among it for OpenID Connect.
    pub scopes: Vec<String>,
    /// Where the answer goes. One of this provider's own, so that no answer of another's comes to it (RFC 9700 §4.4.2).
    pub redirect_uri: String,
    /// Further parameters of the authorization request, such as `hd` or `access_type`.
    pub parameters: BTreeMap<String, String>,
    /// Where the facts stand in what the provider says.
    pub mapping: Mapping,
    /// How far its clock may be from ours. At most [`tokens::MAX_SKEW`].
    pub skew: Duration,
    /// Whether places in the configuration may be plain HTTP to other machines: whoever sits on the way can then sign in
    /// as anybody.
    pub danger_plain_http: bool,
}

/// What a provider speaks.
#[derive(Clone, Debug)]
pub enum Protocol {
    /// OAuth 2.0 (RFC 6749) without OpenID Connect: who it is, is what places say to the access token that the code
    /// bought.
    OAuth(OAuth),
    /// OpenID Connect Core 1.0.
    Openid(Openid),
}

/// A provider without OpenID Connect.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// The `iss` of its answers (RFC 9207) and the audience of our assertions; some providers have none.
    pub issuer: Option<String>,
    /// Where people sign in.
    pub authorization: String,
    /// Where tokens are had.
    pub token: String,
    /// What is asked with the access token, by the name that its answer has in the document that is mapped. At least one.
    pub userinfo: BTreeMap<String, String>,
}

/// A provider with OpenID Connect.
#[derive(Clone, Debug)]
pub struct Openid {
    /// Its identifier, exactly: the `iss` of its tokens, and where its metadata is found.
    pub issuer: String,
    /// Places that the operator names, instead of the metadata.
    pub endpoints: OwnEndpoints,
    /// The algorithms that it signs with. At least one.
    pub algorithms: Vec<Algorithm>,
    /// How old an ID token may be when it comes.
    pub max_id_token_age: Duration,
    /// Whether claims are fetched from the userinfo endpoint that the ID token does not have.
    pub userinfo: bool,
    /// Whether authorization requests are left with the provider first.
    pub pushed: Pushed,
    /// Whether an answer must have `iss` (RFC 9207) though the metadata does not promise it.
    pub issuer_in_answers: bool,
    /// Whether a logout token may have `typ: JWT`, or none, as those of older providers do.
    pub untyped_logout_tokens: bool,
}

impl Openid {
    /// The safe options for the provider with this issuer that signs with these algorithms.
    #[must_use]
    pub fn new(issuer: impl Into<String>, algorithms: Vec<Algorithm>) -> Self {
        Self {
            issuer: issuer.into(),
            endpoints: OwnEndpoints::default(),
            algorithms,
            max_id_token_age: MAX_ID_TOKEN_AGE,
            userinfo: false,
            pushed: Pushed::Auto,
            issuer_in_answers: false,
            untyped_logout_tokens: false,
        }
    }
}

/// Places that the operator names: those that the metadata does not have, or names on a host that only a configured URL
/// may reach.
#[derive(Clone, Debug, Default)]
pub struct OwnEndpoints {
    /// Where people sign in.
    pub authorization: Option<String>,
    /// Where people sign out.
    pub end_session: Option<String>,
    /// Where authorization requests are left.
    pub pushed: Option<String>,
    /// Where tokens are had.
    pub token: Option<String>,
    /// Where an access token buys claims.
    pub userinfo: Option<String>,
}

impl OwnEndpoints {
    fn all(&self) -> impl Iterator<Item = &String> {
        let all =
            [&self.authorization, &self.end_session, &self.pushed, &self.token, &self.userinfo];
        all.into_iter().flatten()
    }
}

/// Whether authorization requests are pushed (RFC 9126).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Always; a provider that cannot is not used.
    Always,
    /// Where the provider offers it.
    Auto,
    /// Never.
    Never,
}

impl ProviderOptions {
    /// The safe options for a provider; everything else is to be set.
    #[must_use]
    pub fn new(
        name: impl Into<Arc<str>>,
        protocol: Protocol,
        client_id: impl Into<String>,
        redirect_uri: impl Into<String>,
        mapping: Mapping,
    ) -> Self {
        let scopes = match protocol {
            Protocol::OAuth(_) => Vec::new(),
            Protocol::Openid(_) => vec!["openid".to_owned()],
        };
        Self {
            name: name.into(),
            protocol,
            client_id: client_id.into(),
            client_auth: ClientAuth::None,
            scopes,
            redirect_uri: redirect_uri.into(),
            parameters: BTreeMap::new(),
            mapping,
            skew: DEFAULT_SKEW,
            danger_plain_http: false,
        }
    }

    /// The identifier of the provider, if it has one.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        match &self.protocol {
            Protocol::OAuth(oauth) => oauth.issuer.as_deref(),
            Protocol::Openid(openid) => Some(&openid.issuer),
        }
    }

    /// A place in the configuration.
    pub(crate) fn place(&self, url: &str) -> Result<Destination, UrlError> {
        if self.danger_plain_http {
            Destination::danger_plain_http(url)
        } else {
            Destination::configured(url)
        }
    }

    /// Whether they are a provider.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ProviderOptionsError> {
        let printable = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if self.client_id.is_empty() || !printable(&self.client_id) {
            return Err(ProviderOptionsError::ClientId);
        }
        // RFC 6749 §3.3.
        let token = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        let unfit = |scope: &&String| scope.is_empty() || !scope.bytes().all(token);
        if let Some(scope) = self.scopes.iter().find(unfit) {
            return Err(ProviderOptionsError::Scope { scope: Excerpt::of(scope) });
        }
        if let Some(name) = self.parameters.keys().find(|name| RESERVED.contains(&name.as_str())) {
            return Err(ProviderOptionsError::Reserved { name: name.clone() });
        }
        self.check_place(&self.redirect_uri)?;
        if matches!(self.client_auth, ClientAuth::PrivateKeyJwt(_)) && self.issuer().is_none() {
            return Err(ProviderOptionsError::AudienceUnknown);
        }
        match &self.protocol {
            Protocol::OAuth(oauth) => {
                if oauth.userinfo.is_empty() {
                    return Err(ProviderOptionsError::NoUserinfo);
                }
                self.check_place(&oauth.authorization)?;
                self.check_place(&oauth.token)?;
                oauth.userinfo.values().try_for_each(|url| self.check_place(url))
            }
            Protocol::Openid(openid) => {
                if !self.scopes.iter().any(|scope| scope == "openid") {
                    return Err(ProviderOptionsError::NoOpenid);
                }
                openid.endpoints.all().try_for_each(|url| self.check_place(url))
            }
        }
    }

    fn check_place(&self, url: &str) -> Result<(), ProviderOptionsError> {
        let refused = |cause| ProviderOptionsError::Url { url: Excerpt::of(url), cause };
        self.place(url).map(|_| ()).map_err(refused)
    }
}

/// Why options are not a provider.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProviderOptionsError {
    /// An assertion has nobody to be for.
    #[error(
        "`private_key_jwt` needs the provider's `issuer`, for whom the assertion is (rfc7523bis)"
    )]
    AudienceUnknown,
    /// We have no name.
    #[error("expected a client id of printable ASCII")]
    ClientId,
    /// The keys are missing, or are another issuer's.
    #[error("expected the keys of issuer `{issuer}`")]
    Keys {
        /// The provider's issuer.
        issuer: Excerpt,
    },
    /// Nothing makes it OpenID Connect.
    #[error("expected `openid` among the scopes (OpenID Connect Core §3.1.2.1)")]
    NoOpenid,
    /// Nothing says who it is that signs in.
    #[error("expected at least one place that says who signs in")]
    NoUserinfo,
    /// The rules for its tokens are not sound.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A parameter is ours.
    #[error("parameter `{name}` cannot be set: it is written by the sign-in itself")]
    Reserved {
        /// The parameter.
        name: String,
    },
    /// A scope is not one.
    #[error("`{scope}` is not a scope: expected printable ASCII without spaces, `\"` and `\\`")]
    Scope {
        /// The scope.
        scope: Excerpt,
    },
    /// A place is not one.
    #[error("`{url}` cannot be used: {cause}")]
    Url {
        /// The URL as configured.
        url: Excerpt,
        /// What is wrong with it.
        cause: UrlError,
    },
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
