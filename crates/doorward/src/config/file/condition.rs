use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::OneOrMany;
use crate::config::value::{Name, RuleNetwork};

/// A rule in the short form. All keys that are given must hold at once.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct Condition {
    /// `true`: holds for every request, with or without a credential. Only in `allow`, and alone.
    pub(in crate::config) anyone: bool,
    /// `true`: holds for every identity of an accepted issuer.
    pub(in crate::config) authenticated: bool,
    /// Any of these groups: `corp/support`, or `support` where the route accepts exactly one issuer.
    pub(in crate::config) groups: Option<Vec<String>>,
    /// Any of these people: `corp/alice`, or `alice` where the route accepts exactly one issuer.
    pub(in crate::config) users: Option<Vec<String>>,
    /// Any of these workloads, written like `users`; a SPIFFE ID is taken whole.
    pub(in crate::config) workloads: Option<Vec<String>>,
    /// An identity of any of these issuers, by name.
    pub(in crate::config) issuers: Option<Vec<String>>,
    /// Every one of these scopes.
    pub(in crate::config) scopes: Option<Vec<String>>,
    /// Every one of these declared claims has the value, or one of the values of a list.
    pub(in crate::config) claims: Option<BTreeMap<Name, OneOrMany<ConditionValue>>>,
    /// Any of these methods.
    pub(in crate::config) methods: Option<Vec<String>>,
    /// The peer's address is in any of these networks, such as `10.0.0.0/8`.
    pub(in crate::config) networks: Option<Vec<RuleNetwork>>,
}

/// A value that a rule compares a claim with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum ConditionValue {
    Bool(bool),
    Long(i64),
    String(String),
}

impl<'de> Deserialize<'de> for ConditionValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConditionValueVisitor)
    }
}

struct ConditionValueVisitor;

impl serde::de::Visitor<'_> for ConditionValueVisitor {
    type Value = ConditionValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, true or false")
    }

    fn visit_bool<E>(self, value: bool) -> Result<ConditionValue, E> {
        Ok(ConditionValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<ConditionValue, E> {
        Ok(ConditionValue::Long(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<ConditionValue, E> {
        Ok(ConditionValue::String(value.to_owned()))
    }
}

impl JsonSchema for ConditionValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer", "boolean"] })
    }
}
