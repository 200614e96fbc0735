//! AuthZEN Authorization API 1.0 through the real binary: decisions for others to enforce.

#[path = "authzen/attacks.rs"]
mod attacks;
#[path = "authzen/house.rs"]
mod house;

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use testbed::client::ask;
use testbed::clock::until;

use house::{CONFIG, EVALUATION, EVALUATIONS, House, decisions, example};

const PATIENCE: Duration = Duration::from_secs(20);

/// The examples of the specification, each file named for the section that it stands in; of answers, those that the text
/// gives. Its answers give contexts as examples only: of all but the one of `deny_on_first_deny`, the decisions are compared.
#[test]
fn the_examples_of_the_specification_are_answered_as_it_says() -> Result<()> {
    let house = House::open()?;
    for (path, name, expected) in [
        (EVALUATION, "6.1.1-evaluation", vec![true]),
        (EVALUATIONS, "7.1-no-defaults", vec![true, false, false]),
        (EVALUATIONS, "7.1.1-shared-subject", vec![true, false, false]),
        (EVALUATIONS, "7.1.1-default-action", vec![true, false, false]),
        // It names no action.
        (EVALUATIONS, "7.1.2-options", vec![false]),
        (EVALUATION, "10.1.4-evaluation", vec![true]),
        (EVALUATIONS, "10.1.4-evaluations", vec![true, false, false]),
    ] {
        assert_eq!(house.decisions(path, &example(name)?)?, expected, "{name}");
        if name.starts_with("10") {
            assert_eq!(decisions(&example(&format!("{name}.answer"))?)?, expected, "{name}");
        }
    }
    for semantic in ["execute-all", "deny-on-first-deny", "permit-on-first-permit"] {
        let name = format!("7.1.2.1.1-{semantic}");
        let reply = house.ask(EVALUATIONS, &example(&name)?)?;
        let answer: Value = serde_json::from_str(&reply.text())?;
        let expected: Value = serde_json::from_str(&example(&format!("{name}.answer"))?)?;
        assert_eq!((reply.status, answer), (200, expected), "{name}");
        assert_eq!(reply.field("content-type"), Some("application/json"), "{name}");
    }
    Ok(())
}

/// The requests of the certification scenario (openid/authzen, certification/authorization-api-1_0-scenario.md), all of c-2
/// and c-3, with what is expected there; a decision that the scenario leaves open is `null`.
#[test]
fn the_certification_scenario_is_answered_as_it_says() -> Result<()> {
    let house = House::open()?;
    let cases: Vec<Value> = serde_json::from_str(include_str!("authzen/certification.json"))?;
    assert_eq!(cases.len(), 29);
    for case in cases {
        let name = case["case"].as_str().unwrap_or_default();
        let path = if name.starts_with("c-2") { EVALUATION } else { EVALUATIONS };
        for _ in 0..2 {
            let reply = house.ask(path, &case["request"].to_string())?;
            assert_eq!(json!(reply.status), case["status"], "{name}: {}", reply.text());
            let Some(expected) = case["decisions"].as_array() else { continue };
            let found = decisions(&reply.text())?;
            assert_eq!(found.len(), expected.len(), "{name}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    expected.is_null() || *expected == json!(found),
                    "{name}: {}",
                    reply.text()
                );
            }
        }
    }
    let good = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}"#;
    // c-2-4-3 to c-2-4-5: another type of content, no JSON, nothing.
    for (kind, body) in [
        ("text/plain", good),
        ("application/jsonp", good),
        ("application/json", "{"),
        ("application/json", ""),
        ("application/json", "[]"),
    ] {
        let lines = ["Authorization: Bearer {token}", &format!("Content-Type: {kind}")];
        let reply = house.send(EVALUATION, &lines, body)?;
        assert_eq!(reply.status, 400, "{kind} {body}");
        // The body of an error is its message, a text (§10.1.2).
        assert!(serde_json::from_str::<String>(&reply.text()).is_ok(), "{}", reply.text());
        assert_eq!(reply.field("content-type"), Some("application/json"));
    }
    let lines = ["Authorization: Bearer {token}", "Content-Type: Application/JSON; charset=utf-8"];
    assert_eq!(house.send(EVALUATION, &lines, good)?.status, 200);
    // c-2-5: the request's id comes back, whatever the answer.
    for (token, status) in [("Authorization: Bearer {token}", 200), ("X-None: a", 401)] {
        let lines = [token, "Content-Type: application/json", "X-Request-ID: bfe9eb29 {}/ä"];
        let reply = house.send(EVALUATION, &lines, good)?;
        assert_eq!(reply.status, status);
        assert_eq!(reply.message.head.values("x-request-id").len(), 1);
        assert_eq!(reply.field("x-request-id"), Some("bfe9eb29 {}/ä"));
    }
    assert_eq!(house.ask(EVALUATION, good)?.field("x-request-id").map(str::len), Some(26));
    Ok(())
}

