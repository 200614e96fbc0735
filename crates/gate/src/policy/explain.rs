//! Why a decision came out as it did: each policy, and each condition in it, held against the request.

use std::sync::Arc;

use cedar_policy::{Authorizer, Effect, Policy, PolicyId, PolicySet};
use serde_json::{Value, json};

use super::decide::Question;
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
            conditions: parts(&json)
                .into_iter()
                .map(|part| ConditionTrace { text: part_text(&part), result: self.holds(&part) })
                .collect(),
        }
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
            let selection = Selection { set, needs: Needs::ALL };
            self.put(&selection).map(|(request, entities)| (selection, request, entities))
        });
        let (selection, request, entities) = match put {
            Ok(put) => put,
            Err(error) => return TraceResult::Error(error),
        };
        let response = Authorizer::new().is_authorized(&request, &selection.set, &entities);
        if let Some(error) = response.diagnostics().errors().next() {
            return TraceResult::Error(error.to_string());
        }
        match response.decision() {
            cedar_policy::Decision::Allow => TraceResult::Holds,
            cedar_policy::Decision::Deny => TraceResult::Misses,
        }
    }
}

/// A policy taken apart: one policy for each constraint of its scope and each conjunct of its conditions.
fn parts(policy: &Value) -> Vec<Value> {
    let part = |principal: Value, action: Value, resource: Value, conditions: Value| json!({ "effect": "permit", "principal": principal, "action": action, "resource": resource, "conditions": conditions });
    let mut found = Vec::new();
    for scope in ["principal", "action", "resource"] {
        let Some(constraint) = policy.get(scope).filter(|c| c.get("op") != Some(&json!("All")))
        else {
            continue;
        };
        let own =
            |name: &str| if name == scope { constraint.clone() } else { json!({ "op": "All" }) };
        found.push(part(own("principal"), own("action"), own("resource"), json!([])));
    }
    let conditions =
        policy.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    for condition in conditions {
        let unless = condition.get("kind") == Some(&json!("unless"));
        let body = condition.get("body").cloned().unwrap_or(Value::Null);
        let bodies = if unless { vec![body] } else { conjuncts(body) };
        for body in bodies {
            let kind = if unless { "unless" } else { "when" };
            let all = json!({ "op": "All" });
            found.push(part(
                all.clone(),
                all.clone(),
                all,
                json!([{ "kind": kind, "body": body }]),
            ));
        }
    }
    found
}

fn conjuncts(body: Value) -> Vec<Value> {
    match body.get("&&") {
        Some(and) if !is_guard(and) => ["left", "right"]
            .into_iter()
            .filter_map(|side| and.get(side).cloned())
            .flat_map(conjuncts)
            .collect(),
        _ => vec![body],
    }
}

/// `x has a && x.a …` is one condition: the right side means nothing without the left.
fn is_guard(and: &Value) -> bool {
    and.pointer("/left/has").is_some()
}

/// What a part says, without the policy around it.
fn part_text(part: &Value) -> String {
    let Ok(policy) = Policy::from_json(None, part.clone()) else {
        return String::new();
    };
    let text = policy.to_string();
    let text = text.trim_end_matches(';').trim();
    let body = ["when {", "unless {"].into_iter().find_map(|word| {
        let (_, body) = text.split_once(word)?;
        let body = body.trim().strip_suffix('}')?.trim().to_owned();
        Some(if word.starts_with("unless") { format!("not ({body})") } else { body })
    });
    body.unwrap_or_else(|| {
        let scope = text.split_once('(').map_or("", |(_, rest)| rest).trim_end_matches(')');
        let told = scope
            .split(',')
            .map(str::trim)
            .filter(|part| !["principal", "action", "resource"].contains(part));
        told.collect::<Vec<_>>().join(", ")
    })
}
