//! Why a decision came out as it did: each policy, and each condition in it, held against the request.

use std::sync::Arc;

use cedar_policy::{AuthorizationError, Authorizer, Effect, Policy, PolicyId, PolicySet};
use serde_json::{Value, json};

use super::decide::Question;
use super::likeness::CallerReads;
use super::names::quoted;
use super::needs::Needs;
use super::slice::{LoadedPolicy, PolicyIndex, RouteSlices, Selection};

/// A policy held against a request.
#[derive(Clone, Debug)]
pub struct PolicyTrace {
    /// Its id.
    pub id: Arc<str>,
    /// Whether it is a `permit`; else a `forbid`.
    pub permits: bool,
    /// Its text, as Cedar prints it.
    pub text: String,
    /// Whether it holds.
    pub result: TraceResult,
    /// The parts of its scope and conditions, each on its own.
    pub conditions: Vec<ConditionTrace>,
}

/// A part of a policy held against a request.
#[derive(Clone, Debug)]
pub struct ConditionTrace {
    /// The part, as Cedar text.
    pub text: String,
    /// Whether it holds.
    pub result: TraceResult,
    /// For `not (a && b)`: what stands within, each on its own. It holds unless all of them do.
    pub within: Vec<ConditionTrace>,
}

/// Whether something holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceResult {
    /// It could not be evaluated, and why.
    Error(String),
    /// It holds.
    Holds,
    /// It does not hold.
    Misses,
}

impl Question<'_> {
    /// Every policy that could concern the route, whoever asks, held against this request.
    pub(crate) fn explain(&self, index: &PolicyIndex, slices: &RouteSlices) -> Vec<PolicyTrace> {
        let concerned = index.policies().iter().filter(|loaded| slices.can_concern(loaded));
        concerned.map(|loaded| self.trace(loaded)).collect()
    }

    fn trace(&self, loaded: &LoadedPolicy) -> PolicyTrace {
        let json = loaded.policy.to_json().unwrap_or(Value::Null);
        PolicyTrace {
            id: Arc::clone(&loaded.id),
            permits: loaded.effect == Effect::Permit,
            text: loaded.policy.to_string(),
            result: self.holds(&json),
            conditions: self.trace_parts(&parts(&json)),
        }
    }

    /// Parts that hold together, in the order in which they are asked.
    fn trace_parts(&self, parts: &[Value]) -> Vec<ConditionTrace> {
        let mut missed = false;
        let trace = |part| {
            let mut trace = self.trace_part(part);
            // What stands behind a part that misses is not asked: `x has a && x.a == 1` is no error without `x.a`.
            if missed && matches!(trace.result, TraceResult::Error(_)) {
                trace.result = TraceResult::Misses;
            }
            missed |= trace.result == TraceResult::Misses;
            trace
        };
        parts.iter().map(trace).collect()
    }

    fn trace_part(&self, part: &Value) -> ConditionTrace {
        let mut within = Vec::new();
        if part.pointer("/conditions/0/kind") == Some(&json!("unless")) {
            let body = part.pointer("/conditions/0/body").cloned().unwrap_or(Value::Null);
            within.extend(conjuncts(body).into_iter().map(|body| condition_part("when", body)));
        }
        let within = self.trace_parts(&within);
        ConditionTrace { text: part_text(part), result: self.holds(part), within }
    }

    /// Whether a policy in Cedar's JSON form holds, whatever its effect.
    fn holds(&self, policy: &Value) -> TraceResult {
        let mut permit = policy.clone();
        if let Some(effect) = permit.get_mut("effect") {
            *effect = json!("permit");
        }
        let set = Policy::from_json(Some(PolicyId::new("part")), permit)
            .map_err(|error| error.to_string())
            .and_then(|policy| {
                PolicySet::from_policies([policy]).map_err(|error| error.to_string())
            });
        let put = set.and_then(|set| {
            let selection = Selection::new(set, Needs::ALL, CallerReads::All);
            self.put(&selection).map(|(request, entities)| (selection, request, entities))
        });
        let (selection, request, entities) = match put {
            Ok(put) => put,
            Err(error) => return TraceResult::Error(error),
        };
        let response = Authorizer::new().is_authorized(&request, &selection.set, &entities);
        if let Some(error) = response.diagnostics().errors().next() {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            return TraceResult::Error(error.inner().to_string());
        }
        match response.decision() {
            cedar_policy::Decision::Allow => TraceResult::Holds,
            cedar_policy::Decision::Deny => TraceResult::Misses,
        }
    }
}

