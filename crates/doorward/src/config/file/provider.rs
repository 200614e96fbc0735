use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DeclaredClaim, KeySource, OneOrMany, Preset, Saml, Skew, Subjects};
use crate::config::value::{
    Bounded, Caption, Domain, Expression, FetchUrl, FilePath, Name, Pointer, Secret,
    SignatureAlgorithm, Text, Time, bound,
};

/// A provider: where people sign in. Exactly one of `openid`, `oauth`, `saml` and `preset`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Provider {
    /// OpenID Connect at this issuer: the exact `iss` of its tokens, and the URL that the rest is discovered from.
    pub(in crate::config) openid: Option<Text>,
    /// OAuth 2.0 alone, for providers without OpenID Connect: who somebody is, is what they answer to an access token.
    pub(in crate::config) oauth: Option<OAuth>,
    /// SAML 2.0.
    pub(in crate::config) saml: Option<Saml>,
    /// A provider of a known kind: `google`, `github`, or one with its parameters, as in `entra: { tenant: … }`. What is
    /// written beside it takes the place of what the preset says.
    pub(in crate::config) preset: Option<Preset>,
    /// What it calls this Doorward. With `saml` this Doorward's entity ID, by default
    /// `https://id.example.com/.doorward/saml/NAME` for `sign_in.url` and the provider's name; otherwise required.
    pub(in crate::config) client_id: Option<Text>,
    /// The secret that it shares with this Doorward, as a reference.
    pub(in crate::config) client_secret: Option<Secret>,
    /// A PEM file with a private key (PKCS #8) that signs for this Doorward (`private_key_jwt`).
    pub(in crate::config) client_key: Option<FilePath>,
    /// A PEM file with a certificate and its private key that this Doorward shows (`mutual_tls`); with `saml` required: the
    /// key signs what is sent to the provider, and, if it is RSA, decrypts what comes from it.
    pub(in crate::config) client_certificate: Option<FilePath>,
    /// How this Doorward proves who it is. By default as what is given asks for; a secret goes into the header (`basic`).
    pub(in crate::config) client_authentication: Option<ClientAuthentication>,
    /// What is asked for. By default `[openid, profile, email]`, with `oauth` nothing, with `preset` what it says.
    pub(in crate::config) scopes: Option<Vec<String>>,
    /// Further parameters of the request that people are sent to it with, such as `hd: example.com`.
    #[serde(default)]
    pub(in crate::config) parameters: BTreeMap<String, String>,
    /// Where it is spoken to, as far as its metadata does not say it, or says it wrong. Only for OpenID Connect.
    #[serde(default)]
    pub(in crate::config) endpoints: OwnEndpoints,
    /// Where its keys come from, like an issuer's. Only for OpenID Connect.
    #[schemars(extend("default" = "discovery"))]
    #[serde(default)]
    pub(in crate::config) keys: KeySource,
    /// The algorithms that its tokens may be signed with; with `preset` by default what it says. Only for OpenID Connect.
    #[schemars(extend("default" = ["ES256", "RS256"]))]
    pub(in crate::config) algorithms: Option<Vec<SignatureAlgorithm>>,
    /// How far its clock may be from ours.
    #[serde(default)]
    pub(in crate::config) skew: Bounded<Skew>,
    /// How old an ID token may be when it comes. Only for OpenID Connect.
    pub(in crate::config) max_id_token_age: Option<Bounded<MaxIdTokenAge>>,
    /// Whether its userinfo endpoint is asked for the claims that the ID token does not have. Only for OpenID Connect.
    pub(in crate::config) userinfo: Option<bool>,
    /// Whether requests are left with it first (PAR, RFC 9126): `always`, `auto` where it offers that, or `never`. Only
    /// for OpenID Connect.
    #[schemars(extend("default" = "auto"))]
    pub(in crate::config) pushed_requests: Option<PushedRequests>,
    /// Whether every answer must say whose it is (`iss`, RFC 9207), though its metadata does not promise that. Only for
    /// OpenID Connect.
    pub(in crate::config) issuer_in_answers: Option<bool>,
    /// Whether its logout tokens may lack the type `logout+jwt`, as those of older providers do. Only for OpenID Connect.
    pub(in crate::config) untyped_logout_tokens: Option<bool>,
    /// What is computed from what it says, by a name of your choice, for what no pointer reaches: CEL expressions over
    /// `claims`. Pointers find the values at `/computed/NAME`; one that is `null` is absent. At most 32.
    #[serde(default)]
    pub(in crate::config) computed: BTreeMap<Name, Expression>,
    /// Where the subject stands, as a JSON pointer. By default `/sub`, with `saml` `/name_id`, with `preset` what it says;
    /// required with `oauth`, as in `/user/id`.
    pub(in crate::config) subject: Option<Pointer>,
    /// Whether its subjects are people or workloads: `user`, `workload`, or `workload_when: …`.
    #[schemars(extend("default" = "user"))]
    #[serde(default)]
    pub(in crate::config) subjects: Subjects,
    /// Where the groups stand: a JSON pointer to an array of strings, or to one string; or a list of such pointers.
    pub(in crate::config) groups: Option<OneOrMany<Pointer>>,
    /// Whether nobody is signed in of whom it does not tell the groups, at each of their places.
    #[serde(default)]
    pub(in crate::config) groups_required: bool,
    /// The claims that rules and identity headers read, by a name of your choice.
    #[serde(default)]
    pub(in crate::config) claims: BTreeMap<Name, DeclaredClaim>,
    /// What people choose it by on the sign-in page; up to 80 characters. By default its name.
    pub(in crate::config) title: Option<Caption>,
    /// The domains of the e-mail addresses that lead people to it, such as `[example.com]`.
    #[serde(default)]
    pub(in crate::config) domains: Vec<Domain>,
    /// How often it is asked anew about a session: whether it still vouches for it, and for the groups and claims. By
    /// default never, so that they are as old as the session at most. It takes a refresh token, for which some providers
    /// want the scope `offline_access`; a `preset` asks by itself.
    pub(in crate::config) refresh: Option<Bounded<SessionRefresh>>,
    /// How long a session goes on when it cannot be asked anew. Only with `refresh`.
    pub(in crate::config) grace: Option<Bounded<RefreshGrace>>,
    /// A PEM file with the certificate authorities that its server is believed by, in place of the machine's.
    pub(in crate::config) ca: Option<FilePath>,
    /// Speak to it over plain HTTP beyond loopback. Whoever is on the way can then sign in as anybody.
    #[serde(default)]
    pub(in crate::config) danger_plain_http: bool,
    /// Switch the provider off: nobody signs in with it, and its sessions end.
    #[serde(default)]
    pub(in crate::config) disabled: bool,
}

