//! The configuration as it is written: one structure per mapping. The doc comments are the descriptions in the JSON
//! Schema and in docs/configuration.md.

mod acme;
mod asking_doors;
mod audit;
mod authzen;
mod condition;
mod cors;
mod dns;
mod forwarding;
mod identity;
mod issuer;
mod ledger;
mod limits;
mod listen;
mod one_or_many;
mod preset;
mod provider;
mod rate;
mod revoked;
mod route;
mod saml;
mod service;
mod sign_in;
mod step_up;
mod telemetry;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub(super) use self::acme::Acme;
pub(super) use self::asking_doors::{AskingCookies, AskingProxy, AskingTls, ExtAuthz, ForwardAuth};
pub(super) use self::audit::{Audit, Sync};
pub(super) use self::authzen::Authzen;
pub(super) use self::condition::{Condition, ConditionValue};
pub(super) use self::cors::Cors;
pub(super) use self::dns::Dns;
pub(super) use self::forwarding::{ForwardedHeaders, Forwarding};
pub(super) use self::identity::{Identity, IdentityKeys};
pub(super) use self::issuer::{
    CertificateSubject, ClaimType, DeclaredClaim, IssuedCertificates, Issuer, KeySource, Refresh,
    Skew, StandIn, Subjects,
};
pub(super) use self::ledger::Ledger;
pub(super) use self::limits::{BodyBytes, Limits};
pub(super) use self::listen::{ClientCertificates, Https, Listen};
pub(super) use self::one_or_many::OneOrMany;
pub(super) use self::preset::Preset;
pub(super) use self::provider::{
    ClientAuthentication, OAuth, Provider, PushedRequests, RefreshGrace,
};
pub(super) use self::rate::{Rate, RateBy};
pub(super) use self::revoked::Revoked;
pub(super) use self::route::{Defaults, EmptySegments, EncodedSlash, Route, SegmentParameters};
pub(super) use self::saml::{Saml, SamlPreset};
pub(super) use self::service::{Health, Protocol, Retry, Service, ServiceIdentity, ServiceTls};
pub(super) use self::sign_in::{Page, SessionLimits, SignIn};
pub(super) use self::step_up::StepUp;
pub(super) use self::telemetry::{LogFormat, LogLevel, Otlp, SampleRatio, Telemetry};

use super::value::{Bounded, Count, Name, PeerNetwork, bound};

/// The configuration of Doorward: who is asking, what they may do, and what stands behind the door.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Doorward configuration")]
pub(super) struct File {
    /// Where Doorward listens.
    pub(super) listen: Option<Listen>,
    /// Networks of the peers whose forwarded headers count, such as `10.0.0.0/8`. From everyone else they are dropped.
    pub(super) trusted_peers: Vec<PeerNetwork>,
    /// Allow `0.0.0.0/0` and `::/0` among the trusted peers. Anyone can then claim any address.
    pub(super) danger_trust_every_peer: bool,
    /// What services are told about the way that a request has come.
    pub(super) forwarding: Forwarding,
    /// The signed identity that services are told. Required as soon as a service asks for it with `identity.token`.
    pub(super) identity: Option<Identity>,
    /// Whose tokens are believed, by a name of your choice: pinned, exact.
    pub(super) issuers: BTreeMap<Name, Issuer>,
    /// Where people sign in, by a name of your choice, which no issuer has. Routes accept them like issuers.
    pub(super) providers: BTreeMap<Name, Provider>,
    /// How people come by a session. Required as soon as there are providers.
    pub(super) sign_in: Option<SignIn>,
    /// What must last and be shared, such as sessions. By default, if there is `sign_in`, `sqlite: ledger/ledger.db`.
    pub(super) ledger: Option<Ledger>,
    /// What stands behind the door, by a name of your choice.
    pub(super) services: BTreeMap<Name, Service>,
    /// How the names of endpoints are looked up.
    pub(super) dns: Dns,
    /// Rules that bind every route.
    pub(super) defaults: Defaults,
    /// The only ways in. The most specific match counts, never the order.
    pub(super) routes: Vec<Route>,
    /// Files of Cedar policies beside the short form: a path or a list of paths, in which `*` stands for any part of a
    /// file name. A path that matches no file is an error.
    pub(super) policies: Option<OneOrMany<String>>,
    /// Decisions for others to enforce (AuthZEN Authorization API 1.0).
    pub(super) authzen: Option<Authzen>,
    /// What has been revoked by hand.
    pub(super) revoked: Revoked,
    /// The audit log: a record of every decision, on disk before anything is forwarded.
    pub(super) audit: Audit,
    /// What one caller may ask of the listener.
    pub(super) limits: Limits,
    /// How many threads serve requests. By default one per processor.
    pub(super) data_threads: Option<Bounded<DataThreads>>,
    /// Verified tokens that are kept, so that a known token costs no signature check.
    pub(super) token_cache: TokenCache,
    /// What Doorward tells about itself.
    pub(super) telemetry: Telemetry,
}

/// The cache of verified tokens.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TokenCache {
    /// How many tokens are kept. Zero keeps none.
    pub(super) entries: Bounded<TokenCacheEntries>,
}

bound! {
    /// Threads that serve requests.
    DataThreads: Count, Count(1), Count(512), None;
    /// Verified tokens kept.
    TokenCacheEntries: Count, Count(0), Count(10_000_000), Some(Count(100_000));
}
