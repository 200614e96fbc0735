use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::Address;

/// How the names of endpoints are looked up.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Dns {
    /// The name servers to ask, as IP address and port. By default those of the machine (`/etc/resolv.conf`), after its
    /// `/etc/hosts`.
    pub(in crate::config) servers: Vec<Address>,
}
