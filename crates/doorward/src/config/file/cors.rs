use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Bounded, Time, bound};

/// Which pages of other origins may call the route from a browser. Preflights are answered without a credential, by
/// Doorward itself; what the service says about it is replaced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Cors {
    /// Exact origins as browsers write them, such as `https://app.example.com` or `http://localhost:3000`; or `"*"` alone
    /// for any, without `credentials`.
    pub(in crate::config) origins: Vec<String>,
    /// The methods that a page may use. By default all of the route's.
    pub(in crate::config) methods: Option<Vec<String>>,
    /// The headers that a page may set, such as `[Authorization, Content-Type]`, beside those that any page may.
    #[serde(default)]
    pub(in crate::config) headers: Vec<String>,
    /// The headers of an answer that a page may read, beside those that any page may.
    #[serde(default)]
    pub(in crate::config) expose: Vec<String>,
    /// Whether a page may send what the browser keeps for this host: cookies and client certificates. A token that the
    /// page sends itself does not need it.
    #[serde(default)]
    pub(in crate::config) credentials: bool,
    /// How long a browser may keep the answer to a preflight. By default as it likes: most keep it for five seconds.
    pub(in crate::config) max_age: Option<Bounded<MaxAge>>,
}

bound! {
    /// How long a browser may keep the answer to a preflight; none keeps it longer.
    MaxAge: Time, Time::seconds(0), Time::hours(24), None;
}
