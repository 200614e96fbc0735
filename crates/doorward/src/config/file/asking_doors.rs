use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{DoorAddress, FilePath, Text};

/// Where Envoy asks whether a request may go on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ExtAuthz {
    /// The IP address and port, or `unix:` and the path of a Unix socket, which its owner and group may use. Beyond loopback
    /// only with `tls`: who asks is believed to be the proxy in front of the services.
    pub(in crate::config) address: DoorAddress,
    /// TLS, and which proxies may ask.
    pub(in crate::config) tls: Option<AskingTls>,
}

/// Mutual TLS with proxies that ask.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AskingTls {
    /// Files in PEM with the certificate chain that proxies are shown, leaf first, and its private key. They are read again
    /// when they change.
    pub(in crate::config) certificates: Vec<String>,
    /// A PEM file with the certificates of the authorities that vouch for those of the proxies. It is read again when it
    /// changes.
    pub(in crate::config) ca: FilePath,
    /// Which proxies may ask: the SPIFFE IDs of their certificates, all of one trust domain, or their DNS names. A
    /// certificate has exactly one.
    pub(in crate::config) proxies: Vec<Text>,
}

/// Where a proxy asks by HTTP whether a request may go on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ForwardAuth {
    /// As for `ext_authz`.
    pub(in crate::config) address: DoorAddress,
    /// As for `ext_authz`.
    pub(in crate::config) tls: Option<AskingTls>,
    /// Which proxy asks, and so which headers say what it asks about.
    pub(in crate::config) proxy: AskingProxy,
    /// Which cookies the service gets: those `from_answer`, which the proxy puts in place of the caller's; or those that came,
    /// `as_they_came`, and then a request with a cookie of Doorward's own is denied (`cookies_not_taken`).
    #[schemars(extend("default" = "as_they_came"))]
    #[serde(default)]
    pub(in crate::config) cookies: AskingCookies,
}

/// Which cookies of a request a service gets behind a proxy that asks by HTTP.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum AskingCookies {
    /// Those that came: a request with a cookie of Doorward's own is denied, so that no service is sent it.
    #[default]
    AsTheyCame,
    /// Those of the answer: the proxy puts its `Cookie` in place of the caller's, also where it is empty, as in the examples.
    /// Say so only of a proxy that does.
    FromAnswer,
}

/// A proxy that asks by HTTP.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum AskingProxy {
    /// Caddy (`forward_auth`): `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`.
    Caddy,
    /// HAProxy (it asks by a Lua action, which is yours to write): headers as from nginx.
    Haproxy,
    /// nginx (`auth_request`), configured as in `examples/nginx/nginx.conf`: `X-Original-Method`, `-Proto`, `-Host`, `-URI` and `-For`.
    Nginx,
    /// Traefik (`forwardAuth`): as Caddy.
    Traefik,
}
