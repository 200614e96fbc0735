use std::collections::BTreeMap;

use super::*;
use crate::test_idp::{self, RESPONSE, Signed, TestIdp, certificate, data, expectations, now};

/// What is said of a response in which `from` became `to` before it was signed.
fn said(from: &str, to: &str, signed: Signed) -> Result<Assertion, ResponseRefusal> {
    assert!(RESPONSE.contains(from), "{from}");
    let text = TestIdp::new().sign(&RESPONSE.replacen(from, to, 1), signed);
    let certificates = [certificate("rsa2048")];
    read_response(text.as_bytes(), &expectations(&certificates, &[]), now())
}

/// Why it is refused, whatever is signed, or that it is let in.
fn refused(from: &str, to: &str) -> String {
    let [one, other, third] = [Signed::Assertion, Signed::Response, Signed::Both].map(|signed| {
        let said = said(from, to, signed);
        said.map_or_else(|refusal| refusal.to_string(), |_| "let in".to_owned())
    });
    assert_eq!((&one, &one), (&other, &third), "{from} -> {to}");
    one
}

#[test]
fn an_assertion_is_what_its_provider_says() {
    for signed in [Signed::Assertion, Signed::Response, Signed::Both] {
        let assertion = said("§", "§", signed).unwrap();
        let name = assertion.name_id.unwrap();
        assert_eq!(name.value, "u-7f3a9c");
        assert_eq!(name.format, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");
        assert_eq!(assertion.id, "_assertion-1");
        assert_eq!(assertion.session_index.as_deref(), Some("_session-1"));
        assert!(assertion.context.unwrap().ends_with(":PasswordProtectedTransport"));
        let texts =
            |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
        let attributes = BTreeMap::from([
            ("groups".to_owned(), texts(&["staff", "R&D <core>"])),
            ("urn:oid:0.9.2342.19200300.100.1.3".to_owned(), texts(&["zoë@example.org"])),
        ]);
        assert_eq!(assertion.attributes, attributes);
        assert_eq!(crate::instant::written(assertion.authenticated_at), "2026-10-31T23:58:30Z");
        assert_eq!(
            assertion.session_until.map(crate::instant::written).as_deref(),
            Some("2026-11-01T08:00:00Z")
        );
        assert_eq!(crate::instant::written(assertion.usable_until), "2026-11-01T00:05:30Z");
    }
}

/// Made by signxml, and accepted by xmlsec1 and signxml, but that xmlsec1 1.2 knows no PSS; tests/data/make_signed.py.
#[test]
fn what_others_sign_is_verified() {
    let mut verified = 0;
    for (method, key) in [
        ("rsa-sha256", "rsa2048"),
        ("rsa-sha512", "rsa2048"),
        ("rsa-pss-sha256", "rsa2048"),
        ("ecdsa-p256-sha256", "ec-p256"),
        ("ecdsa-p384-sha384", "ec-p384"),
    ] {
        let certificates = [certificate("rsa2048-other"), certificate(key)];
        for signed in ["assertion", "response", "both"] {
            for style in ["plain", "xs-xsi-saml", "default-ns"] {
                if style != "plain" && method != "rsa-sha256" {
                    continue;
                }
                let name = format!("{method}.{signed}.{style}.xml");
                let text = data(&name);
                let read = read_response(text.as_bytes(), &expectations(&certificates, &[]), now());
                assert_eq!(read.unwrap().name_id.unwrap().value, "u-7f3a9c", "{name}");
                let foreign = expectations(&certificates[..1], &[]);
                let refusal = read_response(text.as_bytes(), &foreign, now()).unwrap_err();
                let other_kind = key != "rsa2048";
                let code = if other_kind { "signature_key_kind" } else { "signature_forged" };
                assert_eq!(refusal.code(), code, "{name}");
                let changed = text.replacen("staff", "admin", 1);
                let expected = expectations(&certificates, &[]);
                let refusal = read_response(changed.as_bytes(), &expected, now()).unwrap_err();
                assert_eq!(refusal.code(), "signature_digest", "{name}");
                verified += 1;
            }
        }
    }
    assert_eq!(verified, 21);
}

#[test]
fn what_nobody_signed_is_refused() {
    let refusal = said("§", "§", Signed::Nothing).unwrap_err();
    assert_eq!(refusal.to_string(), "neither the response nor the assertion is signed");
}

#[test]
fn each_rule_refuses_by_itself() {
    let confirmation = "no subject confirmation is one of the bearer, for this place (Recipient), for this request (InResponseTo) and in time (NotOnOrAfter)";
    let audience =
        "the assertion is not for us: its audience is none, or another than our entity ID";
    let statements = "the statements is not of the form that SAML gives it";
    let assertion = "the assertion is not of the form that SAML gives it";
    let cases: &[(&str, &str, &str)] = &[
        // The response: core §3.2.2, profiles §4.1.4.2, bindings §3.5.5.2.
        (
            "Version=\"2.0\" IssueInstant=\"2026-11-01T00:00:00Z\" Destination",
            "Version=\"1.1\" IssueInstant=\"2026-11-01T00:00:00Z\" Destination",
            "the response is not of SAML 2.0",
        ),
        (
            "IssueInstant=\"2026-11-01T00:00:00Z\" Destination",
            "Destination",
            "`IssueInstant` is not a moment in UTC",
        ),
        (
            "IssueInstant=\"2026-11-01T00:00:00Z\" Destination",
            "IssueInstant=\"2026-11-01T00:00:00\" Destination",
            "`IssueInstant` is not a moment in UTC",
        ),
        (
            "IssueInstant=\"2026-11-01T00:00:00Z\" Destination",
            "IssueInstant=\"2026-10-31T23:55:29Z\" Destination",
            "`IssueInstant` is past, or not yet reached: compare the clocks of both, and see `skew`",
        ),
        (
            "IssueInstant=\"2026-11-01T00:00:00Z\" Destination",
            "IssueInstant=\"2026-11-01T00:01:31Z\" Destination",
            "`IssueInstant` is past, or not yet reached: compare the clocks of both, and see `skew`",
        ),
        (
            "Destination=\"https://sp.example.com/saml/acs\"",
            "Destination=\"https://sp.example.com/saml/acs/\"",
            "the response is not addressed to this place",
        ),
        (
            "Destination=\"https://sp.example.com/saml/acs\"",
            "Destination=\"\"",
            "the response is not addressed to this place",
        ),
        (
            "InResponseTo=\"_b6f1a0c2e4d84a6f9a3e5c7d9b1f2e30\">\n  <saml:Issuer>",
            ">\n  <saml:Issuer>",
            "the response does not answer this request",
        ),
        (
            "InResponseTo=\"_b6f1a0c2e4d84a6f9a3e5c7d9b1f2e30\">\n  <saml:Issuer>",
            "InResponseTo=\"_other\">\n  <saml:Issuer>",
            "the response does not answer this request",
        ),
        (
            "<saml:Issuer>https://idp.example.org/saml/metadata</saml:Issuer>§response§",
            "<saml:Issuer>https://idp.example.org/other</saml:Issuer>§response§",
            "the response is of another issuer",
        ),
        (
            "<saml:Issuer>https://idp.example.org/saml/metadata</saml:Issuer>§response§",
            "<saml:Issuer Format=\"urn:x\">https://idp.example.org/saml/metadata</saml:Issuer>§response§",
            "the response is of another issuer",
        ),
        (
            "<samlp:Status>",
            "<samlp:Other/><samlp:Status>",
            "the response is not of the form that SAML gives it",
        ),
        (
            "<samlp:Status>",
            "text<samlp:Status>",
            "the response is not of the form that SAML gives it",
        ),
        (
            "status:Success",
            "status:Responder",
            "the provider answers `urn:oasis:names:tc:SAML:2.0:status:Responder`",
        ),
        (
            "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>",
            "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:NoPassive\"/></samlp:StatusCode>",
            "the provider answers `urn:oasis:names:tc:SAML:2.0:status:NoPassive`",
        ),
        (
            "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>",
            "",
            "the status is not of the form that SAML gives it",
        ),
        // The assertion: core §2.3.3.
        (
            "ID=\"_assertion-1\" Version=\"2.0\"",
            "ID=\"_assertion-1\" Version=\"2\"",
            "the assertion is not of SAML 2.0",
        ),
        (
            "ID=\"_assertion-1\" Version=\"2.0\" IssueInstant=\"2026-11-01T00:00:00Z\"",
            "ID=\"_assertion-1\" Version=\"2.0\" IssueInstant=\"2026-10-31T23:55:29Z\"",
            "`IssueInstant` is past, or not yet reached: compare the clocks of both, and see `skew`",
        ),
        (
            "<saml:Issuer>https://idp.example.org/saml/metadata</saml:Issuer>§assertion§",
            "<saml:Issuer>https://idp.example.org/other</saml:Issuer>§assertion§",
            "the assertion is of another issuer",
        ),
        ("ID=\"_assertion-1\" Version", "ID=\"_assertion-1\" Other=\"\" Version", assertion),
        ("<saml:AuthnStatement", "<saml:Other/><saml:AuthnStatement", statements),
        // Its subject: core §2.4, profiles §4.1.4.2.
        (
            "SPNameQualifier=\"https://sp.example.com/saml/metadata\"",
            "SPNameQualifier=\"https://sp.example.com/other\"",
            "the name of the subject is empty, too long, or qualified by another than the provider and us",
        ),
        (
            "NameQualifier=\"https://idp.example.org/saml/metadata\"",
            "NameQualifier=\"https://idp.example.org/other\"",
            "the name of the subject is empty, too long, or qualified by another than the provider and us",
        ),
        (
            ">u-7f3a9c<",
            "><",
            "the name of the subject is empty, too long, or qualified by another than the provider and us",
        ),
        (
            ">u-7f3a9c<",
            ">u-7f3a9c&#10;<",
            "the name of the subject is empty, too long, or qualified by another than the provider and us",
        ),
        (
            ">u-7f3a9c<",
            "><saml:x>u-7f3a9c</saml:x><",
            "the name of the subject is empty, too long, or qualified by another than the provider and us",
        ),
        (
            "<saml:SubjectConfirmation ",
            "<saml:EncryptedID/><saml:SubjectConfirmation ",
            "Subject is not of the form that SAML gives it",
        ),
        ("cm:bearer", "cm:holder-of-key", confirmation),
        ("cm:bearer", "cm:sender-vouches", confirmation),
        (
            "<saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-01T00:05:00Z\" ",
            "<saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-01T00:00:30Z\" ",
            confirmation,
        ),
        (
            "<saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-01T00:05:00Z\" ",
            "<saml:SubjectConfirmationData ",
            confirmation,
        ),
        (
            "<saml:SubjectConfirmationData NotOnOrAfter",
            "<saml:SubjectConfirmationData NotBefore=\"2026-11-01T00:00:00Z\" NotOnOrAfter",
            confirmation,
        ),
        (
            "Recipient=\"https://sp.example.com/saml/acs\"",
            "Recipient=\"https://other.example.com/saml/acs\"",
            confirmation,
        ),
        ("Recipient=\"https://sp.example.com/saml/acs\"", "", confirmation),
        (
            "InResponseTo=\"_b6f1a0c2e4d84a6f9a3e5c7d9b1f2e30\"/>",
            "InResponseTo=\"_other\"/>",
            confirmation,
        ),
        ("InResponseTo=\"_b6f1a0c2e4d84a6f9a3e5c7d9b1f2e30\"/>", "/>", confirmation),
        // Its conditions: core §2.5.
        (
            "<saml:Conditions NotBefore=\"2026-10-31T23:59:00Z\"",
            "<saml:Conditions NotBefore=\"2026-11-01T00:01:31Z\"",
            "`NotBefore` is past, or not yet reached: compare the clocks of both, and see `skew`",
        ),
        (
            "NotOnOrAfter=\"2026-11-01T00:05:00Z\">",
            "NotOnOrAfter=\"2026-11-01T00:00:30Z\">",
            "`NotOnOrAfter` is past, or not yet reached: compare the clocks of both, and see `skew`",
        ),
        (
            "NotOnOrAfter=\"2026-11-01T00:05:00Z\">",
            "NotOnOrAfter=\"soon\">",
            "`NotOnOrAfter` is not a moment in UTC",
        ),
        (
            "<saml:Audience>https://sp.example.com/saml/metadata</saml:Audience>",
            "<saml:Audience>https://sp.example.com/other</saml:Audience>",
            audience,
        ),
        ("<saml:Audience>https://sp.example.com/saml/metadata</saml:Audience>", "", audience),
        (
            "<saml:AudienceRestriction><saml:Audience>https://sp.example.com/saml/metadata</saml:Audience></saml:AudienceRestriction>",
            "",
            audience,
        ),
        (
            "</saml:AudienceRestriction>",
            "</saml:AudienceRestriction><saml:AudienceRestriction><saml:Audience>urn:other</saml:Audience></saml:AudienceRestriction>",
            audience,
        ),
        (
            "</saml:AudienceRestriction>",
            "</saml:AudienceRestriction><saml:Condition/>",
            "the assertion has a condition that is not known",
        ),
        (
            "</saml:AudienceRestriction>",
            "</saml:AudienceRestriction><saml:ProxyRestriction Count=\"0\"/>",
            "the assertion must not be passed on (ProxyRestriction)",
        ),
        (
            "</saml:AudienceRestriction>",
            "</saml:AudienceRestriction><saml:ProxyRestriction Count=\"2\"><saml:Audience>urn:x</saml:Audience></saml:ProxyRestriction>",
            "the assertion must not be passed on (ProxyRestriction)",
        ),
        (
            "</saml:AudienceRestriction>",
            "</saml:AudienceRestriction><saml:ProxyRestriction Count=\"many\"/>",
            "ProxyRestriction is not of the form that SAML gives it",
        ),
        // What it says: core §2.7.
        (
            "AuthnInstant=\"2026-10-31T23:58:30Z\"",
            "AuthnInstant=\"2026-11-01T00:01:31Z\"",
            "`AuthnInstant` is past, or not yet reached: compare the clocks of both, and see `skew`",
        ),
        (
            "SessionNotOnOrAfter=\"2026-11-01T08:00:00Z\"",
            "SessionNotOnOrAfter=\"2026-11-01T00:00:30Z\"",
            "`SessionNotOnOrAfter` is past, or not yet reached: compare the clocks of both, and see `skew`",
        ),
        (
            "</saml:AuthnStatement>",
            "</saml:AuthnStatement><saml:AuthnStatement AuthnInstant=\"2026-10-31T23:58:30Z\"><saml:AuthnContext/></saml:AuthnStatement>",
            statements,
        ),
        (
            "Name=\"groups\"",
            "Name=\"\"",
            "AttributeStatement is not of the form that SAML gives it",
        ),
        (
            "<saml:AttributeStatement>",
            "<saml:AttributeStatement><saml:EncryptedAttribute/>",
            "an attribute is encrypted, in a way that is not taken",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(refused(from, to), *expected, "{from} -> {to}");
    }
    assert_eq!(
        refused("<saml:NameID Format", "<saml:EncryptedID/><saml:NameID Format"),
        "the name of the subject is encrypted, in a way that is not taken"
    );
    // The times above are one second beyond what the clocks may differ by; these are at the edge.
    for (from, to) in [
        (
            "IssueInstant=\"2026-11-01T00:00:00Z\" Destination",
            "IssueInstant=\"2026-11-01T00:01:30Z\" Destination",
        ),
        (
            "IssueInstant=\"2026-11-01T00:00:00Z\" Destination",
            "IssueInstant=\"2026-10-31T23:55:31Z\" Destination",
        ),
        (
            "<saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-01T00:05:00Z\" ",
            "<saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-01T00:00:31Z\" ",
        ),
        (
            "<saml:Conditions NotBefore=\"2026-10-31T23:59:00Z\"",
            "<saml:Conditions NotBefore=\"2026-11-01T00:01:30Z\"",
        ),
        ("NotOnOrAfter=\"2026-11-01T00:05:00Z\">", "NotOnOrAfter=\"2026-11-01T00:00:31Z\">"),
        (
            "SessionNotOnOrAfter=\"2026-11-01T08:00:00Z\"",
            "SessionNotOnOrAfter=\"2026-11-01T00:00:31Z\"",
        ),
        (
            "</saml:AudienceRestriction>",
            "</saml:AudienceRestriction><saml:OneTimeUse/><saml:ProxyRestriction Count=\"1\"/>",
        ),
    ] {
        assert_eq!(refused(from, to), "let in", "{from} -> {to}");
    }
}

#[test]
fn one_confirmation_of_several_is_enough() {
    let holder = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:holder-of-key\"/><saml:SubjectConfirmation ";
    assert!(said("<saml:SubjectConfirmation ", holder, Signed::Both).is_ok());
}

#[test]
fn it_is_remembered_for_as_long_as_it_could_be_shown_again() {
    let until = |two: [&str; 2]| {
        let bearer = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData";
        let rest = "Recipient=\"https://sp.example.com/saml/acs\" InResponseTo=\"_b6f1a0c2e4d84a6f9a3e5c7d9b1f2e30\"/></saml:SubjectConfirmation>";
        let two = two.map(|until| format!("{bearer} NotOnOrAfter=\"{until}\" {rest}")).concat();
        let (from, _) = RESPONSE
            .split_once("<saml:SubjectConfirmation ")
            .unwrap()
            .1
            .split_once("</saml:SubjectConfirmation>")
            .unwrap();
        let from = format!("<saml:SubjectConfirmation {from}</saml:SubjectConfirmation>");
        crate::instant::written(said(&from, &two, Signed::Both).unwrap().usable_until)
    };
    let (early, late, far) =
        ("2026-11-01T00:02:00Z", "2026-11-01T00:04:00Z", "2036-11-01T00:00:00Z");
    assert_eq!(until([early, late]), "2026-11-01T00:04:30Z");
    assert_eq!(until([late, early]), "2026-11-01T00:04:30Z");
    // No longer than an answer may be old.
    assert_eq!(until([early, far]), "2026-11-01T00:05:30Z");
}

#[test]
fn a_value_that_is_no_text_is_none() {
    let value = "<saml:AttributeValue xsi:type=\"xs:string\">staff</saml:AttributeValue>";
    let texts = |to: &str| {
        let mut assertion = said(value, to, Signed::Assertion).unwrap();
        assertion.attributes.remove("groups").unwrap()
    };
    let core = || Some("R&D <core>".to_owned());
    assert_eq!(texts(""), [core()]);
    assert_eq!(texts("<saml:AttributeValue/>"), [Some(String::new()), core()]);
    for nil in ["true", "1", " true ", "TRUE", ""] {
        let value = format!("<saml:AttributeValue xsi:nil=\"{nil}\">staff</saml:AttributeValue>");
        assert_eq!(texts(&value), [None, core()], "{nil}");
    }
    let no = "<saml:AttributeValue xsi:nil=\"false\">x</saml:AttributeValue>";
    assert_eq!(texts(no), [Some("x".to_owned()), core()]);
    let structure = "<saml:AttributeValue><saml:NameID>x</saml:NameID></saml:AttributeValue>";
    assert_eq!(texts(structure), [None, core()]);
    let twice = said(
        "</saml:AttributeStatement>",
        "<saml:Attribute Name=\"groups\"><saml:AttributeValue>ops</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>",
        Signed::Both,
    );
    assert_eq!(twice.unwrap().attributes["groups"].len(), 3);
}

#[test]
fn an_answer_to_nothing_claims_to_answer_nothing() {
    let certificates = [certificate("rsa2048")];
    let unsolicited =
        Expectations { answers: Answers::Nothing, ..expectations(&certificates, &[]) };
    let text = TestIdp::new().sign(RESPONSE, Signed::Both);
    let refusal = read_response(text.as_bytes(), &unsolicited, now()).unwrap_err();
    assert_eq!(refusal.to_string(), "the response does not answer this request");
    let plain = RESPONSE.replace(&format!(" InResponseTo=\"{}\"", test_idp::REQUEST), "");
    let text = TestIdp::new().sign(&plain, Signed::Both);
    assert!(read_response(text.as_bytes(), &unsolicited, now()).is_ok());
}

/// One row for each thing that a signature may not be; each is made after signing.
#[test]
fn a_signature_is_of_one_form_alone() {
    let structure =
        |what: &str| format!("the signature is not of the form that SAML allows: {what}");
    let parts = structure("its parts are others, or in another order");
    let transforms = structure("there are other transforms than the two that SAML allows");
    let attribute = structure("a part of it has an attribute that it must not have");
    let whole = structure("it holds more or less than SignedInfo, SignatureValue and KeyInfo");
    let info = structure("SignedInfo holds more or less than two methods and one Reference");
    let algorithm = |uri: &str| format!("the signature names `{uri}`, which is not taken");
    let enveloped =
        "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
    let exclusive = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    let reference = "the signature does not refer to the element that it stands in".to_owned();
    let cases = [
        (
            "xmldsig-more#rsa-sha256",
            "xmldsig#rsa-sha1",
            algorithm("http://www.w3.org/2001/04/xmldsig#rsa-sha1"),
        ),
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
            algorithm("http://www.w3.org/2000/09/xmldsig#hmac-sha1"),
        ),
        (
            "http://www.w3.org/2001/04/xmlenc#sha256",
            "http://www.w3.org/2000/09/xmldsig#sha1",
            algorithm("http://www.w3.org/2000/09/xmldsig#sha1"),
        ),
        (
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#WithComments\"/>",
            algorithm("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
        ),
        (
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>",
            algorithm("http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
        ),
        (
            enveloped,
            "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>true()</ds:XPath></ds:Transform>",
            algorithm("http://www.w3.org/TR/1999/REC-xpath-19991116"),
        ),
        (enveloped, "", transforms.clone()),
        (exclusive, "", transforms.clone()),
        (
            exclusive,
            "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
            transforms,
        ),
        ("URI=\"#_assertion-1\"", "URI=\"\"", reference.clone()),
        ("URI=\"#_assertion-1\"", "", reference.clone()),
        ("URI=\"#_assertion-1\"", "URI=\"#_response-1\"", reference.clone()),
        ("URI=\"#_assertion-1\"", "URI=\"#xpointer(id('_assertion-1'))\"", reference),
        ("URI=\"#_assertion-1\"", "URI=\"#_assertion-1\" Type=\"urn:x\"", attribute.clone()),
        (
            "<ds:SignatureMethod Algorithm",
            "<ds:SignatureMethod xmlns:q=\"urn:q\" q:Algorithm=\"urn:x\" Algorithm",
            attribute,
        ),
        ("</ds:SignedInfo>", "</ds:SignedInfo><ds:SignedInfo/>", whole.clone()),
        ("</ds:SignatureValue>", "</ds:SignatureValue><ds:SignatureValue/>", whole.clone()),
        ("</ds:SignatureValue>", "</ds:SignatureValue><ds:Object/>", whole),
        ("</ds:Reference>", "</ds:Reference><ds:Reference/>", info),
        (
            "<ds:DigestValue>",
            "<ds:Other/><ds:DigestValue>",
            structure("Reference holds more or less than Transforms, DigestMethod and DigestValue"),
        ),
        ("<ds:DigestValue>", "<ds:DigestValue><ds:x/>", structure("a value holds elements")),
        ("<ds:DigestValue>", "<ds:DigestValue>!", structure("a value is not base64")),
        ("<ds:Transforms>", "x<ds:Transforms>", structure("there is text between its parts")),
        (
            "xmlenc#sha256\"/>",
            "xmlenc#sha256\"><ds:x/></ds:DigestMethod>",
            structure("a method has parameters"),
        ),
        ("ds:CanonicalizationMethod", "ds:Other", parts),
        (
            "<ds:DigestValue>",
            "<ds:DigestValue>AAAA",
            "none of the certificates that count made the signature: it may be of a newer one"
                .to_owned(),
        ),
        (
            "<ds:SignatureValue>",
            "<ds:SignatureValue>AAAA",
            "none of the certificates that count made the signature: it may be of a newer one"
                .to_owned(),
        ),
        (">u-7f3a9c<", ">admin<", "what is signed was changed: the digest differs".to_owned()),
        ("ID=\"_response-1\"", "ID=\"_assertion-1\"", "two elements have the same ID".to_owned()),
        (
            "<saml:Audience>",
            "<saml:Audience Id=\"_assertion-1\">",
            "two elements have the same ID".to_owned(),
        ),
        ("<saml:Audience>", "<saml:Audience xml:id=\"x\">", "an ID is in a namespace".to_owned()),
        (
            "<saml:Audience>",
            "<saml:Audience><ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>",
            "a signature stands where none may".to_owned(),
        ),
    ];
    let certificates = [certificate("rsa2048")];
    let text = TestIdp::new().sign(RESPONSE, Signed::Assertion);
    for (from, to, expected) in cases {
        assert!(text.contains(from), "{from}");
        let changed = text.replace(from, to);
        let refusal = read_response(changed.as_bytes(), &expectations(&certificates, &[]), now());
        assert_eq!(refusal.map_err(|refusal| refusal.to_string()), Err(expected), "{from} -> {to}");
    }
}
