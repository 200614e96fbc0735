use serde_json::json;

use crate::minting::*;
use crate::spec::{Condition, GateSpec, PolicyFile, RouteSpec};
use crate::{ConditionTrace, Gate, PolicyTrace, Surroundings, TraceResult};

/// An explanation as a page of text.
fn explained(gate: &Gate, ask: &Ask) -> String {
    let keys = Ring::usual();
    let around = Surroundings { now: after(0), keys: &keys, cache: None, sessions: None };
    let explanation = gate.explain(ask.read(), around);
    let mut text = format!("{}\n", code(&explanation.verdict));
    for PolicyTrace { id, permits, result, conditions, .. } in &explanation.policies {
        let effect = if *permits { "permit" } else { "forbid" };
        text.push_str(&format!("{id} ({effect}) {}\n", mark(result)));
        conditions.iter().for_each(|condition| push(&mut text, condition, 1));
    }
    text
}

fn push(text: &mut String, condition: &ConditionTrace, depth: usize) {
    let indent = "  ".repeat(depth);
    text.push_str(&format!("{indent}{} {}\n", condition.text, mark(&condition.result)));
    condition.within.iter().for_each(|condition| push(text, condition, depth + 1));
}

fn mark(result: &TraceResult) -> String {
    match result {
        TraceResult::Error(why) => format!("? {why}"),
        TraceResult::Holds => "+".to_owned(),
        TraceResult::Misses => "-".to_owned(),
    }
}

#[test]
fn a_rule_of_the_short_form_is_explained_term_by_term() {
    let allow = Condition {
        scopes: texts(&["orders:read"]),
        methods: texts(&["GET"]),
        ..in_groups(&["support", "a, b) when {"])
    };
    let route = RouteSpec { allow: vec![allow], ..route("read, \"order\"", "/a") };
    let gate = build(&spec(vec![route]));
    let ask = get("/a").by(&token("corp", json!({ "groups": ["a, b) when {"] })));
    let expected = r#"no_permit
read, "order"/allow/0 (permit) -
  action in Action::"GET" +
  resource == Route::"read, \"order\"" +
  !(principal is Anonymous) +
  (principal in Group::"corp/support") || (principal in Group::"corp/a, b) when {") +
  principal.scopes.contains("orders:read") -
"#;
    assert_eq!(explained(&gate, &ask), expected);
}

#[test]
fn a_require_tells_which_of_its_terms_is_missing() {
    let require = Condition { scopes: texts(&["a", "b"]), ..authenticated() };
    let gate = build(&spec(vec![RouteSpec { require: vec![require], ..open_route("a", "/a") }]));
    let expected = r#"forbidden
a/allow/0 (permit) +
  resource == Route::"a" +
  !(principal is Anonymous) +
a/require/0 (forbid) +
  resource in Route::"a" +
  not ((!(principal is Anonymous)) && principal.scopes.contains("a") && principal.scopes.contains("b")) +
    !(principal is Anonymous) +
    principal.scopes.contains("a") +
    principal.scopes.contains("b") -
"#;
    let ask = get("/a").by(&token("corp", json!({ "scope": "a" })));
    assert_eq!(explained(&gate, &ask), expected);
}

#[test]
fn a_written_policy_is_explained_condition_by_condition() {
    let text = r#"@id("hours")
        permit(
            principal is User in Group::"corp/ops",
            action in [Action::"GET", Action::"POST"],
            resource in Service::"orders"
        )
        when { principal.claims has level && principal.claims.level + 9223372036854775807 > 2 }
        when { context.path like "/a*" && context.time < datetime("2030-01-01") }
        unless { context has parameters && context.parameters has id && context.parameters.id == "a,b)" };"#;
    let file = PolicyFile { name: "p.cedar".to_owned(), text: text.to_owned() };
    let gate = build(&GateSpec { policies: vec![file], ..spec(vec![route("a", "/a/{id}")]) });
    let expected = r#"no_permit
p.cedar#hours (permit) ? integer overflow while attempting to add the values `3` and `9223372036854775807`
  principal is User in Group::"corp/ops" +
  action in [Action::"GET", Action::"POST"] +
  resource in Service::"orders" +
  principal.claims has level +
  (principal.claims.level + 9223372036854775807) > 2 ? integer overflow while attempting to add the values `3` and `9223372036854775807`
  context.path like "/a*" +
  context.time < datetime("2030-01-01") +
  not ((context has parameters) && (context.parameters has id) && (context.parameters.id == "a,b)")) +
    context has parameters +
    context.parameters has id +
    context.parameters.id == "a,b)" -
"#;
    let ask = get("/a/7").by(&token("corp", json!({ "level": 3, "groups": ["ops"] })));
    assert_eq!(explained(&gate, &ask), expected);
}

#[test]
fn what_stands_behind_a_part_that_misses_is_not_asked() {
    let text = "permit(principal, action, resource)
        when { context.method == \"GET\" && principal.claims has email && principal.claims.email == \"a\" };";
    let file = PolicyFile { name: "p.cedar".to_owned(), text: text.to_owned() };
    let gate = build(&GateSpec { policies: vec![file], ..spec(vec![route("a", "/a")]) });
    let expected = r#"no_permit
p.cedar#policy0 (permit) -
  context.method == "GET" +
  principal.claims has email -
  principal.claims.email == "a" -
"#;
    assert_eq!(explained(&gate, &get("/a").by(&token("corp", json!({})))), expected);
}
