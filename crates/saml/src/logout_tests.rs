use std::time::Duration;

use super::*;
use crate::binding::{Role, read_redirect};
use crate::test_idp::der;

const OURS: &str = "http://127.0.0.1:7000/.doorward/saml/corp/slo";

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/data/recorded/{name}", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
}

fn certificates() -> [SignerCertificate; 1] {
    [SignerCertificate::from_der(&der(&file("idp.crt"))).unwrap()]
}

fn expected<'a>(issuer: &'a str, certificates: &'a [SignerCertificate]) -> LogoutExpectations<'a> {
    LogoutExpectations {
        issuer,
        audience: "http://127.0.0.1:7000/.doorward/saml/corp/metadata",
        recipient: OURS,
        certificates,
        keys: &[],
        danger_cbc: false,
        skew: Duration::from_secs(30),
        max_age: Duration::from_mins(5),
    }
}

fn message(text: &str, signed: bool) -> Message {
    Message { xml: text.as_bytes().to_vec(), signed }
}

fn attribute<'a>(text: &'a str, name: &str) -> &'a str {
    text.split_once(&format!(" {name}=\"")).unwrap().1.split_once('"').unwrap().0
}

const PROVIDERS: [(&str, &str); 2] = [
    ("simplesamlphp", "http://127.0.0.1:7101/saml2/idp/metadata.php"),
    ("lemonldap", "http://127.0.0.1:7102/saml/metadata"),
];

#[test]
fn what_providers_sent_is_believed() {
    let certificates = certificates();
    for (provider, issuer) in PROVIDERS {
        for kind in ["request", "response"] {
            let url = file(&format!("{provider}-logout-{kind}.url"));
            let redirected =
                read_redirect(url.trim().split_once('?').unwrap().1, &certificates).unwrap();
            assert!(redirected.message.signed, "{provider}");
            let posted = file(&format!("{provider}-logout-{kind}.xml"));
            for (text, signed) in
                [(String::from_utf8(redirected.message.xml).unwrap(), true), (posted, false)]
            {
                let now = instant::parse(attribute(&text, "IssueInstant")).unwrap();
                let expected = expected(issuer, &certificates);
                if kind == "request" {
                    assert_eq!(redirected.role, Role::Request);
                    let request =
                        read_logout_request(&message(&text, signed), &expected, now).unwrap();
                    assert!(
                        !request.name_id.is_empty() && request.sessions.len() == 1,
                        "{request:?}"
                    );
                } else {
                    assert_eq!(redirected.role, Role::Response);
                    let ours = attribute(&text, "InResponseTo");
                    assert_eq!(
                        read_logout_answer(&message(&text, signed), ours, &expected, now),
                        Ok(())
                    );
                    let other =
                        read_logout_answer(&message(&text, signed), "_other", &expected, now);
                    assert_eq!(other, Err(LogoutRefusal::Request));
                }
            }
        }
    }
}

