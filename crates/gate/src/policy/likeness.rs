//! Callers that are alike to some policies: whatever those read, they read the same.
//!
//! Most rules ask of a caller only what it is, what it is in, and which scopes it was granted. A decision by such rules is
//! made once for all callers that are alike, and holds for a token that was never seen before.

use cedar_policy::EntityUid;
use http::Method;
use serde_json::Value;
use tokens::Texts;

use super::entities::Membership;
use super::names::EntityType;
use super::tree::{is_attribute, is_variable};

/// The most traits that callers are told apart by.
const MOST_TRAITS: usize = u64::BITS as usize;

/// What policies read of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallerReads {
    /// What callers cannot be told apart by here: claims, say.
    All,
    /// Of which type it is, and these traits; sorted.
    Traits(Box<[Trait]>),
}

/// Something that a caller has or has not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trait {
    /// It is this one, or in it.
    Within(EntityUid),
    /// It was granted this scope.
    Scope(Box<str>),
}

/// What some policies read of a request that they decide by its caller and its method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Likeness {
    method: Method,
    kind: EntityType,
    /// One bit for each trait.
    traits: u64,
}

impl CallerReads {
    /// These traits, and the type of the caller.
    pub(crate) fn traits(traits: impl IntoIterator<Item = Trait>) -> Self {
        let mut traits: Vec<_> = traits.into_iter().collect();
        traits.sort_unstable();
        traits.dedup();
        Self::Traits(traits.into_boxed_slice())
    }

    /// What all of these read.
    pub(crate) fn together<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut together = Vec::new();
        for one in all {
            match one {
                Self::All => return Self::All,
                Self::Traits(traits) => together.extend_from_slice(traits),
            }
        }
        Self::traits(together)
    }

    /// What a policy in Cedar's JSON form reads.
    pub(crate) fn of_policy(policy: &Value) -> Self {
        let mut traits = Vec::new();
        let scope = policy.get("principal").and_then(|principal| of_scope(principal, &mut traits));
        let conditions = policy.get("conditions").and_then(|all| of_expression(all, &mut traits));
        if scope.and(conditions).is_some() { Self::traits(traits) } else { Self::All }
    }

    /// What is read of this caller; nothing where that is too much to be compared.
    pub(crate) fn likeness(
        &self,
        method: &Method,
        caller: &Membership,
        scopes: Texts<'_>,
    ) -> Option<Likeness> {
        let Self::Traits(all) = self else { return None };
        if all.len() > MOST_TRAITS {
            return None;
        }
        let has = |one: &Trait| match one {
            Trait::Within(uid) => caller.keys.contains(uid),
            Trait::Scope(scope) => scopes.contains(scope),
        };
        let traits = all.iter().rev().fold(0, |bits, one| bits << 1 | u64::from(has(one)));
        Some(Likeness { method: method.clone(), kind: caller.kind, traits })
    }
}

/// What the scope of a policy reads of the principal. Nothing if that is not known here.
fn of_scope(constraint: &Value, traits: &mut Vec<Trait>) -> Option<()> {
    match constraint.get("op")?.as_str()? {
        "All" => {}
        "is" => {
            if let Some(within) = constraint.get("in") {
                traits.push(Trait::Within(entity(within.get("entity")?)?));
            }
        }
        "==" | "in" => traits.push(Trait::Within(entity(constraint.get("entity")?)?)),
        _ => return None,
    }
    Some(())
}

/// What an expression reads of the principal. Nothing if that is not known here.
fn of_expression(expression: &Value, traits: &mut Vec<Trait>) -> Option<()> {
    match expression {
        Value::Object(members) => {
            if is_principal(expression) || members.get("__entity").is_some_and(may_be_a_caller) {
                return None;
            }
            for (operator, operands) in members {
                if !of_test(operator, operands, traits)? {
                    of_expression(operands, traits)?;
                }
            }
            Some(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| of_expression(item, traits)),
        _ => Some(()),
    }
}

/// Whether a policy that names this entity may read a caller through it: `User::"corp/alice".scopes` are the caller's, if
/// that is who asks.
fn may_be_a_caller(written: &Value) -> bool {
    const NEVER: [EntityType; 5] = [
        EntityType::Action,
        EntityType::Group,
        EntityType::Issuer,
        EntityType::Route,
        EntityType::Service,
    ];
    let kind = written.get("type").and_then(Value::as_str).and_then(EntityType::called);
    kind.is_none_or(|kind| !NEVER.contains(&kind))
}

/// Whether this is a test for traits, of which nothing is left to be looked at.
fn of_test(operator: &str, operands: &Value, traits: &mut Vec<Trait>) -> Option<bool> {
    let side = |name| operands.get(name);
    let principal_is = |name| side(name).is_some_and(is_principal);
    let value = |name| side(name).and_then(|side| side.get("Value"));
    match operator {
        "is" if principal_is("left") => {
            if let Some(within) = side("in") {
                within_all(within, traits)?;
            }
            Some(true)
        }
        "==" | "!=" | "in" if principal_is("left") => {
            within_all(side("right")?, traits)?;
            Some(true)
        }
        "==" | "!=" if principal_is("right") => {
            within_all(side("left")?, traits)?;
            Some(true)
        }
        "contains" if side("left").is_some_and(is_scopes) => {
            traits.push(Trait::Scope(value("right")?.as_str()?.into()));
            Some(true)
        }
        _ => Some(false),
    }
}

/// The entity that is written here, or each of a set of them.
fn within_all(written: &Value, traits: &mut Vec<Trait>) -> Option<()> {
    if let Some(set) = written.get("Set") {
        return set.as_array()?.iter().try_for_each(|one| within_all(one, traits));
    }
    traits.push(Trait::Within(entity(written.pointer("/Value/__entity")?)?));
    Some(())
}

fn entity(written: &Value) -> Option<EntityUid> {
    let kind = EntityType::called(written.get("type")?.as_str()?)?;
    Some(kind.named(written.get("id")?.as_str()?))
}

fn is_principal(expression: &Value) -> bool {
    is_variable(expression, "principal")
}

fn is_scopes(expression: &Value) -> bool {
    is_attribute(expression, "principal", "scopes")
}

#[cfg(test)]
#[path = "likeness_tests.rs"]
mod tests;
