use super::super::note::Note;
use super::super::testing::{NOW, allow, deny, evaluation, outcome};
use super::*;

fn body(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn value(write: impl FnOnce(&mut Vec<u8>)) -> serde_json::Value {
    serde_json::from_str(&(body(write) + "}}}")).unwrap()
}

#[test]
fn an_allowed_request_is_written_like_this() {
    assert_eq!(
        body(|out| decision(out, &allow())),
        concat!(
            r#"{"time":1700000000250,"class_uid":6003,"class_name":"API Activity","category_uid":6,"#,
            r#""category_name":"Application Activity","activity_id":2,"activity_name":"Read","type_uid":600302,"#,
            r#""severity_id":1,"severity":"Informational","status_id":0,"status":"Unknown","#,
            r#""action_id":1,"action":"Allowed","disposition_id":1,"disposition":"Allowed","#,
            r#""actor":{"user":{"uid":"alice","name":"alice","type_id":1,"type":"User","domain":"corp","#,
            r#""groups":[{"name":"support","domain":"corp"},{"name":"eu","domain":"corp"}]},"#,
            r#""idp":{"name":"corp"},"session":{"uid":"17171717171717171717171717171717","issuer":"corp"},"#,
            r#""app_name":"helpdesk","app_uid":"portal","#,
            r#""authorizations":[{"decision":"permit","policy":{"uid":"read-order/allow/0","version":"p1"}}]},"#,
            r#""api":{"operation":"read-order","service":{"name":"orders"},"#,
            r#""request":{"uid":"01J0000000000000000000000A"}},"#,
            r#""http_request":{"http_method":"GET","url":{"hostname":"orders.example.com","path":"/orders/7"}},"#,
            r#""src_endpoint":{"ip":"192.0.2.7","port":50123},"dst_endpoint":{"svc_name":"orders"},"#,
            r#""metadata":{"version":"1.8.0","product":{"name":"Doorward","vendor_name":"Doorward","version":"0.1.0"},"#,
            r#""log_name":"audit","profiles":["security_control"],"#,
            r#""correlation_uid":"01J0000000000000000000000A","uid":"01J0000000000000000000000A.decision"},"#,
            r#""unmapped":{"doorward":{"record":"decision","door":"proxy","verdict":"allow","code":"permit","reasons":[],"#,
            r#""route":"read-order","service":"orders","policy_set":"p1","decided_us":12,"#,
            r#""token":"6b1cf86de36b0bd7302b4a5d2f6c7f7e7fd37a9d7f0e4bc2c1f3a5d0b7a1c9e2","#,
            r#""actors":[{"issuer":"corp","subject":"helpdesk"}],"#,
            r#""trace_id":"abababababababababababababababab","span_id":"cdcdcdcdcdcdcdcd""#,
        )
        .replace(
            "6b1cf86de36b0bd7302b4a5d2f6c7f7e7fd37a9d7f0e4bc2c1f3a5d0b7a1c9e2",
            &tokens::Fingerprint::of("a token").to_string()
        )
    );
}

#[test]
fn a_denied_request_is_written_like_this() {
    assert_eq!(
        body(|out| decision(out, &deny())),
        concat!(
            r#"{"time":1700000000250,"class_uid":6003,"class_name":"API Activity","category_uid":6,"#,
            r#""category_name":"Application Activity","activity_id":2,"activity_name":"Read","type_uid":600302,"#,
            r#""severity_id":2,"severity":"Low","status_id":2,"status":"Failure","#,
            r#""status_code":"403","status_detail":"no policy allows this","#,
            r#""action_id":2,"action":"Denied","disposition_id":2,"disposition":"Blocked","#,
            r#""actor":{"user":{"name":"anonymous","type_id":0,"type":"Unknown"},"authorizations":[]},"#,
            r#""api":{"operation":"read-order","service":{"name":"orders"},"#,
            r#""request":{"uid":"01J0000000000000000000000A"}},"#,
            r#""http_request":{"http_method":"GET","url":{"hostname":"orders.example.com","path":"/orders/7"}},"#,
            r#""http_response":{"code":403},"#,
            r#""src_endpoint":{"ip":"192.0.2.7","port":50123},"dst_endpoint":{"svc_name":"orders"},"#,
            r#""metadata":{"version":"1.8.0","product":{"name":"Doorward","vendor_name":"Doorward","version":"0.1.0"},"#,
            r#""log_name":"audit","profiles":["security_control"],"#,
            r#""correlation_uid":"01J0000000000000000000000A","uid":"01J0000000000000000000000A.decision"},"#,
            r#""unmapped":{"doorward":{"record":"decision","door":"proxy","verdict":"deny","code":"no_permit","#,
            r#""reasons":["no policy allows this"],"route":"read-order","service":"orders","#,
            r#""policy_set":"p1","decided_us":12"#,
        )
    );
}

#[test]
fn an_evaluation_is_written_like_this() {
    let written = value(|out| super::evaluation(out, &evaluation()));
    let told = &written["unmapped"]["doorward"];
    assert_eq!(written["activity_name"], "Evaluate");
    assert_eq!(written["disposition"], "Blocked");
    assert_eq!(written["actor"]["user"]["uid"], "alice");
    assert_eq!(written["api"]["operation"], "write");
    assert_eq!(written["resources"], serde_json::json!([{"type": "record", "uid": "record-1"}]));
    assert_eq!(written["metadata"]["uid"], "01J0000000000000000000000A.evaluation.2");
    assert_eq!(told["record"], "evaluation");
    assert_eq!(told["asked_as"], "q-7");
    assert_eq!(told["subject"], serde_json::json!({"type": "user", "id": "bob"}));
    assert_eq!(told["reasons"], serde_json::json!(["no rule allows it"]));
}

#[test]
fn an_outcome_is_written_like_this() {
    assert_eq!(
        body(|out| super::outcome(out, &outcome())),
        concat!(
            r#"{"time":1700000000255,"class_uid":6003,"class_name":"API Activity","category_uid":6,"#,
            r#""category_name":"Application Activity","activity_id":2,"activity_name":"Read","type_uid":600302,"#,
            r#""severity_id":1,"severity":"Informational","status_id":1,"status":"Success","#,
            r#""status_code":"200","status_detail":"completed","#,
            r#""action_id":1,"action":"Allowed","disposition_id":1,"disposition":"Allowed","duration":5,"#,
            r#""actor":{"user":{"uid":"alice","name":"alice","type_id":1,"type":"User","domain":"corp"}},"#,
            r#""api":{"operation":"read-order","service":{"name":"orders"},"#,
            r#""request":{"uid":"01J0000000000000000000000A"}},"#,
            r#""http_request":{"http_method":"GET","body_length":0},"#,
            r#""http_response":{"code":200,"body_length":1024},"#,
            r#""src_endpoint":{"ip":"192.0.2.7","port":50123},"#,
            r#""dst_endpoint":{"svc_name":"orders","name":"http://10.0.0.11:9001"},"#,
            r#""metadata":{"version":"1.8.0","product":{"name":"Doorward","vendor_name":"Doorward","version":"0.1.0"},"#,
            r#""log_name":"audit","profiles":["security_control"],"#,
            r#""correlation_uid":"01J0000000000000000000000A","uid":"01J0000000000000000000000A.outcome"},"#,
            r#""unmapped":{"doorward":{"record":"outcome","door":"proxy","ended":"completed","#,
            r#""route":"read-order","service":"orders","bytes_in":0,"bytes_out":1024,"took_us":5250"#,
        )
    );
}

#[test]
fn what_the_log_says_of_itself_is_written_like_this() {
    let written = body(|out| {
        Note::Gap.write(out, NOW, "3 outcomes were dropped", |json| json.number("dropped", 3));
    });
    assert_eq!(
        written,
        concat!(
            r#"{"time":1700000000250,"class_uid":1008,"class_name":"Event Log Activity","category_uid":1,"#,
            r#""category_name":"System Activity","activity_id":99,"activity_name":"Drop","type_uid":100899,"#,
            r#""severity_id":3,"severity":"Medium","status_id":2,"status":"Failure","#,
            r#""message":"3 outcomes were dropped","log_name":"audit","log_provider":"Doorward","log_type_id":2,"#,
            r#""metadata":{"version":"1.8.0","product":{"name":"Doorward","vendor_name":"Doorward","version":"0.1.0"},"#,
            r#""log_name":"audit"},"unmapped":{"doorward":{"record":"gap","dropped":3"#,
        )
    );
}

#[test]
fn the_activity_follows_from_the_method() {
    for (method, id) in [
        ("GET", 2),
        ("HEAD", 2),
        ("OPTIONS", 2),
        ("POST", 1),
        ("PUT", 3),
        ("PATCH", 3),
        ("DELETE", 4),
        ("PROPFIND", 99),
        ("get", 99),
        ("CONNECT", 99),
    ] {
        let event = value(|out| decision(out, &Decision { method, ..allow() }));
        assert_eq!(event["activity_id"], id, "{method}");
        assert_eq!(event["type_uid"], 600_300 + id, "{method}");
        if id == 99 {
            assert_eq!(event["activity_name"], method);
        }
    }
}

#[test]
fn a_port_stands_beside_the_host() {
    for (host, name, port) in [
        ("a.example", "a.example", None),
        ("a.example:8443", "a.example", Some(8443)),
        ("[2001:db8::1]:8443", "[2001:db8::1]", Some(8443)),
        ("[2001:db8::1]", "[2001:db8::1]", None),
        ("2001:db8::1", "2001:db8::1", None),
        ("a.example:https", "a.example:https", None),
    ] {
        assert_eq!(split_port(host), (name, port), "{host}");
    }
}

#[test]
fn an_outcome_says_in_ocsf_words_how_it_ended() {
    for (ended, status, status_id, disposition) in [
        (Ended::Completed, Some(200), 1, 1),
        (Ended::Completed, Some(404), 2, 1),
        (Ended::ClientGone, Some(200), 2, 1),
        (Ended::PermitEnded, Some(200), 2, 1),
        (Ended::ShuttingDown, Some(200), 2, 1),
        (Ended::Revoked, Some(200), 2, 24),
        (Ended::UpstreamFailed, Some(502), 2, 27),
        (Ended::UpstreamTimedOut, Some(504), 2, 27),
        (Ended::AuditUnavailable, None, 2, 2),
    ] {
        let event = value(|out| super::outcome(out, &Outcome { ended, status, ..outcome() }));
        assert_eq!(event["status_id"], status_id, "{ended:?}");
        assert_eq!(event["disposition_id"], disposition, "{ended:?}");
        assert_eq!(event["unmapped"]["doorward"]["ended"], ended.name());
    }
}

#[test]
fn a_record_that_was_cut_says_so() {
    let path = format!("/{}", "x".repeat(4000));
    let event = value(|out| decision(out, &Decision { path: &path, ..allow() }));
    assert_eq!(event["metadata"]["is_truncated"], true);
    assert!(event["http_request"]["url"]["path"].as_str().unwrap().len() < 2100);
    assert_eq!(
        value(|out| decision(out, &allow()))["metadata"]["is_truncated"],
        serde_json::Value::Null
    );
}

#[test]
fn the_pinned_version_is_the_written_one() {
    assert_eq!(value(|out| decision(out, &allow()))["metadata"]["version"], OCSF_VERSION);
}