/// One row for each rule, on a request that its redirect has signed.
#[test]
fn each_rule_refuses_by_itself() {
    let certificates = certificates();
    let (_, issuer) = PROVIDERS[0];
    let url = file("simplesamlphp-logout-request.url");
    let redirected = read_redirect(url.trim().split_once('?').unwrap().1, &certificates).unwrap();
    let text = String::from_utf8(redirected.message.xml).unwrap();
    let now = instant::parse(attribute(&text, "IssueInstant")).unwrap();
    let read = |text: &str, signed: bool, now: Timestamp| {
        read_logout_request(&message(text, signed), &expected(issuer, &certificates), now)
            .map_err(|error| error.to_string())
    };
    assert!(read(&text, true, now).is_ok());
    let structure = "the message is not of the form that SAML gives it";
    let cases = [
        ("samlp:LogoutRequest", "samlp:LogoutResponse", structure),
        ("Version=\"2.0\"", "Version=\"1.1\"", structure),
        ("ID=\"_", "Other=\"_", structure),
        (" IssueInstant=\"2026", " IssueInstant=\"soon 2026", structure),
        ("slo\"", "slo/\"", "the message is not addressed to this place"),
        ("Destination=", "Other=", "the message is not addressed to this place"),
        ("metadata.php</", "other</", "the message is of another issuer"),
        ("<samlp:SessionIndex>", "<samlp:Other/><samlp:SessionIndex>", structure),
        ("<samlp:SessionIndex>", "<samlp:SessionIndex><b/>", structure),
        (
            "saml:NameID",
            "saml:EncryptedID",
            "the name of the subject is encrypted, and not with AES-GCM for a key of ours",
        ),
        ("saml:NameID", "saml:BaseID", structure),
        ("SPNameQualifier=\"http", "SPNameQualifier=\"other", structure),
        (
            "ID=\"_",
            "ID=\"_0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            structure,
        ),
    ];
    for (from, to, expected) in cases {
        assert!(text.contains(from), "{from}");
        assert_eq!(
            read(&text.replace(from, to), true, now),
            Err(expected.to_owned()),
            "{from} -> {to}"
        );
    }
    assert_eq!(
        read(&text, false, now),
        Err("the message about logout is not signed: let the provider sign these too".to_owned())
    );
    let time = Err("the message is too old, or of a time to come".to_owned());
    let seconds = Duration::from_secs;
    assert!(read(&text, true, now.minus(seconds(30))).is_ok());
    assert_eq!(read(&text, true, now.minus(seconds(31))), time);
    assert!(read(&text, true, now.plus(seconds(329))).is_ok());
    assert_eq!(read(&text, true, now.plus(seconds(330))), time);
    let all =
        text.split_once("<samlp:SessionIndex>").unwrap().0.to_owned() + "</samlp:LogoutRequest>";
    assert_eq!(read(&all, true, now).unwrap().sessions, Vec::<String>::new());
}

#[test]
fn what_we_send_is_what_others_would_believe() {
    let certificates = certificates();
    let now = instant::parse("2026-11-01T00:00:00Z").unwrap();
    let expected = LogoutExpectations {
        issuer: "us",
        recipient: "https://idp/slo",
        ..expected("", &certificates)
    };
    let name = NameId::new("<alice>", "urn:f");
    let request = OurLogoutRequest {
        id: "_1",
        issued: now,
        issuer: "us",
        destination: "https://idp/slo",
        audience: "them",
        name: &name,
        session: Some("s&1"),
    };
    let read = read_logout_request(&message(&request.to_xml(), true), &expected, now).unwrap();
    assert_eq!((read.id.as_str(), read.name_id.as_str()), ("_1", "<alice>"));
    assert_eq!(read.sessions, ["s&1"]);
    let qualified = NameId { by_provider: true, for_us: true, ..name.clone() };
    let qualified = OurLogoutRequest { name: &qualified, ..request.clone() }.to_xml();
    let as_it_was = " Format=\"urn:f\" NameQualifier=\"them\" SPNameQualifier=\"us\">";
    assert!(qualified.contains(as_it_was), "{qualified}");
    let none = OurLogoutRequest { session: None, ..request }.to_xml();
    assert!(
        read_logout_request(&message(&none, true), &expected, now).unwrap().sessions.is_empty()
    );
    let answer = |done| OurLogoutAnswer {
        id: "_2",
        request: "_1",
        issued: now,
        issuer: "us",
        destination: "https://idp/slo",
        done,
    };
    assert_eq!(
        read_logout_answer(&message(&answer(true).to_xml(), true), "_1", &expected, now),
        Ok(())
    );
    let declined =
        read_logout_answer(&message(&answer(false).to_xml(), true), "_1", &expected, now)
            .unwrap_err();
    assert_eq!(
        declined.to_string(),
        "the provider answers `urn:oasis:names:tc:SAML:2.0:status:Responder`"
    );
}