/// Where a provider without OpenID Connect is spoken to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OAuth {
    /// Where people sign in.
    pub(in crate::config) authorization: FetchUrl,
    /// Where the access token is had.
    pub(in crate::config) token: FetchUrl,
    /// What is asked with the access token, by a name of your choice: pointers begin with it, as in `/user/id`.
    pub(in crate::config) userinfo: BTreeMap<Name, FetchUrl>,
    /// Its identifier: the `iss` of its answers, and whom `client_key` signs for. Some have none.
    pub(in crate::config) issuer: Option<Text>,
}

/// Where a provider with OpenID Connect is spoken to, in place of what its metadata says.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct OwnEndpoints {
    /// Where people sign in.
    pub(in crate::config) authorization: Option<FetchUrl>,
    /// Where people sign out.
    pub(in crate::config) end_session: Option<FetchUrl>,
    /// Where requests are left (RFC 9126).
    pub(in crate::config) pushed: Option<FetchUrl>,
    /// Where tokens are had.
    pub(in crate::config) token: Option<FetchUrl>,
    /// Where claims are had.
    pub(in crate::config) userinfo: Option<FetchUrl>,
}

/// How this Doorward proves to a provider who it is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ClientAuthentication {
    /// By `client_secret`, in the header.
    Basic,
    /// By `client_certificate`.
    MutualTls,
    /// Not at all: a public client.
    None,
    /// By `client_secret`, in the body.
    Post,
    /// By `client_key`.
    PrivateKeyJwt,
}

/// Whether requests are left with a provider first.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum PushedRequests {
    /// Always; a provider that does not take them is not used.
    Always,
    /// Where it offers that.
    Auto,
    /// Never.
    Never,
}

bound! {
    /// How old an ID token may be when it comes.
    MaxIdTokenAge: Time, Time::seconds(10), Time::hours(1), Some(Time::minutes(10));
    /// How often a provider is asked anew about a session.
    SessionRefresh: Time, Time::minutes(1), Time::hours(24), None;
    /// How long a session goes on when its provider cannot be asked.
    RefreshGrace: Time, Time::seconds(0), Time::hours(24), Some(Time::hours(1));
}