/// A policy taken apart: one policy for each constraint of its scope and each conjunct of its conditions.
fn parts(policy: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for scope in SCOPES {
        if let Some(constraint) = policy.get(scope).filter(|c| c.get("op") != Some(&json!("All"))) {
            let mut part = empty_part();
            part.insert(scope.to_owned(), constraint.clone());
            found.push(Value::Object(part));
        }
    }
    for condition in policy.get("conditions").and_then(Value::as_array).into_iter().flatten() {
        let body = condition.get("body").cloned().unwrap_or(Value::Null);
        if condition.get("kind") == Some(&json!("unless")) {
            found.push(condition_part("unless", body));
        } else {
            found.extend(conjuncts(body).into_iter().map(|body| condition_part("when", body)));
        }
    }
    found
}

const SCOPES: [&str; 3] = ["principal", "action", "resource"];

/// A policy that always holds, in Cedar's JSON form.
fn empty_part() -> serde_json::Map<String, Value> {
    let scopes = SCOPES.map(|scope| (scope.to_owned(), json!({ "op": "All" })));
    let rest = [("effect", json!("permit")), ("conditions", json!([]))];
    scopes.into_iter().chain(rest.map(|(name, value)| (name.to_owned(), value))).collect()
}

fn condition_part(kind: &str, body: Value) -> Value {
    let mut part = empty_part();
    part.insert("conditions".to_owned(), json!([{ "kind": kind, "body": body }]));
    Value::Object(part)
}

fn conjuncts(body: Value) -> Vec<Value> {
    let Some(and) = body.get("&&") else { return vec![body] };
    let sides = ["left", "right"].into_iter().filter_map(|side| and.get(side).cloned());
    sides.flat_map(conjuncts).collect()
}

/// What a part says, without the policy around it.
fn part_text(part: &Value) -> String {
    for scope in SCOPES {
        if let Some(text) = part.get(scope).and_then(|constraint| scope_text(scope, constraint)) {
            return text;
        }
    }
    let unless = part.pointer("/conditions/0/kind") == Some(&json!("unless"));
    let printed = Policy::from_json(None, part.clone()).map(|policy| policy.to_string());
    let printed = printed.unwrap_or_default();
    // Nothing in the scope of such a part holds a brace: the first one opens the condition, and the last one ends it.
    let body = printed.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}'));
    let body = body.map_or("", |(body, _)| body.trim());
    if unless { format!("not ({body})") } else { body.to_owned() }
}

/// A constraint of a scope, as it stands in a policy; nothing if it is none.
fn scope_text(scope: &str, constraint: &Value) -> Option<String> {
    let uid = |entity: &Value| {
        let kind = entity.get("type")?.as_str()?;
        Some(format!("{kind}::{}", quoted(entity.get("id")?.as_str()?)))
    };
    let entity = || constraint.get("entity").and_then(uid);
    match constraint.get("op")?.as_str()? {
        "==" => Some(format!("{scope} == {}", entity()?)),
        "in" => match constraint.get("entities").and_then(Value::as_array) {
            None => Some(format!("{scope} in {}", entity()?)),
            Some(entities) => {
                let uids = entities.iter().map(uid).collect::<Option<Vec<_>>>()?;
                Some(format!("{scope} in [{}]", uids.join(", ")))
            }
        },
        "is" => {
            let is = format!("{scope} is {}", constraint.get("entity_type")?.as_str()?);
            match constraint.pointer("/in/entity") {
                None => Some(is),
                Some(entity) => Some(format!("{is} in {}", uid(entity)?)),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
