//! Claims that stand where the configuration says, in a token or in what a provider answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::claim::{Absence, ClaimKind, ClaimSpec, ClaimValue};
use crate::json::{Object, Value};
use crate::pointer::JsonPointer;
use crate::profile::{ClaimTest, SubjectRule};
use crate::refusal::TokenRefusal;
use crate::registered::{Registered, strings};
use crate::verified::SubjectKind;

/// Claims that stand where the configuration says.
pub(crate) struct Pointed<'a> {
    document: &'a Value,
    registered: Registered<'a>,
}

impl<'a> Pointed<'a> {
    /// Claims of `document`, whose members are `claims`.
    pub(crate) fn of(document: &'a Value, claims: &'a Object) -> Self {
        Self { document, registered: Registered::of(claims) }
    }

    pub(crate) fn claims(
        &self,
        specs: &[ClaimSpec],
    ) -> Result<BTreeMap<Arc<str>, ClaimValue>, TokenRefusal> {
        let mut claims = BTreeMap::new();
        for spec in specs {
            if let Some(value) = spec.value(self.find(&spec.from)?)? {
                claims.insert(Arc::clone(&spec.name), value);
            }
        }
        Ok(claims)
    }

    pub(crate) fn groups(
        &self,
        from: Option<&JsonPointer>,
        required: bool,
    ) -> Result<Vec<String>, TokenRefusal> {
        let Some(from) = from else { return Ok(Vec::new()) };
        match self.find(from)? {
            Some(value) => texts(value).ok_or_else(|| mistyped(from, ClaimKind::Strings)),
            None if required => Err(missing(from)),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn subject_kind(&self, rule: &SubjectRule) -> Result<SubjectKind, TokenRefusal> {
        let is_workload = match rule {
            SubjectRule::User => false,
            SubjectRule::Workload => true,
            SubjectRule::WorkloadWhen(test) => self.holds(test)?,
        };
        Ok(if is_workload { SubjectKind::Workload } else { SubjectKind::User })
    }

    fn holds(&self, test: &ClaimTest) -> Result<bool, TokenRefusal> {
        let text = |from: &JsonPointer| {
            let value = self.find(from)?;
            let text = |value: &Value| value.as_str().map(str::to_owned);
            value
                .map(|value| text(value).ok_or_else(|| mistyped(from, ClaimKind::String)))
                .transpose()
        };
        match test {
            ClaimTest::Equals(from, expected) => Ok(text(from)?.as_ref() == Some(expected)),
            ClaimTest::Present(from) => match self.find(from)? {
                Some(Value::Null) => Err(TokenRefusal::MistypedClaim {
                    name: from.as_str().into(),
                    expected: "anything but null",
                }),
                found => Ok(found.is_some()),
            },
            ClaimTest::Same(left, right) => {
                let (left, right) = (text(left)?, text(right)?);
                Ok(left.is_some() && left == right)
            }
        }
    }

    /// The claim at this place. One that the issuer keeps elsewhere is not absent: to take it for absent would let a
    /// subject in too many groups shed the one that is denied.
    pub(crate) fn find(&self, from: &JsonPointer) -> Result<Option<&'a Value>, TokenRefusal> {
        let found = from.apply(self.document);
        if found.is_none()
            && let Some(elsewhere) = self.registered.get("_claim_names")
        {
            let names = elsewhere
                .as_object()
                .ok_or_else(|| self.registered.mistyped("_claim_names", "an object"))?;
            if names.contains(from.first_step()) {
                return Err(TokenRefusal::DistributedClaim { name: from.as_str().into() });
            }
        }
        Ok(found)
    }
}

impl ClaimSpec {
    /// What stands in `document` where this says, as its type; `None` if it is absent and may be.
    ///
    /// # Errors
    /// If it is of another type, or absent where it must not be.
    pub fn read(&self, document: &Value) -> Result<Option<ClaimValue>, TokenRefusal> {
        self.value(self.from.apply(document))
    }

    fn value(&self, found: Option<&Value>) -> Result<Option<ClaimValue>, TokenRefusal> {
        match (found, &self.absent) {
            (Some(value), _) => typed(value, self.kind, &self.from).map(Some),
            (None, Absence::Default(value)) => Ok(Some(value.clone())),
            (None, Absence::Ignore) => Ok(None),
            (None, Absence::Required) => Err(missing(&self.from)),
        }
    }
}

fn typed(value: &Value, kind: ClaimKind, from: &JsonPointer) -> Result<ClaimValue, TokenRefusal> {
    let typed = match kind {
        ClaimKind::Bool => value.as_bool().map(ClaimValue::Bool),
        ClaimKind::Long => value.as_i64().map(ClaimValue::Long),
        ClaimKind::String => value.as_str().map(|text| ClaimValue::String(text.to_owned())),
        ClaimKind::Strings => texts(value).map(ClaimValue::Strings),
    };
    typed.ok_or_else(|| mistyped(from, kind))
}

/// An array of strings, or one string.
pub(crate) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(elements) => strings(elements),
        _ => None,
    }
}

pub(crate) fn mistyped(from: &JsonPointer, kind: ClaimKind) -> TokenRefusal {
    TokenRefusal::MistypedClaim { name: from.as_str().into(), expected: kind.expected() }
}

pub(crate) fn missing(from: &JsonPointer) -> TokenRefusal {
    TokenRefusal::MissingClaim { name: from.as_str().into() }
}
