//! Decisions that others enforce (AuthZEN Authorization API 1.0, §5 and §6): may this subject do this to this resource?
//!
//! The question is not about a request, and its answer forwards nothing: there is no way from an [`Evaluation`] to a
//! [`Permit`](crate::Permit). Its policies are a set of their own, validated strictly against a schema of their own, in
//! which subjects and resources are entities of the namespaces `Subject` and `Resource`: a policy about routes is no
//! policy here, and the reverse. Nothing that was not declared is seen, what is of another type than declared denies, and
//! so does everything that cannot be evaluated.

mod kind;
mod schema;

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Authorizer, Context, Entities, Entity, EntityUid, Request, Schema};
use tokens::json::{Object, Value};
use tokens::{ClaimSpec, Timestamp, TokenRefusal};

use crate::identity::Identity;
use crate::policy::{Decision, Outcome, PolicyIndex, Selection, claim, datetime, record, text};

pub(crate) use kind::{Family, Kind};
pub(crate) use schema::schema_text;

/// What is declared: the only things that a question can be about.
#[derive(Debug)]
pub(crate) struct Kinds {
    pub(crate) subjects: HashMap<String, Kind>,
    pub(crate) resources: HashMap<String, Kind>,
    pub(crate) actions: HashMap<String, Kind>,
    pub(crate) context: Vec<ClaimSpec>,
}

/// Decides for others to enforce. Immutable.
#[derive(Debug)]
pub struct Evaluator {
    kinds: Kinds,
    schema: Schema,
    schema_text: String,
    index: PolicyIndex,
    policies: Selection,
}

/// What a question is about.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    /// Who would act.
    pub subject: Thing<'a>,
    /// What it would do: the action's name, in place of an id.
    pub action: Thing<'a>,
    /// To what.
    pub resource: Thing<'a>,
    /// Under which circumstances, as far as the one who asks says: an object.
    pub context: Option<&'a Value>,
}

/// A subject, an action or a resource, as the one who asks tells it.
#[derive(Clone, Copy, Debug)]
pub struct Thing<'a> {
    /// Its type; an action's name.
    pub kind: &'a str,
    /// Its id within the type; empty for an action.
    pub id: &'a str,
    /// What else is said of it: an object.
    pub properties: Option<&'a Value>,
}

/// The decision on a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    code: &'static str,
    policies: Vec<Arc<str>>,
    reason: Option<String>,
}

impl Evaluator {
    pub(crate) fn new(
        kinds: Kinds,
        schema: Schema,
        schema_text: String,
        index: PolicyIndex,
    ) -> Self {
        let policies = index.everything();
        Self { kinds, schema, schema_text, index, policies }
    }

    /// The schema that its policies are validated against, in Cedar's syntax.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema_text
    }

    /// Decides. `caller` is who asks, for somebody else or for itself.
    #[must_use]
    pub fn evaluate(&self, matter: &Matter<'_>, caller: &Identity, now: Timestamp) -> Evaluation {
        let (request, entities) = match self.put(matter, caller, now) {
            Ok(put) => put,
            Err(unfit) => return unfit,
        };
        let response = Authorizer::new().is_authorized(&request, &self.policies.set, &entities);
        Evaluation::of(Decision::of(&response, &self.index))
    }

    /// The question as Cedar takes it.
    fn put(
        &self,
        matter: &Matter<'_>,
        caller: &Identity,
        now: Timestamp,
    ) -> Result<(Request, Entities), Evaluation> {
        let unknown = |code, what, name| {
            Evaluation::denied(code, format!("there is no {what} `{name}` here"))
        };
        let kinds = &self.kinds;
        let subject = kinds.subjects.get(matter.subject.kind);
        let subject = subject
            .ok_or_else(|| unknown("unknown_subject", "type of subject", matter.subject.kind))?;
        let action = kinds.actions.get(matter.action.kind);
        let action =
            action.ok_or_else(|| unknown("unknown_action", "action", matter.action.kind))?;
        let resource = kinds.resources.get(matter.resource.kind);
        let resource = resource
            .ok_or_else(|| unknown("unknown_resource", "type of resource", matter.resource.kind))?;
        let principal = entity("subject", subject, &matter.subject)?;
        let about = entity("resource", resource, &matter.resource)?;
        let performed = values("action", &action.properties, matter.action.properties)?;
        let circumstances = values("context", &kinds.context, matter.context)?;
        let by = vec![text("issuer", caller.issuer()), text("subject", caller.subject())];
        let context = Context::from_pairs([
            ("action".to_owned(), record(performed)),
            ("environment".to_owned(), record(circumstances)),
            ("caller".to_owned(), record(by)),
            ("time".to_owned(), datetime(now)),
        ]);
        let context = context.map_err(|_| Evaluation::unaskable())?;
        let (schema, action) = (Some(&self.schema), action.entity(matter.action.kind));
        let request = Request::new(principal.uid(), action, about.uid(), context, schema)
            .map_err(|_| Evaluation::unaskable())?;
        let entities = Entities::from_entities([principal, about], schema)
            .map_err(|_| Evaluation::unaskable())?;
        Ok((request, entities))
    }
}

