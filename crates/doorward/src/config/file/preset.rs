use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::Text;

/// A provider of a kind that is known, with what tells it from others of its kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Preset {
    /// Auth0.
    Auth0(Hosted),
    /// A user pool of Amazon Cognito.
    Cognito(Cognito),
    /// A tenant of Microsoft Entra ID.
    Entra(Entra),
    /// GitHub: people by their number, groups by organization and by team, as in `example/ops`.
    Github,
    /// GitLab.
    Gitlab(Hosted),
    /// Google.
    Google,
    /// A realm of Keycloak.
    Keycloak(Keycloak),
    /// An authorization server of Okta.
    Okta(Okta),
}

/// A provider that a host tells from others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Hosted {
    /// Its host, such as `example.eu.auth0.com` or `gitlab.com`.
    pub(in crate::config) host: Text,
}

/// A user pool of Amazon Cognito.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Cognito {
    /// Its region, such as `eu-central-1`.
    pub(in crate::config) region: Text,
    /// Its id, such as `eu-central-1_aBcDeFgHi`.
    pub(in crate::config) pool: Text,
}

/// A tenant of Microsoft Entra ID.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Entra {
    /// The id of the tenant, in hexadecimal digits and `-`. None that stands for many: not `common`, not `organizations`.
    pub(in crate::config) tenant: Text,
}

/// A realm of Keycloak.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Keycloak {
    /// Its host, such as `sso.example.com`.
    pub(in crate::config) host: Text,
    /// The realm.
    pub(in crate::config) realm: Text,
}

/// An authorization server of Okta.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Okta {
    /// The organization's host, such as `example.okta.com`.
    pub(in crate::config) host: Text,
    /// The id of the authorization server.
    #[schemars(extend("default" = "default"))]
    pub(in crate::config) server: Option<Text>,
}
