use schemars::JsonSchema;
use serde::Deserialize;

use super::acme::Acme;
use super::asking_doors::{ExtAuthz, ForwardAuth};
use crate::config::value::Address;

/// Where Doorward listens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Listen {
    /// The reverse proxy: plain HTTP, as IP address and port. Loopback only, unless the key below says otherwise.
    pub(in crate::config) http: Option<Address>,
    /// The reverse proxy: HTTPS.
    pub(in crate::config) https: Option<Https>,
    /// The decision service for Envoy: external authorization over gRPC.
    pub(in crate::config) ext_authz: Option<ExtAuthz>,
    /// The decision service for proxies that ask by HTTP.
    pub(in crate::config) forward_auth: Option<ForwardAuth>,
    /// Answer requests over plain HTTP with a redirect (308) to HTTPS, and with nothing else.
    #[serde(default)]
    pub(in crate::config) redirect_to_https: bool,
    /// Whether connections from `trusted_peers` begin with the PROXY protocol (version 2), as a balancer that passes bytes on
    /// sends it. Theirs must then; everybody else's are taken as they come.
    #[serde(default)]
    pub(in crate::config) proxy_protocol: bool,
    /// Health, readiness and metrics, as IP address and port.
    #[schemars(extend("default" = "127.0.0.1:9901"))]
    pub(in crate::config) admin: Option<Address>,
    /// Serve plain HTTP beyond loopback. Tokens then cross the network unprotected, unless something in front ends TLS.
    #[serde(default)]
    pub(in crate::config) danger_plain_http_beyond_loopback: bool,
    /// Serve health, readiness and metrics beyond loopback, to whoever can reach the address.
    #[serde(default)]
    pub(in crate::config) danger_admin_beyond_loopback: bool,
}

/// Where HTTPS is served, with TLS 1.2 and 1.3, HTTP/1.1 and HTTP/2.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Https {
    /// The IP address and port.
    pub(in crate::config) address: Address,
    /// Files in PEM with certificate chains, leaf first, and private keys, together or apart: what belongs together is
    /// found. A caller is shown the certificate for the name that it asks for, and the first when it asks for none. They
    /// are read again when they change. They can be left out when there is `acme`.
    #[serde(default)]
    pub(in crate::config) certificates: Vec<String>,
    /// Certificates that are obtained and renewed by themselves.
    pub(in crate::config) acme: Option<Acme>,
    /// Whether callers must show a client certificate (`required`) or may (`optional`). They are asked for one as soon as
    /// there is an issuer of `certificates`, and shown its authorities.
    #[schemars(extend("default" = "optional"))]
    pub(in crate::config) client_certificates: Option<ClientCertificates>,
}

/// Whether callers must show a client certificate.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ClientCertificates {
    /// They may: who shows none can show a token.
    Optional,
    /// They must: who shows none cannot connect.
    Required,
}
