//! What a mapping computes from a provider's document: between JSON and the values of expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use expressions::{Budget, EvaluationError, Expression, Value as Computed};
use thiserror::Error;

use crate::json::{Limits, Number, Object, Value};

#[cfg(test)]
#[path = "computed_tests.rs"]
mod tests;

/// The member of the document that holds what was computed. Whatever the provider says there is not seen.
pub const COMPUTED: &str = "computed";

/// How many values may be computed.
pub const MAX_COMPUTED: usize = 32;

/// `document` with what `expressions` say of it under [`COMPUTED`]. What is `null` is not there.
pub(crate) fn completed(
    document: &Object,
    expressions: &BTreeMap<Arc<str>, Expression>,
) -> Result<Object, ComputedRefusal> {
    let claims = claims(document)?;
    let mut budget = Budget::full();
    let mut left = Left { values: Limits::DOCUMENT.values, bytes: Limits::DOCUMENT.bytes };
    let mut computed = BTreeMap::new();
    for (name, expression) in expressions {
        let refused = |cause| ComputedRefusal::Failed { name: Arc::clone(name), cause };
        let said = expression.evaluate(&claims, &mut budget).map_err(refused)?;
        let said =
            left.json(&said).ok_or_else(|| ComputedRefusal::Much { name: Arc::clone(name) })?;
        if said != Value::Null {
            computed.insert(name.to_string(), said);
        }
    }
    let mut members = document.clone().into_members();
    members.insert(COMPUTED.to_owned(), Value::Object(computed.into()));
    Ok(members.into())
}

/// The document as expressions see it, without a member that is called as what is computed. What the provider keeps elsewhere (`_claim_names`, OpenID Connect Core §5.6.2) is
/// withheld: to take it for absent would let a subject in too many groups shed the one that is denied.
fn claims(document: &Object) -> Result<Computed, ComputedRefusal> {
    let mut members: BTreeMap<Arc<str>, Computed> =
        document.iter().map(|(name, member)| (name.into(), value(member))).collect();
    members.remove(COMPUTED);
    if let Some(elsewhere) = document.get("_claim_names") {
        let names = elsewhere.as_object().ok_or(ComputedRefusal::Names)?;
        for (name, _) in names.iter() {
            members.entry(name.into()).or_insert(Computed::Withheld);
        }
    }
    Ok(members.into_iter().collect())
}

fn value(of: &Value) -> Computed {
    match of {
        Value::Null => Computed::Null,
        Value::Bool(value) => Computed::Bool(*value),
        Value::Number(Number::Integer(number)) => Computed::Int(*number),
        Value::Number(Number::Float(number)) => Computed::Double(*number),
        Value::String(text) => Computed::from(text.as_str()),
        Value::Array(elements) => elements.iter().map(value).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name, value(member))).collect()
        }
    }
}

/// What may still be computed. Lists can share elements, so that a short expression stands for more than memory holds.
struct Left {
    values: usize,
    bytes: usize,
}

impl Left {
    fn json(&mut self, of: &Computed) -> Option<Value> {
        self.values = self.values.checked_sub(1)?;
        Some(match of {
            Computed::Null => Value::Null,
            Computed::Bool(value) => Value::Bool(*value),
            Computed::Int(number) => Value::Number(Number::Integer(*number)),
            Computed::Double(number) => Value::Number(Number::Float(*number)),
            Computed::String(text) => Value::String(self.text(text)?),
            Computed::List(elements) => Value::Array(
                elements.iter().map(|element| self.json(element)).collect::<Option<_>>()?,
            ),
            Computed::Map(members) => {
                let members = members
                    .iter()
                    .map(|(name, member)| Some((self.text(name)?, self.json(member)?)));
                Value::Object(members.collect::<Option<BTreeMap<_, _>>>()?.into())
            }
            // An expression that says all of `claims` says what is withheld too.
            Computed::Withheld => return None,
        })
    }

    fn text(&mut self, text: &str) -> Option<String> {
        self.bytes = self.bytes.checked_sub(text.len())?;
        Some(text.to_owned())
    }
}

/// Why nothing could be computed from a document.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ComputedRefusal {
    /// An expression says nothing of it.
    #[error("`{name}` cannot be computed: {cause}")]
    Failed {
        /// What it computes.
        name: Arc<str>,
        /// Why.
        cause: EvaluationError,
    },
    /// What it says is too much.
    #[error(
        "`{name}` cannot be computed: it makes more than {} values or {} bytes",
        Limits::DOCUMENT.values,
        Limits::DOCUMENT.bytes
    )]
    Much {
        /// What it computes.
        name: Arc<str>,
    },
    /// It does not say what is kept elsewhere.
    #[error("claim `_claim_names` is not an object")]
    Names,
}

impl ComputedRefusal {
    /// A label for metrics and records that never changes.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Failed { cause, .. } if cause.is_withheld() => "distributed_claim",
            Self::Failed { .. } | Self::Much { .. } => "computed_claim",
            Self::Names => "mistyped_claim",
        }
    }
}
