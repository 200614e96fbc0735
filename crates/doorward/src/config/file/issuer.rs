use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::config::value::{
    Bounded, FetchUrl, FilePath, Name, Pointer, SignatureAlgorithm, Text, Time, bound,
};

/// An issuer: whose tokens are believed, and under which conditions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Issuer {
    /// The exact `iss` of its tokens, compared byte by byte; with `keys: discovery` also the URL that the keys are
    /// discovered from. Required, unless the issuer issues client certificates.
    pub(in crate::config) issuer: Option<Text>,
    /// The client certificates that it issues, in place of tokens. No other key but `disabled` can stand beside it.
    pub(in crate::config) certificates: Option<IssuedCertificates>,
    /// Where its keys come from: `discovery` (OpenID Connect or RFC 8414), `jwks_uri: URL`, `file: path` or
    /// `inline: {keys: […]}`.
    #[schemars(extend("default" = "discovery"))]
    #[serde(default)]
    pub(in crate::config) keys: KeySource,
    /// How often keys are fetched.
    #[serde(default)]
    pub(in crate::config) refresh: Refresh,
    /// A PEM file with the certificate authorities that the issuer's server is believed by, in place of the machine's.
    pub(in crate::config) ca: Option<FilePath>,
    /// Fetch keys over plain HTTP beyond loopback. Whoever is on the way can then give itself any identity.
    #[serde(default)]
    pub(in crate::config) danger_plain_http: bool,
    /// The algorithms that its tokens may be signed with.
    #[schemars(extend("default" = ["ES256", "RS256"]))]
    pub(in crate::config) algorithms: Option<Vec<SignatureAlgorithm>>,
    /// The `typ` of its tokens: `at+jwt`, `JWT` (also without `typ`), `id_token`, or another `typ`.
    #[schemars(extend("default" = ["at+jwt", "JWT"]))]
    pub(in crate::config) token_types: Option<Vec<String>>,
    /// Whether an `at+jwt` must have every claim that RFC 9068 requires (`client_id`, `iat`, `jti`).
    #[schemars(extend("default" = true))]
    pub(in crate::config) strict_rfc9068: Option<bool>,
    /// How far its clock may be from ours.
    #[serde(default)]
    pub(in crate::config) skew: Bounded<Skew>,
    /// How long after `iat` a token is accepted, whatever its `exp`. By default its `exp` alone counts.
    pub(in crate::config) max_age: Option<Bounded<MaxAge>>,
    /// How far apart `iat` and `exp` may be. By default any distance.
    pub(in crate::config) max_lifetime: Option<Bounded<MaxLifetime>>,
    /// Whether its subjects are people or workloads: `user`, `workload`, or `workload_when: …`.
    #[schemars(extend("default" = "user"))]
    #[serde(default)]
    pub(in crate::config) subjects: Subjects,
    /// Where in a token the groups stand: a JSON pointer to an array of strings, or to one string.
    pub(in crate::config) groups: Option<Pointer>,
    /// Whether a token without groups is refused.
    #[serde(default)]
    pub(in crate::config) groups_required: bool,
    /// The claims that rules and identity headers read, by a name of your choice.
    #[serde(default)]
    pub(in crate::config) claims: BTreeMap<Name, DeclaredClaim>,
    /// Switch the issuer off: none of its tokens is accepted, known ones included.
    #[serde(default)]
    pub(in crate::config) disabled: bool,
}

/// Client certificates, and whose they are. Who shows one is a workload.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct IssuedCertificates {
    /// A PEM file with the certificates of the authorities that vouch for them. It is read again when it changes.
    pub(in crate::config) ca: FilePath,
    /// Which name of a certificate says whose it is: its one URI, a SPIFFE ID, or its one DNS name.
    #[schemars(extend("default" = "spiffe_id"))]
    #[serde(default)]
    pub(in crate::config) subject: CertificateSubject,
    /// The SPIFFE trust domain, such as `corp.example`. Required with `spiffe_id`; a certificate of another is nobody's.
    pub(in crate::config) trust_domain: Option<Text>,
}

/// Which name of a certificate says whose it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum CertificateSubject {
    /// Its one DNS name (subject alternative name), in lower case.
    DnsName,
    /// Its one URI, a SPIFFE ID in the trust domain.
    #[default]
    SpiffeId,
}

/// Where the keys of an issuer come from.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum KeySource {
    /// From the issuer's own metadata (OpenID Connect Discovery, RFC 8414).
    #[default]
    Discovery,
    /// From a file with a JSON Web Key Set, read again when the configuration is.
    File(FilePath),
    /// From a JSON Web Key Set written here.
    Inline(KeySet),
    /// From a JSON Web Key Set at this URL.
    JwksUri(FetchUrl),
}

