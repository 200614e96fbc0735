use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;
use tokens::json::{Limits, parse};
use tokens::{Absence, ClaimKind};

use super::*;
use crate::minting::*;
use crate::spec::{EvaluationSpec, GateSpec, KindSpec, PolicyFile};
use crate::{Gate, Verdict};

const POLICIES: &str = r#"
@id("alice") permit (principal == Subject::user::"alice", action == Action::"read", resource is Resource::record)
when { resource.properties.open };
@id("closed") forbid (principal, action, resource is Resource::record)
when { context.environment has level && context.environment.level + 9223372036854775807 < 0 };
"#;

fn property(name: &str, kind: ClaimKind, absent: Absence) -> ClaimSpec {
    let from = format!("/{name}").parse().unwrap();
    ClaimSpec { name: name.into(), from, kind, absent }
}

fn gate(policies: &str) -> Gate {
    let kind = |name: &str, properties| KindSpec { name: name.to_owned(), properties };
    let open = property("open", ClaimKind::Bool, Absence::Required);
    let evaluation = EvaluationSpec {
        service: "billing".to_owned(),
        subjects: vec![kind("user", vec![]), kind("String", vec![])],
        resources: vec![kind("record", vec![open])],
        actions: vec![kind("read", vec![]), kind("a \"b\"", vec![])],
        context: vec![property("level", ClaimKind::Long, Absence::Ignore)],
        policies: vec![PolicyFile { name: "p".to_owned(), text: policies.to_owned() }],
    };
    build(&GateSpec { evaluation: Some(evaluation), ..spec(vec![open_route("a", "/a")]) })
}

fn caller(gate: &Gate) -> Arc<Identity> {
    match get("/a").by(&token("corp", json!({}))).judged(gate) {
        Verdict::Permit(permit) => Arc::clone(permit.caller().identity().unwrap()),
        other => panic!("{other:?}"),
    }
}

fn object(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::TOKEN).unwrap()
}

/// Asks whether `subject` may read a record with these properties, under these circumstances.
fn asked(gate: &Gate, subject: (&str, &str), properties: &str, context: &str) -> Evaluation {
    let (properties, context) = (object(properties), object(context));
    let thing = |kind, id, properties| Thing { kind, id, properties };
    let matter = Matter {
        subject: thing(subject.0, subject.1, None),
        action: thing("read", "", None),
        resource: thing("record", "7", Some(&properties)),
        context: Some(&context),
    };
    gate.evaluator().unwrap().evaluate(&matter, &caller(gate), after(0))
}

#[test]
fn only_what_a_policy_permits_is_permitted_and_all_else_says_why() {
    let gate = gate(POLICIES);
    let (alice, open) = (("user", "alice"), r#"{"open":true}"#);
    for (subject, properties, context, code, reason) in [
        (alice, open, "{}", "permit", None),
        (alice, open, r#"{"level":0}"#, "permit", None),
        (alice, r#"{"open":false}"#, "{}", "no_permit", Some("no rule allows it")),
        (("user", "bob"), open, "{}", "no_permit", Some("no rule allows it")),
        (("String", "alice"), open, "{}", "no_permit", Some("no rule allows it")),
        (
            ("robot", "alice"),
            open,
            "{}",
            "unknown_subject",
            Some("there is no type of subject `robot` here"),
        ),
        (alice, "{}", "{}", "bad_property", Some("`/open` of the resource is missing")),
        (
            alice,
            r#"{"open":"true"}"#,
            "{}",
            "bad_property",
            Some("`/open` of the resource is not a boolean"),
        ),
        (
            alice,
            open,
            r#"{"level":9223372036854775808}"#,
            "bad_property",
            Some("`/level` of the context is not a whole number of 64 bits"),
        ),
    ] {
        let evaluation = asked(&gate, subject, properties, context);
        assert_eq!(evaluation.code(), code, "{subject:?} {properties} {context}");
        assert_eq!(evaluation.reason(), reason, "{subject:?} {properties} {context}");
        assert_eq!(evaluation.is_permitted(), code == "permit");
    }
    let unknown = asked(&gate, alice, open, r#"{"level":1}"#);
    assert_eq!(unknown.code(), "forbid_unknown");
    assert_eq!(unknown.policies(), [Arc::from("p#closed")]);
    // What a policy could not cope with is not quoted.
    let reason = "a rule that denies could not be evaluated (`p#closed`)";
    assert_eq!(unknown.reason(), Some(reason));
}

#[test]
fn without_policies_nothing_is_permitted() {
    let evaluation = asked(&gate(""), ("user", "alice"), r#"{"open":true}"#, "{}");
    assert_eq!((evaluation.code(), evaluation.is_permitted()), ("no_permit", false));
}

#[test]
fn the_schema_says_what_was_declared() {
    let expected = r#"// Generated from `authzen` in the configuration.
namespace Subject {
  entity String = { id: __cedar::String, properties: {} };
  entity user = { id: __cedar::String, properties: {} };
}
namespace Resource {
  entity record = { id: __cedar::String, properties: { "open": __cedar::Bool } };
}
action "a \"b\"" appliesTo {
  principal: [Subject::String, Subject::user],
  resource: [Resource::record],
  context: {
    // The properties of the action.
    action: {},
    // What the one who asks says of the circumstances.
    environment: { "level"?: __cedar::Long },
    // Who asks, as its issuer knows it.
    caller: { issuer: __cedar::String, subject: __cedar::String },
    time: __cedar::datetime,
  },
};
"#;
    let gate = gate("");
    assert!(gate.evaluator().unwrap().schema().starts_with(expected));
}

fn near(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(texts).prop_map(str::to_owned),
        ".*",
        "[a-z\"\\\\:*{}\u{0}\u{200b}]{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever characters types and ids have: who is meant is who is named, and nobody else.
    #[test]
    fn nobody_is_taken_for_another(
        kind in near(&["user", "String", "Subject::user", "user::\"alice\""]),
        id in near(&["alice", "alice\"", "\"alice\"", "alice\0", "Alice", "user::\"alice\""]),
    ) {
        static GATE: LazyLock<Gate> = LazyLock::new(|| gate(POLICIES));
        let evaluation = asked(&GATE, (&kind, &id), r#"{"open":true}"#, "{}");
        prop_assert_eq!(evaluation.is_permitted(), kind == "user" && id == "alice");
    }
}
