//! Questions that are made to be taken for others.

use anyhow::Result;
use serde_json::{Value, json};
use testbed::client::ask;

use crate::house::{EVALUATION, EVALUATIONS, House, decisions};

/// Questions that come near one that is permitted; none of them is.
const NEARLY: &[&str] = &[
    // Another type with the id of somebody who may, and types that read like Cedar.
    r#"{"subject":{"type":"todo-bot","id":"alice"},"action":{"name":"write"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"todo_bot","id":"a"},"action":{"name":"read"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"a"}}}}"#,
    r#"{"subject":{"type":"User","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"Subject::user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user::\"alice\"","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"record","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"user","id":"alice"}}"#,
    r#"{"subject":{"type":"user ","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"us\u0435r","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    // Ids that end early, are quoted, escaped, or look alike.
    r#"{"subject":{"type":"user","id":"alice\""},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"\"alice\""},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"user::\"alice\""},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"alice\u0000"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"alice\\u0000"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"Alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"\u0430lice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"ali\u200bce"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":" alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    // Actions that are none, and those of the other policies.
    r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"Action::\"read\""},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"GET"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"READ"},"resource":{"type":"record","id":"a"}}"#,
    // Properties: beside where they belong, named like what there is, of another type.
    r#"{"subject":{"type":"user","id":"eve","role":"admin"},"action":{"name":"write"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"eve","properties":{"properties":{"role":"admin"}}},"action":{"name":"write"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"eve","properties":{"id":"alice","type":"user","principal":"alice"}},"action":{"name":"write"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"eve","properties":{"/role":"admin"}},"action":{"name":"write"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"eve","properties":{"role":["admin"]}},"action":{"name":"write"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"eve","properties":{"role":{"__entity":{"type":"Subject::user","id":"alice"}}}},"action":{"name":"write"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"eve","properties":{"role":{"__extn":{"fn":"ip","arg":"::1"}}}},"action":{"name":"write"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"eve","properties":{"Role":"admin","role ":"admin","r\u006fle2":"admin"}},"action":{"name":"write"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"delete","properties":{"soft":"true"}},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"delete","properties":{"soft":1}},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"delete","soft":true},"resource":{"type":"record","id":"a"},"context":{"action":{"soft":true},"soft":true}}"#,
    // A deny is not dodged by what cannot be read as what it asks for.
    r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"write"},"resource":{"type":"record","id":"a","properties":{"status":null}}}"#,
    r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"write"},"resource":{"type":"record","id":"a","properties":{"status":["archived"]}}}"#,
    r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"write"},"resource":{"type":"record","id":"a","properties":{"st\u0061tus":"archived"}}}"#,
    // A property that is required is there, and whose it is is compared whole.
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"edit"},"resource":{"type":"note","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"edit"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":null}}}}"#,
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"edit"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"eve "}}}}"#,
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"edit"},"resource":{"type":"note","id":"a","properties":{"meta/owner":"eve","owner":"eve"}}}"#,
    // Numbers beyond what Cedar holds, and arithmetic beyond it: neither a permit nor a deny that cannot be evaluated opens.
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"count"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"b"}}},"context":{"size":1}}"#,
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"read"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"b"}}},"context":{"size":1}}"#,
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"read"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"b"}}},"context":{"size":9223372036854775808}}"#,
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"read"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"b"}}},"context":{"size":1.0}}"#,
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"read"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"b"}}},"context":{"size":-0}}"#,
];

/// The same that are permitted, so that the ones above can fail.
const PERMITTED: &[&str] = &[
    r#"{"subject":{"type":"user","id":"\u0061lice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"todo-bot","id":"a"},"action":{"name":"read"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"a"}}}}"#,
    r#"{"subject":{"type":"user","id":"eve","properties":{"r\u006fle":"admin"}},"action":{"name":"write"},"resource":{"type":"record","id":"a"}}"#,
    r#"{"subject":{"type":"user","id":"\"::*"},"action":{"name":"edit"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"\"::*"}}}}"#,
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"read"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"b"}}},"context":{"size":0}}"#,
    r#"{"subject":{"type":"user","id":"eve"},"action":{"name":"read"},"resource":{"type":"note","id":"a","properties":{"meta":{"owner":"b"}}},"context":{"size":-9223372036854775807}}"#,
];