impl Evaluation {
    /// Whether it may be done. Denied is whatever no policy permits, and whatever could not be evaluated.
    #[must_use]
    pub fn is_permitted(&self) -> bool {
        self.code == PERMIT
    }

    /// Why, in one stable word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The ids of the policies that determine it.
    #[must_use]
    pub fn policies(&self) -> &[Arc<str>] {
        &self.policies
    }

    /// Why it may not be done, in words for the operator.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// What is not even a question: denied, with what is wrong with it.
    #[must_use]
    pub fn malformed(reason: &str) -> Self {
        Self::denied(MALFORMED, reason.to_owned())
    }

    /// Whether it was not even a question.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        self.code == MALFORMED
    }

    fn of(decision: Decision) -> Self {
        let Decision { outcome, policies, errors } = decision;
        // Cedar's own words may quote properties.
        let told: String = errors.iter().map(|(id, _)| format!(" (`{id}`)")).collect();
        let (code, reason) = match outcome {
            Outcome::Allow => (PERMIT, None),
            Outcome::Forbidden => ("forbidden", Some("a rule denies it".to_owned())),
            Outcome::ForbidUnknown => {
                ("forbid_unknown", Some(format!("a rule that denies could not be evaluated{told}")))
            }
            Outcome::NoPermit if errors.is_empty() => {
                ("no_permit", Some("no rule allows it".to_owned()))
            }
            Outcome::NoPermit => (
                "no_permit",
                Some(format!("no rule allows it, and some could not be evaluated{told}")),
            ),
            Outcome::Unaskable => return Self::unaskable(),
        };
        Self { code, policies, reason }
    }

    fn denied(code: &'static str, reason: String) -> Self {
        Self { code, policies: Vec::new(), reason: Some(reason) }
    }

    /// What Cedar cannot represent: nothing that fits what is declared.
    fn unaskable() -> Self {
        Self::denied("unaskable", "it cannot be asked".to_owned())
    }
}

/// The code of what may be done, and of nothing else.
const PERMIT: &str = "permit";
/// The code of what is not even a question.
const MALFORMED: &str = "malformed";

/// A subject or a resource with what is declared of it.
fn entity(what: &str, kind: &Kind, thing: &Thing<'_>) -> Result<Entity, Evaluation> {
    let properties = values(what, &kind.properties, thing.properties)?;
    let attributes = [text("id", thing.id), ("properties".to_owned(), record(properties))];
    let uid: EntityUid = kind.entity(thing.id);
    Entity::new(uid, attributes.into(), [].into()).map_err(|_| Evaluation::unaskable())
}

/// The declared ones of these properties. `what` they are properties of stands in reasons.
fn values(
    what: &str,
    declared: &[ClaimSpec],
    told: Option<&Value>,
) -> Result<Vec<(String, cedar_policy::RestrictedExpression)>, Evaluation> {
    let nothing = Value::Object(Object::default());
    let document = told.unwrap_or(&nothing);
    let mut values = Vec::with_capacity(declared.len());
    for spec in declared {
        match spec.read(document) {
            Ok(Some(value)) => values.push((spec.name.to_string(), claim(&value))),
            Ok(None) => {}
            Err(refusal) => {
                let why = match &refusal {
                    TokenRefusal::MistypedClaim { name, expected } => {
                        format!("`{name}` of the {what} is not {expected}")
                    }
                    TokenRefusal::MissingClaim { name } => {
                        format!("`{name}` of the {what} is missing")
                    }
                    refusal => refusal.to_string(),
                };
                return Err(Evaluation::denied("bad_property", why));
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
#[path = "evaluation_tests.rs"]
mod tests;
