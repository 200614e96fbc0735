use gate::Evaluation;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Semantic};

/// What is told of the decisions (§5.5 and §7.2). What is wrong with a question is told to whoever asked it; why a policy
/// decides as it does, only where reasons are to be told.
pub(super) fn body(asked: &Asked<'_>, evaluations: &[Evaluation], reasons: bool) -> String {
    let told: Vec<_> = evaluations
        .iter()
        .map(|evaluation| decision(evaluation, asked.semantic, reasons))
        .collect();
    if asked.listed {
        return json!({ "evaluations": told }).to_string();
    }
    // INVARIANT: what is not listed is one question, and each question has a decision; without one, nothing is permitted.
    told.into_iter().next().unwrap_or_else(|| json!({ "decision": false })).to_string()
}

fn decision(evaluation: &Evaluation, semantic: Semantic, reasons: bool) -> Value {
    let permitted = evaluation.is_permitted();
    let mut context = Map::new();
    if semantic == Semantic::DenyOnFirstDeny && !permitted {
        // That nothing was asked further, in the words of the specification's example.
        context.insert("code".to_owned(), json!("200"));
        context.insert("reason".to_owned(), json!("deny_on_first_deny"));
    }
    if evaluation.is_malformed() {
        let error = json!({ "status": 400, "message": evaluation.reason() });
        context.insert("error".to_owned(), error);
    } else if reasons {
        let policies: Vec<&str> = evaluation.policies().iter().map(AsRef::as_ref).collect();
        let mut why = Map::from_iter([
            ("code".to_owned(), json!(evaluation.code())),
            ("policies".to_owned(), json!(policies)),
        ]);
        why.extend(evaluation.reason().map(|reason| ("message".to_owned(), json!(reason))));
        context.insert("reason_admin".to_owned(), Value::Object(why));
    }
    let mut told = Map::from_iter([("decision".to_owned(), json!(permitted))]);
    if !context.is_empty() {
        told.insert("context".to_owned(), Value::Object(context));
    }
    Value::Object(told)
}
