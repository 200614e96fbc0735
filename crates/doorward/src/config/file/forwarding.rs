use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::Name;

/// What services are told about the way that a request has come.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Forwarding {
    /// In which headers they are told the caller's address, the host and the scheme: `x_forwarded` (`X-Forwarded-For`,
    /// `-Host`, `-Proto`), `forwarded` (RFC 7239), `both`, or `none`. What a caller sends in any of them is dropped.
    #[schemars(extend("default" = "x_forwarded"))]
    pub(in crate::config) headers: ForwardedHeaders,
    /// A name for this Doorward in `Via`, of requests and of answers. A request that has it already goes in circles and
    /// is answered with 508. By default nothing is added: some services compress nothing for whoever comes by a proxy.
    pub(in crate::config) via: Option<Name>,
}

/// In which headers services are told where a request came from.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ForwardedHeaders {
    /// In both.
    Both,
    /// In `Forwarded` (RFC 7239).
    Forwarded,
    /// In none.
    None,
    /// In `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto`.
    #[default]
    XForwarded,
}
