use serde_json::{Value, json};

use super::super::testing::{refused_sign_in, sign_in};
use super::*;

fn body(sign_in: &SignIn<'_>) -> String {
    let mut out = Vec::new();
    sign_in.write(&mut out);
    String::from_utf8(out).unwrap()
}

fn value(sign_in: &SignIn<'_>) -> Value {
    serde_json::from_str(&(body(sign_in) + "}}}")).unwrap()
}

#[test]
fn a_sign_in_is_written_like_this() {
    assert_eq!(
        body(&sign_in()),
        concat!(
            r#"{"time":1700000000250,"class_uid":3002,"class_name":"Authentication","category_uid":3,"#,
            r#""category_name":"Identity & Access Management","activity_id":1,"activity_name":"Logon","type_uid":300201,"#,
            r#""severity_id":1,"severity":"Informational","status_id":1,"status":"Success","#,
            r#""action_id":1,"action":"Allowed","disposition_id":1,"disposition":"Allowed","#,
            r#""user":{"uid":"alice","name":"alice","type_id":1,"type":"User","domain":"corp"},"#,
            r#""session":{"uid":"17171717171717171717171717171717","issuer":"corp"},"#,
            r#""service":{"name":"Doorward"},"src_endpoint":{"ip":"192.0.2.7","port":50123},"#,
            r#""dst_endpoint":{"hostname":"id.example.com","port":8443},"#,
            r#""metadata":{"version":"1.8.0","product":{"name":"Doorward","vendor_name":"Doorward","version":"0.1.0"},"#,
            r#""log_name":"audit","profiles":["security_control"],"correlation_uid":"01J0000000000000000000000A","#,
            r#""uid":"01J0000000000000000000000A.17171717171717171717171717171717.signed_in"},"#,
            r#""unmapped":{"doorward":{"record":"sign_in","event":"signed_in","code":"signed_in","reasons":[],"#,
            r#""provider":"corp","acr":"urn:example:mfa","amr":["pwd","otp"]"#,
        )
    );
}

#[test]
fn a_refused_sign_in_is_written_like_this() {
    assert_eq!(
        body(&refused_sign_in()),
        concat!(
            r#"{"time":1700000000250,"class_uid":3002,"class_name":"Authentication","category_uid":3,"#,
            r#""category_name":"Identity & Access Management","activity_id":1,"activity_name":"Logon","type_uid":300201,"#,
            r#""severity_id":2,"severity":"Low","status_id":2,"status":"Failure","status_detail":"the state was used before","#,
            r#""action_id":2,"action":"Denied","disposition_id":2,"disposition":"Blocked","#,
            r#""user":{"name":"anonymous","type_id":0,"type":"Unknown","domain":"corp"},"#,
            r#""service":{"name":"Doorward"},"src_endpoint":{"ip":"192.0.2.7","port":50123},"#,
            r#""dst_endpoint":{"hostname":"id.example.com"},"#,
            r#""metadata":{"version":"1.8.0","product":{"name":"Doorward","vendor_name":"Doorward","version":"0.1.0"},"#,
            r#""log_name":"audit","profiles":["security_control"],"correlation_uid":"01J0000000000000000000000A","#,
            r#""uid":"01J0000000000000000000000A.sign_in_refused"},"#,
            r#""unmapped":{"doorward":{"record":"sign_in","event":"sign_in_refused","code":"state_replayed","#,
            r#""reasons":["the state was used before"],"provider":"corp""#,
        )
    );
}

#[test]
fn an_event_says_in_ocsf_words_what_happened() {
    use SignInEvent::{
        SessionEnded, SessionRefreshed, SignInRefused, SignOutRefused, SignedIn, SignedOut,
    };
    for (event, word, by, activity, status, disposition) in [
        (SignedIn, "signed_in", Value::Null, 1, 1, 1),
        (SignInRefused, "sign_in_refused", Value::Null, 1, 2, 2),
        (SignOutRefused, "sign_out_refused", Value::Null, 2, 2, 2),
        (SignedOut, "signed_out", Value::Null, 2, 1, 1),
        (SessionEnded(EndedBy::Administrator), "session_ended", json!("administrator"), 2, 1, 24),
        (SessionEnded(EndedBy::Person), "session_ended", json!("person"), 2, 1, 1),
        (SessionEnded(EndedBy::Provider), "session_ended", json!("provider"), 2, 1, 24),
        (SessionEnded(EndedBy::Refresh), "session_ended", json!("refresh"), 2, 1, 24),
        (SessionRefreshed, "session_refreshed", Value::Null, 99, 1, 1),
    ] {
        let written = value(&SignIn { event, ..sign_in() });
        assert_eq!(written["unmapped"]["doorward"]["event"], word);
        assert_eq!(written["unmapped"]["doorward"]["by"], by, "{event:?}");
        assert_eq!(written["activity_id"], activity, "{event:?}");
        assert_eq!(written["type_uid"], 300_200 + activity, "{event:?}");
        assert_eq!(written["status_id"], status, "{event:?}");
        assert_eq!(written["disposition_id"], disposition, "{event:?}");
    }
}

#[test]
fn what_no_request_has_set_off_has_neither_peer_nor_host() {
    let event = SignInEvent::SessionRefreshed;
    let written = value(&SignIn { event, peer: None, host: None, ..sign_in() });
    assert_eq!(written["src_endpoint"], Value::Null);
    assert_eq!(written["dst_endpoint"], Value::Null);
    assert_eq!(written["service"]["name"], "Doorward", "OCSF wants it or the host");
}

#[test]
fn sessions_that_one_request_ends_have_records_of_their_own() {
    let event = SignInEvent::SessionEnded(EndedBy::Provider);
    let uid = |session| {
        let written = value(&SignIn { event, session: Some([session; 16]), ..sign_in() });
        written["metadata"]["uid"].clone()
    };
    assert_ne!(uid(1), uid(2));
}

#[test]
fn a_reason_that_was_cut_says_so() {
    let long = "x".repeat(4000);
    let written = value(&SignIn { reason: Some(&long), ..refused_sign_in() });
    assert_eq!(written["metadata"]["is_truncated"], true);
    assert!(written["status_detail"].as_str().unwrap().len() < 2100);
}
