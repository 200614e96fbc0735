use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Bounded, FetchUrl, FilePath, Text, Time, bound};

/// Certificates that are obtained and renewed by themselves, from a server that speaks ACME (RFC 8555). It sees that the
/// names are ours on the port of HTTPS (`tls-alpn-01`, RFC 8737), which it reaches as port 443: nothing else need be open.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Acme {
    /// The URL of the server's directory. By default it is Let's Encrypt's.
    #[schemars(extend("default" = "https://acme-v02.api.letsencrypt.org/directory"))]
    pub(in crate::config) directory: Option<FetchUrl>,
    /// The names to obtain certificates for, up to 100: one certificate each. A name that is in one of `certificates` too
    /// is shown with that one.
    pub(in crate::config) domains: Vec<Text>,
    /// Where the server can reach you, such as `mailto:ops@example.com`.
    #[serde(default)]
    pub(in crate::config) contact: Vec<Text>,
    /// That you accept the terms of service of the server. It must be `true`.
    #[serde(default)]
    pub(in crate::config) accept_terms: bool,
    /// The directory that keeps the account's key and the certificates with their keys, for this process alone to read.
    /// It is made if it is not there. Processes that share it never order at the same time.
    pub(in crate::config) cache: FilePath,
    /// A file in PEM with the certificates of the authorities that the server's own certificate is checked with, in place
    /// of the system's.
    pub(in crate::config) ca: Option<FilePath>,
    /// How long before its end a certificate is renewed; at most half of its life, however long this is.
    #[serde(default)]
    pub(in crate::config) renew_before: Bounded<RenewBefore>,
}

bound! {
    /// How long before its end a certificate is renewed.
    RenewBefore: Time, Time::hours(1), Time::days(365), Some(Time::days(30));
}
