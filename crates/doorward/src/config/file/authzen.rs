use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DeclaredClaim, OneOrMany};
use crate::config::value::{Name, Text};

/// Decisions for others to enforce (AuthZEN Authorization API 1.0). They are asked for at the service `authzen`: a route to it
/// says who may ask, and how often.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Authzen {
    /// What identifies it to those who ask: a URL of `https`, such as `https://pdp.example.com`. What they ask for stands behind
    /// it, at `/access/v1/evaluation` and `/access/v1/evaluations`.
    pub(in crate::config) url: Text,
    /// The only audience of tokens that may ask.
    pub(in crate::config) audience: Text,
    /// Tell everyone who may ask why a decision is as it is: its reason, and the ids of its policies.
    #[serde(default)]
    pub(in crate::config) reasons: bool,
    /// The types of subjects, each with the properties that policies read, by a name of your choice.
    pub(in crate::config) subjects: BTreeMap<String, BTreeMap<Name, DeclaredClaim>>,
    /// The types of resources, likewise.
    pub(in crate::config) resources: BTreeMap<String, BTreeMap<Name, DeclaredClaim>>,
    /// The actions, likewise.
    pub(in crate::config) actions: BTreeMap<String, BTreeMap<Name, DeclaredClaim>>,
    /// What policies read of the circumstances that a question tells.
    #[serde(default)]
    pub(in crate::config) context: BTreeMap<Name, DeclaredClaim>,
    /// Files of Cedar policies: a path or a list of paths, as in the top-level `policies`. Policies about routes decide nothing
    /// here, and these nothing about routes.
    pub(in crate::config) policies: OneOrMany<String>,
}
