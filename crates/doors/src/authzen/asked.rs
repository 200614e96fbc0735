//! What is asked: one question, or many with what they have in common (§6.1 and §7.1).
//!
//! What is not known is ignored, as the specification has it. What is known is read strictly: an object whose members
//! repeat, a `null` where something should stand, a type, id or name that is empty or too long is malformed, and never
//! replaced by a default.

use gate::{Matter, Thing};
use thiserror::Error;
use tokens::json::{self, JsonError, Limits, Object, Value};

use super::MAX_BODY_BYTES;
use super::decision_point::Endpoint;

/// How large the document may be; 16 deep leaves ten levels to properties. A hundred evaluations can each read what stands
/// beside them all.
const LIMITS: Limits = Limits { bytes: MAX_BODY_BYTES, depth: 16, values: 4096 };
/// The most evaluations in one request.
pub(super) const MAX_EVALUATIONS: usize = 100;
/// The most bytes of a type or of an action's name.
const MAX_NAME_BYTES: usize = 256;
/// The most bytes of an id; records hold it whole.
const MAX_ID_BYTES: usize = 1024;

/// The most bytes of a text in properties and in the context: policies may compare each with patterns.
const MAX_TEXT_BYTES: usize = 4096;

/// Reads the body.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    json::parse(bytes, &LIMITS)
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// The questions in their order; at least one.
    pub(super) items: Vec<Item<'a>>,
    /// Which of them have to be answered.
    pub(super) semantic: Semantic,
    /// Whether the answer is a list.
    pub(super) listed: bool,
}

/// Which questions have to be answered (§7.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// A question, as far as it is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Item<'a> {
    pub(super) subject: Option<Thing<'a>>,
    pub(super) action: Option<Thing<'a>>,
    pub(super) resource: Option<Thing<'a>>,
    context: Option<&'a Value>,
    wrong: Option<String>,
}

/// Why a whole request cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Unasked {
    #[error("{0}")]
    Malformed(String),
    #[error("the body is not a JSON object")]
    NotAnObject,
    #[error("there are {0} evaluations, more than {MAX_EVALUATIONS}")]
    TooMany(usize),
    #[error(
        "`evaluations_semantic` is none of `execute_all`, `deny_on_first_deny` and `permit_on_first_permit`"
    )]
    UnknownSemantic,
}

impl<'a> Asked<'a> {
    /// Reads what is asked of an endpoint.
    pub(super) fn read(document: &'a Value, endpoint: Endpoint) -> Result<Self, Unasked> {
        let object = document.as_object().ok_or(Unasked::NotAnObject)?;
        let common = Item::read(object);
        if let Some(wrong) = common.wrong {
            return Err(Unasked::Malformed(wrong));
        }
        let several = endpoint == Endpoint::Evaluations;
        let semantic = if several { semantic(object)? } else { Semantic::ExecuteAll };
        let listed = match object.get("evaluations").filter(|_| several) {
            None => &[],
            Some(Value::Array(items)) => items.as_slice(),
            Some(_) => return Err(Unasked::Malformed("`evaluations` is not an array".to_owned())),
        };
        if listed.len() > MAX_EVALUATIONS {
            return Err(Unasked::TooMany(listed.len()));
        }
        if listed.is_empty() {
            if let Err(wrong) = common.matter() {
                return Err(Unasked::Malformed(wrong.to_owned()));
            }
            return Ok(Self { items: vec![common], semantic, listed: false });
        }
        let items = listed.iter().map(|item| match item.as_object() {
            Some(own) => Item::read(own).or(&common),
            None => Item { wrong: Some("it is not an object".to_owned()), ..Item::default() },
        });
        Ok(Self { items: items.collect(), semantic, listed: true })
    }
}

fn semantic(object: &Object) -> Result<Semantic, Unasked> {
    let options = match object.get("options") {
        None => return Ok(Semantic::ExecuteAll),
        Some(options) => options
            .as_object()
            .ok_or_else(|| Unasked::Malformed("`options` is not an object".to_owned()))?,
    };
    match options.get("evaluations_semantic").map(Value::as_str) {
        None | Some(Some("execute_all")) => Ok(Semantic::ExecuteAll),
        Some(Some("deny_on_first_deny")) => Ok(Semantic::DenyOnFirstDeny),
        Some(Some("permit_on_first_permit")) => Ok(Semantic::PermitOnFirstPermit),
        Some(_) => Err(Unasked::UnknownSemantic),
    }
}

impl<'a> Item<'a> {
    /// What is asked about, or what is wrong with it.
    pub(super) fn matter(&self) -> Result<Matter<'a>, &str> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong);
        }
        Ok(Matter {
            subject: self.subject.ok_or("`subject` is missing")?,
            action: self.action.ok_or("`action` is missing")?,
            resource: self.resource.ok_or("`resource` is missing")?,
            context: self.context,
        })
    }

    fn read(object: &'a Object) -> Self {
        let mut item = Self::default();
        let mut read = |what: &str, name: &str, has_id: bool| {
            let thing = object.get(what).map(|value| thing(value, what, name, has_id)).transpose();
            thing.unwrap_or_else(|wrong| {
                item.wrong.get_or_insert(wrong);
                None
            })
        };
        let subject = read("subject", "type", true);
        let action = read("action", "name", false);
        let resource = read("resource", "type", true);
        let context = match object.get("context") {
            None => None,
            Some(context @ Value::Object(_)) if is_short(context) => Some(context),
            Some(context) => {
                let wrong = match context {
                    Value::Object(_) => too_long("`context`"),
                    _ => "`context` is not an object".to_owned(),
                };
                item.wrong.get_or_insert(wrong);
                None
            }
        };
        Self { subject, action, resource, context, ..item }
    }

    /// The same, with the whole of what is not said taken from `common` (§7.1.1).
    fn or(self, common: &Self) -> Self {
        Self {
            subject: self.subject.or(common.subject),
            action: self.action.or(common.action),
            resource: self.resource.or(common.resource),
            context: self.context.or(common.context),
            wrong: self.wrong,
        }
    }
}

fn thing<'a>(value: &'a Value, what: &str, name: &str, has_id: bool) -> Result<Thing<'a>, String> {
    let object = value.as_object().ok_or_else(|| format!("`{what}` is not an object"))?;
    let text = |name: &str, most: usize| match object.get(name) {
        None => Err(format!("`{name}` of `{what}` is missing")),
        Some(Value::String(text)) if (1..=most).contains(&text.len()) => Ok(text.as_str()),
        Some(_) => Err(format!("`{name}` of `{what}` is not a text of 1 to {most} bytes")),
    };
    let kind = text(name, MAX_NAME_BYTES)?;
    let id = if has_id { text("id", MAX_ID_BYTES)? } else { "" };
    let properties = match object.get("properties") {
        None => None,
        Some(properties @ Value::Object(_)) if is_short(properties) => Some(properties),
        Some(Value::Object(_)) => return Err(too_long(&format!("`properties` of `{what}`"))),
        Some(_) => return Err(format!("`properties` of `{what}` is not an object")),
    };
    Ok(Thing { kind, id, properties })
}

fn too_long(what: &str) -> String {
    format!("a text in {what} has more than {MAX_TEXT_BYTES} bytes")
}

/// Whether every text in it is as short as texts must be.
fn is_short(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() <= MAX_TEXT_BYTES,
        Value::Array(items) => items.iter().all(is_short),
        Value::Object(object) => object.iter().all(|(_, value)| is_short(value)),
        _ => true,
    }
}

#[cfg(test)]
#[path = "asked_tests.rs"]
mod tests;
