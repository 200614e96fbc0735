use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{
    Bounded, FetchUrl, FilePath, MetadataPlace, NameFormat, Text, Time, bound,
};

/// A provider with SAML 2.0.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Saml {
    /// Its entity ID, exactly as in its metadata.
    pub(in crate::config) issuer: Text,
    /// Its metadata: a file, or a URL that is fetched again and again. Many providers may stand in it, such as those of a
    /// federation.
    pub(in crate::config) metadata: MetadataPlace,
    /// A PEM file with the certificates of which one must have signed the metadata. For a URL, this or `certificates`.
    pub(in crate::config) signed_by: Option<FilePath>,
    /// A PEM file with the provider's own certificates: of those in its metadata, these alone count.
    pub(in crate::config) certificates: Option<FilePath>,
    /// A kind of provider that is known: where it tells subject and groups, and how it is asked. What is written beside
    /// `saml` takes the place of that.
    pub(in crate::config) preset: Option<SamlPreset>,
    /// How the subject is to be named (NameID format): `persistent`, `email`, `transient`, `unspecified`, or a URI. By
    /// default as the provider likes, with `preset` what it says.
    pub(in crate::config) name_format: Option<NameFormat>,
    /// A PEM file with the certificate and private key to come: it is told to the provider, which may encrypt for it
    /// already. When the provider knows it, it becomes `client_certificate`.
    pub(in crate::config) next_certificate: Option<FilePath>,
    /// Whether it may begin (IdP-initiated), as portals with tiles do: `allow`. Its answer then signs nobody in, but makes
    /// this Doorward ask: people begin at the place that it sends them to (`RelayState`), if that is a URL of a route.
    pub(in crate::config) idp_initiated: Option<IdpInitiated>,
    /// Where people begin whom it sends to no such place: the URL of a route. Only with `idp_initiated`.
    pub(in crate::config) landing: Option<FetchUrl>,
    /// Whether it is asked to encrypt what it says, for an RSA key: then that is told to it. By default not, with `preset`
    /// as it says: Shibboleth answers nobody for whom it cannot encrypt, and others encrypt whenever they know a key, in
    /// ways that are not taken (AES-CBC).
    pub(in crate::config) encrypted: Option<bool>,
    /// How old an answer may be when it comes.
    #[serde(default)]
    pub(in crate::config) max_answer_age: Bounded<MaxAnswerAge>,
    /// Decrypt AES-CBC too, where a signature covers what is encrypted. Whoever is on the way can change such text unseen.
    #[serde(default)]
    pub(in crate::config) danger_cbc: bool,
}

/// A kind of provider with SAML.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum SamlPreset {
    /// Active Directory Federation Services.
    Adfs,
    /// Microsoft Entra ID.
    Entra,
    /// Google Workspace.
    Google,
    /// Keycloak.
    Keycloak,
    /// Okta.
    Okta,
    /// Shibboleth, as universities run it.
    Shibboleth,
    /// `SimpleSAMLphp`.
    Simplesamlphp,
}

/// Whether a provider may begin.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum IdpInitiated {
    /// It may.
    Allow,
}

bound! {
    /// How old an answer may be when it comes.
    MaxAnswerAge: Time, Time::seconds(10), Time::hours(1), Some(Time::minutes(5));
}
