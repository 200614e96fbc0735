use super::*;
use crate::test_idp::now;

#[test]
fn a_request_says_what_is_wanted_and_no_more() {
    let contexts = ["urn:example:mfa".to_owned(), "urn:example:\"pin\"".to_owned()];
    let request = AuthnRequest {
        id: "_a",
        issued: now(),
        issuer: "https://sp.example/?a&b",
        destination: "https://idp.example/sso",
        recipient: "https://sp.example/acs",
        name_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
        contexts: &contexts,
        force: true,
    };
    assert_eq!(
        request.to_xml(),
        concat!(
            r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" AssertionConsumerServiceURL="https://sp.example/acs" "#,
            r#"Destination="https://idp.example/sso" ForceAuthn="true" ID="_a" IssueInstant="2026-11-01T00:01:00Z" "#,
            r#"ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Version="2.0">"#,
            r#"<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">https://sp.example/?a&amp;b</saml:Issuer>"#,
            r#"<samlp:NameIDPolicy AllowCreate="true" Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"></samlp:NameIDPolicy>"#,
            r#"<samlp:RequestedAuthnContext Comparison="exact">"#,
            r#"<saml:AuthnContextClassRef xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">urn:example:mfa</saml:AuthnContextClassRef>"#,
            r#"<saml:AuthnContextClassRef xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">urn:example:&quot;pin&quot;</saml:AuthnContextClassRef>"#,
            r#"</samlp:RequestedAuthnContext></samlp:AuthnRequest>"#,
        )
    );
    let plain = AuthnRequest { name_format: None, contexts: &[], force: false, ..request };
    let text = plain.to_xml();
    assert!(
        !text.contains("ForceAuthn") && !text.contains("Format") && !text.contains("Requested"),
        "{text}"
    );
}