/// A JSON Web Key Set (RFC 7517).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct KeySet {
    /// The public keys.
    pub(in crate::config) keys: Vec<BTreeMap<String, serde_json::Value>>,
}

/// How often the keys of an issuer are fetched.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Refresh {
    /// Keys are fetched no more often than this, whatever the answer's `Cache-Control` says.
    pub(in crate::config) min: Bounded<MinRefresh>,
    /// Keys are fetched at least this often: how long a key that was withdrawn is still believed.
    pub(in crate::config) max: Bounded<MaxRefresh>,
    /// How long the last keys are kept when the issuer does not answer. Then its tokens are refused.
    pub(in crate::config) stale_grace: Bounded<StaleGrace>,
    /// A token with an unknown key gets the keys fetched at most this often.
    pub(in crate::config) unknown_kid_interval: Bounded<UnknownKidInterval>,
}

/// Whether subjects are people or workloads.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Subjects {
    /// Every subject is a person.
    #[default]
    User,
    /// Every subject is a workload.
    Workload,
    /// A subject is a workload if this holds, else a person.
    WorkloadWhen(WorkloadWhen),
}

/// A test on a token: exactly one of `claim` with `equals`, `present` and `same`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct WorkloadWhen {
    /// The claim that is compared with `equals`, as a JSON pointer.
    pub(in crate::config) claim: Option<Pointer>,
    /// The text that `claim` must be.
    pub(in crate::config) equals: Option<String>,
    /// The claim that must be there, as a JSON pointer.
    pub(in crate::config) present: Option<Pointer>,
    /// Two claims that must be the same text, such as `[/sub, /client_id]`.
    pub(in crate::config) same: Option<Vec<Pointer>>,
}

/// A claim that rules read. A token in which it is of another type is refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct DeclaredClaim {
    /// Where in a token it stands, as a JSON pointer.
    pub(in crate::config) from: Pointer,
    /// What it is: `string`, `bool`, `long` (a whole number) or `strings` (a list of texts).
    #[serde(rename = "type")]
    pub(in crate::config) kind: ClaimType,
    /// What absence means: `ignore`, rules do not see the claim. One of `absent`, `required` and `default` is needed.
    pub(in crate::config) absent: Option<Absent>,
    /// `true`: a token without the claim is refused.
    pub(in crate::config) required: Option<bool>,
    /// The value that stands in for a claim that is absent.
    pub(in crate::config) default: Option<StandIn>,
}

/// What a claim is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ClaimType {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Long,
    /// A text.
    String,
    /// A list of texts; one text stands for a list of one.
    Strings,
}

/// What the absence of a claim means.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Absent {
    /// Rules do not see the claim.
    Ignore,
}

/// The value that stands in for a claim that is absent.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum StandIn {
    Bool(bool),
    Long(i64),
    String(String),
    Strings(Vec<String>),
}

impl<'de> Deserialize<'de> for StandIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StandInVisitor)
    }
}

struct StandInVisitor;

impl<'de> serde::de::Visitor<'de> for StandInVisitor {
    type Value = StandIn;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, true or false, or a list of texts")
    }

    fn visit_bool<E>(self, value: bool) -> Result<StandIn, E> {
        Ok(StandIn::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<StandIn, E> {
        Ok(StandIn::Long(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<StandIn, E> {
        Ok(StandIn::String(value.to_owned()))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<StandIn, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(StandIn::Strings(list))
    }
}

impl JsonSchema for StandIn {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "default".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": ["string", "integer", "boolean"] },
            { "type": "array", "items": { "type": "string" } }
        ] })
    }
}

bound! {
    /// How far an issuer's clock may be from ours.
    Skew: Time, Time::seconds(0), Time::minutes(5), Some(Time::seconds(30));
    /// How long after `iat` a token is accepted.
    MaxAge: Time, Time::seconds(10), Time::days(366), None;
    /// How far apart `iat` and `exp` may be.
    MaxLifetime: Time, Time::seconds(10), Time::days(3660), None;
    /// The shortest time between two fetches of keys.
    MinRefresh: Time, Time::seconds(1), Time::hours(1), Some(Time::minutes(1));
    /// The longest time between two fetches of keys.
    MaxRefresh: Time, Time::seconds(1), Time::hours(24), Some(Time::hours(1));
    /// How long old keys are kept when new ones cannot be had.
    StaleGrace: Time, Time::seconds(0), Time::hours(24), Some(Time::hours(1));
    /// The shortest time between two fetches that unknown keys set off.
    UnknownKidInterval: Time, Time::seconds(1), Time::minutes(5), Some(Time::seconds(10));
}
