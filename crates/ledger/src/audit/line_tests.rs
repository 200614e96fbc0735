use super::super::chain::Tip;
use super::super::note::Note;
use super::super::ocsf;
use super::super::testing::*;
use super::super::{Decision, Ended, EndedBy, Outcome, SignIn, SignInEvent};
use super::*;

fn line(write: impl FnOnce(&mut Vec<u8>)) -> Line {
    let (mut body, mut out) = (Vec::new(), Vec::new());
    write(&mut body);
    Tip::START.clone().append(&mut out, &body);
    Line::parse(std::str::from_utf8(&out).unwrap().trim_end()).unwrap()
}

#[test]
fn a_record_is_shown_in_one_line() {
    let decided = |decision: &Decision<'_>| line(|out| ocsf::decision(out, decision)).one_line();
    let ended = |outcome: &Outcome<'_>| line(|out| ocsf::outcome(out, outcome)).one_line();
    let with_port = Decision { host: "orders.example.com:8443", method: "PURGE", ..allow() };
    let ended_by = SignInEvent::SessionEnded(EndedBy::Administrator);
    let ended_session = SignIn { event: ended_by, host: None, peer: None, ..sign_in() };
    for (shown, expected) in [
        (
            decided(&allow()),
            "22:13:20.250 ALLOW GET orders.example.com/orders/7 corp/alice read-order",
        ),
        (
            decided(&deny()),
            "22:13:20.250 DENY 403 GET orders.example.com/orders/7 anonymous read-order  no policy allows this",
        ),
        (
            decided(&Decision { policies: &["read-order/deny/0"], ..deny() }),
            "22:13:20.250 DENY 403 GET orders.example.com/orders/7 anonymous read-order  no policy allows this [read-order/deny/0]",
        ),
        (
            decided(&with_port),
            "22:13:20.250 ALLOW PURGE orders.example.com:8443/orders/7 corp/alice read-order",
        ),
        (
            ended(&outcome()),
            "22:13:20.255 DONE 200 GET orders corp/alice read-order  completed after 5 ms, 1024 bytes",
        ),
        (
            ended(&Outcome { status: None, ended: Ended::ClientGone, service: None, ..outcome() }),
            "22:13:20.255 DONE - GET - corp/alice read-order  client_gone after 5 ms, 1024 bytes",
        ),
        (
            line(|out| ocsf::evaluation(out, &evaluation())).one_line(),
            "22:13:20.250 EVALUATED DENY user:bob write record:record-1 corp/alice ask  no rule allows it",
        ),
        (
            line(|out| sign_in().write(out)).one_line(),
            "22:13:20.250 SIGNED IN corp/alice id.example.com",
        ),
        (
            line(|out| refused_sign_in().write(out)).one_line(),
            "22:13:20.250 SIGN IN REFUSED corp/anonymous id.example.com  the state was used before",
        ),
        (
            line(|out| SignIn { provider: None, ..refused_sign_in() }.write(out)).one_line(),
            "22:13:20.250 SIGN IN REFUSED -/anonymous id.example.com  the state was used before",
        ),
        (
            line(|out| ended_session.write(out)).one_line(),
            "22:13:20.250 SESSION ENDED by administrator corp/alice -",
        ),
        (
            line(|out| Note::Torn.write(out, NOW, "a line was cut off", |_| {})).one_line(),
            "22:13:20.250 TORN a line was cut off",
        ),
    ] {
        assert_eq!(shown, expected);
    }
}

#[test]
fn a_record_cannot_write_on_the_terminal() {
    let decision = Decision { path: "/\u{1b}[2J\u{202e}\n/x", ..allow() };
    let shown = line(|out| ocsf::decision(out, &decision)).one_line();
    assert!(shown.contains(r"/\u{1b}[2J\u{202e}\u{a}/x"), "{shown}");
}

#[test]
fn a_line_of_something_else_is_no_record() {
    for raw in ["", "x", "{}", r#"{"unmapped":{"doorward":{}}}"#, "[1]"] {
        assert_eq!(Line::parse(raw), None, "{raw}");
    }
}
