//! Facts as JSON, for the ledger: written by one process, read by another, perhaps of another version.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use thiserror::Error;

use super::Facts;
use crate::claim::ClaimValue;
use crate::json::{self, JsonError, Limits, Object, Value};
use crate::limits::MAX_FACTS_BYTES;
use crate::registered::strings;
use crate::time::Timestamp;
use crate::verified::SubjectKind;

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;

/// The form that is written, and the only one that is read.
const VERSION: i64 = 1;
/// Every member there may be.
const MEMBERS: [&str; 8] =
    ["acr", "amr", "auth_time", "claims", "groups", "kind", "subject", "version"];
/// A value has at least two bytes, so that the length alone is the limit.
const LIMITS: Limits = Limits { bytes: MAX_FACTS_BYTES, depth: 4, values: MAX_FACTS_BYTES };

impl Facts {
    /// The facts as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let claims: BTreeMap<&str, _> =
            self.claims.iter().map(|(name, value)| (&**name, written(value))).collect();
        let kind = match self.kind {
            SubjectKind::User => "user",
            SubjectKind::Workload => "workload",
        };
        json!({
            "version": VERSION,
            "subject": self.subject,
            "kind": kind,
            "groups": self.groups,
            "claims": claims,
            "acr": self.acr,
            "amr": self.amr,
            "auth_time": self.auth_time.map(Timestamp::as_millis),
        })
        .to_string()
    }

    /// Reads what [`Facts::to_json`] wrote, and nothing else.
    ///
    /// # Errors
    /// If it is anything else, or of another version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FactsError> {
        let document = json::parse(bytes, &LIMITS)?;
        let members = document.as_object().ok_or(FactsError::Form("the document"))?;
        match members.get("version").and_then(Value::as_i64) {
            Some(VERSION) => {}
            _ => return Err(FactsError::Version),
        }
        if members.len() != MEMBERS.len() || !MEMBERS.iter().all(|name| members.contains(name)) {
            return Err(FactsError::Members);
        }
        read(members)
    }
}

/// Why bytes are not facts.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FactsError {
    /// A member is not what it must be.
    #[error("{0} of the facts is not of the right type")]
    Form(&'static str),
    /// It is not strict JSON.
    #[error("the facts are not strict JSON: {0}")]
    Json(#[from] JsonError),
    /// There are more members, or fewer.
    #[error("the facts have other members than version {VERSION} has")]
    Members,
    /// It was written by another version of us.
    #[error("the facts are not of version {VERSION}")]
    Version,
}

/// A claim with its type, which a list of one would lose.
fn written(value: &ClaimValue) -> serde_json::Value {
    match value {
        ClaimValue::Bool(value) => json!({ "bool": value }),
        ClaimValue::Long(value) => json!({ "long": value }),
        ClaimValue::String(text) => json!({ "string": text }),
        ClaimValue::Strings(texts) => json!({ "strings": texts }),
    }
}

fn read(members: &Object) -> Result<Facts, FactsError> {
    let text = |name| {
        let text = members.get(name).and_then(Value::as_str);
        text.map(str::to_owned).ok_or(FactsError::Form(name))
    };
    let texts = |name| {
        let texts = members.get(name).and_then(Value::as_array).and_then(strings);
        texts.ok_or(FactsError::Form(name))
    };
    let there = |name| members.get(name).is_some_and(|value| *value != Value::Null);
    let kind = match text("kind")?.as_str() {
        "user" => SubjectKind::User,
        "workload" => SubjectKind::Workload,
        _ => return Err(FactsError::Form("kind")),
    };
    let auth_time = there("auth_time").then(|| {
        let millis = members.get("auth_time").and_then(Value::as_i64);
        let millis = millis.and_then(|millis| u64::try_from(millis).ok());
        millis.map(Timestamp::from_millis).ok_or(FactsError::Form("auth_time"))
    });
    let claims = members.get("claims").and_then(Value::as_object);
    let claims = claims.ok_or(FactsError::Form("claims"))?.iter().map(|(name, value)| {
        Ok((Arc::from(name), claim(value).ok_or(FactsError::Form("a claim"))?))
    });
    Ok(Facts {
        subject: text("subject")?,
        kind,
        groups: texts("groups")?,
        claims: claims.collect::<Result<_, FactsError>>()?,
        acr: there("acr").then(|| text("acr")).transpose()?,
        amr: texts("amr")?,
        auth_time: auth_time.transpose()?,
    })
}

fn claim(value: &Value) -> Option<ClaimValue> {
    let typed = value.as_object().filter(|typed| typed.len() == 1)?;
    let (kind, value) = typed.iter().next()?;
    Some(match kind {
        "bool" => ClaimValue::Bool(value.as_bool()?),
        "long" => ClaimValue::Long(value.as_i64()?),
        "string" => ClaimValue::String(value.as_str()?.to_owned()),
        "strings" => ClaimValue::Strings(strings(value.as_array()?)?),
        _ => return None,
    })
}