#[test]
fn the_metadata_is_what_is_configured_and_names_what_there_is() -> Result<()> {
    let house = House::open()?;
    for host in ["pdp.test", "PDP.test:80"] {
        let target = "/.well-known/authzen-configuration";
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: evil.test\r\n\r\n");
        let reply = ask(house.place.http(), &request)?;
        assert_eq!((reply.status, reply.field("content-type")), (200, Some("application/json")));
        let expected = json!({
            "policy_decision_point": "https://pdp.test",
            "access_evaluation_endpoint": "https://pdp.test/access/v1/evaluation",
            "access_evaluations_endpoint": "https://pdp.test/access/v1/evaluations",
        });
        assert_eq!(serde_json::from_str::<Value>(&reply.text())?, expected);
    }
    // What is not named is not there either.
    assert_eq!(house.ask("/access/v1/search", "{}")?.status, 404);
    assert_eq!(house.ask("/access/v1/search/subject", "{}")?.status, 404);
    Ok(())
}

#[test]
fn only_who_may_ask_is_answered() -> Result<()> {
    let config = CONFIG.replace(
        "allow: [{ workloads: [gateway] }]\n  - name: metadata",
        "allow: [{ workloads: [gateway] }, { anyone: true, networks: [192.0.2.0/24] }]\n  - name: metadata",
    );
    let open = config.replace("192.0.2.0/24", "127.0.0.0/8");
    let good = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}"#;
    for (config, anonymous) in [(CONFIG, 401), (&*open, 401)] {
        let house = House::with(config)?;
        let other = house.issuer.token("somebody", "pdp", json!({}))?;
        let elsewhere = house.issuer.token("gateway", "orders", json!({}))?;
        for (token, status) in [
            (None, anonymous),
            (Some("nonsense".to_owned()), 401),
            (Some(elsewhere), 401),
            (Some(other), if config == CONFIG { 403 } else { 200 }),
        ] {
            let mut lines = vec!["Content-Type: application/json".to_owned()];
            lines.extend(token.map(|token| format!("Authorization: Bearer {token}")));
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let reply = house.send(EVALUATION, &lines, good)?;
            assert_eq!(reply.status, status, "{lines:?} {}", reply.text());
            assert_eq!(reply.field("www-authenticate").is_some(), status == 401);
            if status != 200 {
                let message: String = serde_json::from_str(&reply.text())?;
                assert!(!message.is_empty());
            }
        }
        // A token for the decision point opens nothing else.
        let mine = house.issuer.token("gateway", "pdp", json!({}))?;
        let request = format!(
            "GET /orders/7 HTTP/1.1\r\nHost: orders.test\r\nAuthorization: Bearer {mine}\r\n\r\n"
        );
        assert_eq!(ask(house.place.http(), &request)?.status, 401);
    }
    Ok(())
}