#[test]
fn what_comes_near_a_question_that_is_permitted_is_not() -> Result<()> {
    let house = House::open()?;
    for body in NEARLY {
        assert_eq!(house.decisions(EVALUATION, body)?, [false], "{body}");
        let listed = format!("{{\"evaluations\":[{body}]}}");
        assert_eq!(house.decisions(EVALUATIONS, &listed)?, [false], "{body}");
    }
    for body in PERMITTED {
        assert_eq!(house.decisions(EVALUATION, body)?, [true], "{body}");
    }
    Ok(())
}

#[test]
fn nothing_that_is_said_wrongly_is_replaced_by_a_default() -> Result<()> {
    let house = House::open()?;
    let top = r#""subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}"#;
    for (item, expected) in [
        ("{}", true),
        (r#"{"subject":null}"#, false),
        (r#"{"subject":{}}"#, false),
        (r#"{"subject":{"id":"alice"}}"#, false),
        (r#"{"subject":{"type":"user"}}"#, false),
        (r#"{"subject":{"type":"user","id":""}}"#, false),
        (r#"{"subject":[]}"#, false),
        (r#"{"subject":"alice"}"#, false),
        (r#"{"subject":{"type":"user","id":"alice","properties":null}}"#, false),
        (r#"{"action":null}"#, false),
        (r#"{"resource":null}"#, false),
        (r#"{"context":null}"#, false),
        (r#"{"context":[]}"#, false),
        (r#"{"subject":{"type":"user","id":"bob"},"evaluations":[{}],"options":null}"#, true),
        ("null", false),
        ("[]", false),
        ("true", false),
    ] {
        let body = format!("{{{top},\"evaluations\":[{item}]}}");
        assert_eq!(house.decisions(EVALUATIONS, &body)?, [expected], "{item}");
    }
    // The properties of a subject that is said anew are its own alone.
    let body = r#"{"subject":{"type":"user","id":"eve","properties":{"role":"admin"}},"action":{"name":"write"},
        "resource":{"type":"record","id":"a"},"evaluations":[{},{"subject":{"type":"user","id":"eve"}}]}"#;
    assert_eq!(house.decisions(EVALUATIONS, body)?, [true, false]);
    Ok(())
}

#[test]
fn what_has_no_one_reading_is_refused_whole() -> Result<()> {
    let house = House::open()?;
    let top = r#""subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}"#;
    let deep = format!("{}{}", "[".repeat(15), "]".repeat(15));
    let deeper = format!("{}{}", "[".repeat(16), "]".repeat(16));
    assert_eq!(house.decisions(EVALUATION, &format!("{{{top},\"x\":{deep}}}"))?, [true]);
    for body in [
        format!("{{{top},\"x\":{deeper}}}"),
        format!("{{{top},\"subject\":{{\"type\":\"user\",\"id\":\"eve\"}}}}"),
        format!("{{{top},\"x\":{{\"a\":1,\"\\u0061\":2}}}}"),
        format!("{{{top},\"x\":\"\\ud800\"}}"),
        format!("{{{top},\"x\":1e999}}"),
        format!("{{{top}}}{{}}"),
        format!("{{{top},}}"),
        format!("{{{top},\"x\":NaN}}"),
        format!("{{{top},\"context\":null}}"),
        format!("{{{top},\"context\":\"a\"}}"),
    ] {
        let reply = house.ask(EVALUATION, &body)?;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text());
    }
    for wrong in [
        "\"evaluations\":null",
        "\"evaluations\":{}",
        "\"options\":null",
        "\"options\":[]",
        "\"options\":{\"evaluations_semantic\":null}",
        "\"options\":{\"evaluations_semantic\":\"EXECUTE_ALL\"}",
        "\"options\":{\"evaluations_semantic\":\"permit_on_first_permit \"}",
        "\"options\":{\"evaluations_semantic\":[\"execute_all\"]}",
        "\"evaluations\":[{}],\"context\":1",
    ] {
        let reply = house.ask(EVALUATIONS, &format!("{{{top},{wrong}}}"))?;
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text());
    }
    assert!(house.records("evaluation")?.len() == 1);
    Ok(())
}

#[test]
fn limits_hold_at_their_edges() -> Result<()> {
    let house = House::open()?;
    let top = r#""subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"a"}"#;
    let many =
        |count: usize| format!("{{{top},\"evaluations\":[{}]}}", vec!["{}"; count].join(","));
    assert_eq!(house.decisions(EVALUATIONS, &many(100))?, [true; 100]);
    assert_eq!(house.ask(EVALUATIONS, &many(101))?.status, 400);
    assert_eq!(house.decisions(EVALUATIONS, &many(0))?, [true]);
    let padded = |bytes: usize| {
        let around = format!("{{{top},\"x\":\"\"}}").len();
        format!("{{{top},\"x\":\"{}\"}}", "x".repeat(bytes - around))
    };
    assert_eq!(house.ask(EVALUATION, &padded(128 << 10))?.status, 200);
    assert_eq!(house.ask(EVALUATION, &padded((128 << 10) + 1))?.status, 413);
    // The document itself, the eight values of the question, and the list are counted with what it holds.
    let listed = |values: usize| format!("{{{top},\"x\":[{}]}}", vec!["1"; values].join(","));
    assert_eq!(house.ask(EVALUATION, &listed(4096 - 10))?.status, 200);
    assert_eq!(house.ask(EVALUATION, &listed(4096 - 9))?.status, 400);
    let named = |kind: usize, id: usize| {
        let (kind, id) = ("t".repeat(kind), "i".repeat(id));
        format!(
            "{{\"subject\":{{\"type\":\"{kind}\",\"id\":\"{id}\"}},\"action\":{{\"name\":\"read\"}},\"resource\":{{\"type\":\"record\",\"id\":\"a\"}}}}"
        )
    };
    for (kind, id, status) in
        [(256, 1024, 200), (257, 1024, 400), (256, 1025, 400), (0, 1, 400), (1, 0, 400)]
    {
        assert_eq!(house.ask(EVALUATION, &named(kind, id))?.status, status, "{kind} {id}");
    }
    let wordy = |what: &str, text: &str| match what {
        "subject" => format!(
            r#"{{"subject":{{"type":"user","id":"alice","properties":{{"x":["{text}"]}}}},"action":{{"name":"read"}},"resource":{{"type":"record","id":"a"}}}}"#
        ),
        _ => format!(r#"{{{top},"context":{{"x":{{"y":"{text}"}}}}}}"#),
    };
    for what in ["subject", "context"] {
        for (bytes, status) in [(4096, 200), (4097, 400)] {
            let reply = house.ask(EVALUATION, &wordy(what, &"x".repeat(bytes)))?;
            assert_eq!(reply.status, status, "{bytes} bytes in {what}: {}", reply.text());
        }
    }
    // The longest id stands in the record whole.
    let records = house.records("evaluation")?;
    let whole = records
        .iter()
        .any(|one| one.pointer("/unmapped/doorward/subject/id") == Some(&json!("i".repeat(1024))));
    assert!(whole);
    Ok(())
}

#[test]
fn a_body_without_a_length_is_bounded_too() -> Result<()> {
    let house = House::open()?;
    let token = house.issuer.token("gateway", "pdp", json!({}))?;
    let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
    let body = format!("{}0\r\n\r\n", chunk.repeat(5));
    let head = format!(
        "POST {EVALUATION} HTTP/1.1\r\nHost: pdp.test\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    assert_eq!(ask(house.place.http(), &(head + &body))?.status, 413);
    Ok(())
}

#[test]
fn the_semantics_stop_at_what_is_wrong_as_at_a_denial() -> Result<()> {
    let house = House::open()?;
    let items = |order: &[&str]| {
        let items: Vec<_> = order
            .iter()
            .map(|kind| match *kind {
                "permit" => r#"{"resource":{"type":"record","id":"a"}}"#,
                "deny" => r#"{"resource":{"type":"todo","id":"a"}}"#,
                _ => "{}",
            })
            .collect();
        items.join(",")
    };
    for (semantic, order, expected) in [
        ("execute_all", ["deny", "wrong", "permit"], &[false, false, true][..]),
        ("deny_on_first_deny", ["permit", "wrong", "permit"], &[true, false]),
        ("deny_on_first_deny", ["permit", "permit", "permit"], &[true, true, true]),
        ("permit_on_first_permit", ["wrong", "permit", "deny"], &[false, true]),
        ("permit_on_first_permit", ["wrong", "deny", "deny"], &[false, false, false]),
    ] {
        let body = format!(
            "{{\"subject\":{{\"type\":\"user\",\"id\":\"alice\"}},\"action\":{{\"name\":\"read\"}},\
             \"options\":{{\"evaluations_semantic\":\"{semantic}\",\"other\":1}},\"evaluations\":[{}]}}",
            items(&order)
        );
        let reply = house.ask(EVALUATIONS, &body)?;
        assert_eq!(decisions(&reply.text())?, expected, "{semantic} {order:?}");
    }
    // What was not evaluated is not on record.
    assert_eq!(house.records("evaluation")?.len(), 3 + 2 + 3 + 2 + 3);
    Ok(())
}

#[test]
fn a_proxy_that_asks_is_never_told_to_forward_to_it() -> Result<()> {
    let port = testbed::Port::reserve()?;
    let house = House::open()?;
    let config = std::fs::read_to_string(house.place.path("doorward.yaml"))?;
    let door =
        format!("  forward_auth: {{ address: \"{}\", proxy: nginx }}\n  http:", port.address());
    house.place.write("doorward.yaml", &config.replacen("  http:", &door, 1))?;
    house.gateway.stop()?;
    let gateway = house.place.start(std::path::Path::new(env!("CARGO_BIN_EXE_doorward")))?;
    let token = house.issuer.token("gateway", "pdp", json!({}))?;
    let reply = ask(
        port.address(),
        &format!(
            "GET /check HTTP/1.1\r\nHost: doorward\r\nX-Original-Method: POST\r\nX-Original-Proto: https\r\n\
             X-Original-Host: pdp.test\r\nX-Original-URI: {EVALUATION}\r\nX-Original-For: 192.0.2.7\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        ),
    )?;
    assert_eq!(reply.status, 403);
    gateway.stop()?;
    let records = testbed::audit::records(&house.place.path("audit"))?;
    let code = |one: &Value| one.pointer("/unmapped/doorward/code").cloned();
    assert_eq!(records.iter().filter_map(code).next_back(), Some(json!("answered_here")));
    Ok(())
}

/// A success would be a tunnel that leads nowhere.
#[tokio::test]
async fn a_websocket_over_http2_is_refused_and_nothing_else_on_its_connection() -> Result<()> {
    let house = House::open()?;
    let stream = tokio::net::TcpStream::connect(house.place.http()).await?;
    let (client, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let metadata = "http://pdp.test/.well-known/authzen-configuration";
    let status = async |request: http::Request<()>| -> Result<u16> {
        let mut client = client.clone().ready().await?;
        let (answer, _) = client.send_request(request, true)?;
        Ok(answer.await?.status().as_u16())
    };
    // With the answer to the first request the settings have come that allow the second.
    assert_eq!(status(http::Request::get(metadata).body(())?).await?, 200);
    let websocket = http::Request::builder()
        .method(http::Method::CONNECT)
        .uri(metadata)
        .header("sec-websocket-version", "13")
        .extension(h2::ext::Protocol::from_static("websocket"));
    assert_eq!(status(websocket.body(())?).await?, 400);
    assert_eq!(status(http::Request::get(metadata).body(())?).await?, 200);
    Ok(())
}