#[test]
fn every_evaluation_is_on_record_before_it_is_told() -> Result<()> {
    let house = House::open()?;
    let body = r#"{
        "subject": {"type": "user", "id": "alice", "properties": {"role": "hunter2"}},
        "context": {"size": 1, "password": "hunter2"},
        "evaluations": [
            {"action": {"name": "read"}, "resource": {"type": "record", "id": "record-1"}},
            {"action": {"name": "write"}, "resource": {"type": "record", "id": "r", "properties": {"status": "archived"}}},
            {"action": {"name": "read", "properties": {"soft": "hunter2"}}},
            {"action": {"name": "burn"}, "resource": {"type": "record", "id": "record-1"}}
        ]}"#;
    let lines =
        ["Authorization: Bearer {token}", "Content-Type: application/json", "X-Request-ID: q-7"];
    let reply = house.send(EVALUATIONS, &lines, body)?;
    assert_eq!(decisions(&reply.text())?, [true, false, false, false]);
    // The answer's reasons are for who may see them: here only what is wrong with the question itself is told.
    let answer: Value = serde_json::from_str(&reply.text())?;
    assert_eq!(answer["evaluations"][1], json!({"decision": false}));
    let error = json!({"status": 400, "message": "`resource` is missing"});
    assert_eq!(answer["evaluations"][2]["context"]["error"], error);
    let log = house.place.log();
    let records = house.records("evaluation")?;
    let found: Vec<_> = records.iter().map(|one| &one["unmapped"]["doorward"]).collect();
    let told = |key: &str| found.iter().map(|one| one[key].clone()).collect::<Vec<_>>();
    assert_eq!(told("verdict"), ["allow", "deny", "deny", "deny"]);
    assert_eq!(told("code"), ["permit", "forbidden", "malformed", "unknown_action"]);
    assert_eq!(told("action"), ["read", "write", "read", "burn"]);
    assert_eq!(told("reasons")[3], json!(["there is no action `burn` here"]));
    assert_eq!(told("asked_as"), vec![json!("q-7"); 4]);
    assert_eq!(found[0]["subject"], json!({"type": "user", "id": "alice"}));
    assert_eq!(found[0]["resource"], json!({"type": "record", "id": "record-1"}));
    assert_eq!(found[2]["resource"], Value::Null);
    let policies = |record: &Value| record.pointer("/actor/authorizations/0/policy/uid").cloned();
    assert_eq!(policies(&records[0]), Some(json!("policies.cedar#alice-reads-and-writes")));
    assert_eq!(policies(&records[1]), Some(json!("policies.cedar#archived")));
    for (number, record) in records.iter().enumerate() {
        assert_eq!(record["actor"]["user"]["uid"], "gateway");
        assert_eq!(record["actor"]["user"]["domain"], "corp");
        let uid = record["metadata"]["uid"].as_str().unwrap_or_default();
        assert!(uid.ends_with(&format!(".evaluation.{number}")), "{uid}");
        assert!(!record.to_string().contains("hunter2"), "{record}");
    }
    assert!(!log.contains("hunter2"), "{log}");
    Ok(())
}

#[test]
fn reasons_are_told_where_the_configuration_says_so() -> Result<()> {
    let house =
        House::with(&CONFIG.replace("audience: pdp\n", "audience: pdp\n  reasons: true\n"))?;
    let body = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"write"},"evaluations":[
        {"resource":{"type":"record","id":"a"}},
        {"resource":{"type":"record","id":"a","properties":{"status":"archived"}}},
        {"resource":{"type":"note","id":"a"}}]}"#;
    let answer: Value = serde_json::from_str(&house.ask(EVALUATIONS, body)?.text())?;
    let context = |code: &str, policies: &[&str], message: &str| json!({"reason_admin": {"code": code, "policies": policies, "message": message}});
    let expected = json!([
        {"decision": true, "context": {"reason_admin": {
            "code": "permit", "policies": ["policies.cedar#alice-reads-and-writes"]}}},
        {"decision": false, "context": context("forbidden", &["policies.cedar#archived"], "a rule denies it")},
        {"decision": false, "context": context("bad_property", &[], "`/meta/owner` of the resource is missing")},
    ]);
    assert_eq!(answer["evaluations"], expected);
    Ok(())
}

#[test]
fn a_reload_changes_decisions_and_a_bad_one_changes_nothing() -> Result<()> {
    let house = House::open()?;
    let body = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#;
    assert_eq!(house.decisions(EVALUATION, body)?, [true]);
    house.place.write("policies.cedar", "permit (principal is User, action, resource);")?;
    house.gateway.reload()?;
    until("a reload that failed", PATIENCE, || {
        let metrics = house.place.until_status("/metrics", 200)?;
        Ok(metrics.contains("doorward_config_reload_failures_total 1").then_some(()))
    })?;
    assert_eq!(house.decisions(EVALUATION, body)?, [true]);
    house.place.write(
        "policies.cedar",
        "permit (principal == Subject::user::\"alice\", action, resource is Resource::note);",
    )?;
    house.gateway.reload()?;
    until(
        "a denial",
        PATIENCE,
        || Ok((house.decisions(EVALUATION, body)? == [false]).then_some(())),
    )
}
