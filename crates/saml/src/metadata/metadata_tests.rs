use super::*;
use crate::test_idp::{Signed, TestIdp, certificate};

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/data/recorded/{name}", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
}

#[test]
fn the_metadata_of_real_providers_are_read() {
    let metadata = read_metadata(file("simplesamlphp-metadata.xml").as_bytes(), None).unwrap();
    let provider = &metadata.providers["http://127.0.0.1:7101/saml2/idp/metadata.php"];
    let place = "http://127.0.0.1:7101/saml2/idp/SSOService.php";
    assert_eq!(provider.sign_in.redirect.as_deref(), Some(place));
    assert!(provider.logout.redirect.as_deref().unwrap().ends_with("SingleLogoutService.php"));
    // A rollover was announced: the next certificate, and the present one.
    assert_eq!((provider.certificates.len(), provider.unusable), (2, 0));

    let metadata = read_metadata(file("lemonldap-metadata.xml").as_bytes(), None).unwrap();
    let provider = &metadata.providers["http://127.0.0.1:7102/saml/metadata"];
    assert!(provider.sign_in.redirect.is_some() && provider.sign_in.post.is_some());
    assert!(provider.logout.redirect.is_some() && provider.logout.post.is_some());
    assert!(provider.logout_answers.redirect.as_deref().unwrap().ends_with("singleLogoutReturn"));
    assert_eq!((provider.certificates.len(), provider.unusable), (1, 0));
}

fn entity(id: &str, more: &str) -> String {
    let der = include_str!("../../tests/data/signed/rsa2048.cert.pem");
    let der: String = der.lines().filter(|line| !line.starts_with("-----")).collect();
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{id}\"{more}>\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:x urn:oasis:names:tc:SAML:2.0:protocol\">\
         <md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
         <ds:X509Certificate>{der}</ds:X509Certificate><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
         <md:KeyDescriptor use=\"encryption\"/>\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://{id}/sso\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

fn entities(content: &str, more: &str) -> String {
    format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\"{more}>{content}</md:EntitiesDescriptor>"
    )
}

#[test]
fn a_federation_is_read_to_its_innermost_group() {
    let other = "<md:EntityDescriptor entityID=\"sp\"><md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"/></md:EntityDescriptor>";
    let inner = entities(&entity("b", ""), " validUntil=\"2026-11-02T00:00:00Z\"");
    let text = entities(
        &format!("<!-- a group -->{}{inner}{other}", entity("a", "")),
        " validUntil=\"2026-11-03T00:00:00Z\"",
    );
    let metadata = read_metadata(text.as_bytes(), None).unwrap();
    let until = |entity: &str| metadata.providers[entity].valid_until.map(crate::instant::written);
    assert_eq!(metadata.providers.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(until("a").as_deref(), Some("2026-11-03T00:00:00Z"));
    assert_eq!(until("b").as_deref(), Some("2026-11-02T00:00:00Z"));
    let provider = &metadata.providers["a"];
    assert_eq!((provider.certificates.len(), provider.unusable), (1, 0));
    assert_eq!(
        provider.sign_in,
        Endpoint { redirect: None, post: Some("https://a/sso".to_owned()) }
    );
}

#[test]
fn what_is_not_the_metadata_of_providers_is_refused() {
    let refused = |text: &str| read_metadata(text.as_bytes(), None).unwrap_err().to_string();
    assert_eq!(refused("<a/>"), "the document is not SAML metadata");
    assert_eq!(refused("<html>"), "the document is not well-formed XML");
    assert_eq!(refused(&entities("", "")), "the metadata holds no identity provider of SAML 2.0");
    let twice = entities(&format!("{}{}", entity("a", ""), entity("a", "")), "");
    assert_eq!(refused(&twice), "the metadata holds no identity provider of SAML 2.0");
    assert_eq!(
        refused(&entity("a", " validUntil=\"soon\"")),
        "`validUntil` is not a moment in UTC"
    );
    let old = entity("a", "").replace("SAML:2.0:protocol", "SAML:1.1:protocol");
    assert_eq!(refused(&old), "the metadata holds no identity provider of SAML 2.0");
}

/// One that is not as it must be takes none of the others along.
#[test]
fn entities_that_nobody_could_use_are_left_out() {
    let bad = [
        entity("", ""),
        entity("b", " validUntil=\"2026-11-01T00:00:00+01:00\""),
        entity("c", "").replace("</md:IDPSSODescriptor>", "text</md:IDPSSODescriptor>"),
        entity("d", ""),
        entity("d", ""),
        entity("d", ""),
    ];
    let text = entities(&format!("{}{}", entity("a", ""), bad.concat()), "");
    let metadata = read_metadata(text.as_bytes(), None).unwrap();
    assert_eq!(metadata.providers.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(metadata.skipped, 6);
}

#[test]
fn keys_without_certificates_and_places_that_are_no_pages_are_not_used() {
    let read = |text: &str| read_metadata(text.as_bytes(), None).unwrap().providers["a"].clone();
    let der = include_str!("../../tests/data/signed/rsa2048-other.cert.pem");
    let other: String = der.lines().filter(|line| !line.starts_with("-----")).collect();
    // A chain: the second is of whoever has signed the first.
    let chain = entity("a", "").replace(">AAAA<", &format!(">{other}<"));
    assert_eq!((read(&chain).certificates.len(), read(&chain).unusable), (1, 0));
    let key = "<md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:KeyValue/></ds:KeyInfo></md:KeyDescriptor>";
    let keys = entity("a", "")
        .replace("<md:SingleSignOnService", &format!("{key}<md:SingleSignOnService"));
    assert_eq!((read(&keys).certificates.len(), read(&keys).unusable), (1, 1));
    for place in ["javascript:alert(1)", "data:text/html,x", "//a/sso", "https://a/sso#x", ""] {
        let text = entity("a", "").replace("https://a/sso", place);
        assert_eq!(read(&text).sign_in, Endpoint::default(), "{place}");
    }
}

#[test]
fn metadata_are_signed_at_their_root_or_not_at_all() {
    let certificates = [certificate("rsa2048")];
    let read = |text: &str| {
        read_metadata(text.as_bytes(), Some(&certificates)).map(|metadata| metadata.providers.len())
    };
    let text = entities(&format!("§response§{}", entity("a", "")), " ID=\"_m\"");
    let signed = TestIdp::new().sign(&text, Signed::Response);
    assert_eq!(read(&signed), Ok(1));
    let refused = |text: &str| read(text).unwrap_err().to_string();
    assert_eq!(refused(&text.replace("§response§", "")), "the metadata is not signed");
    assert_eq!(
        refused(&signed.replace("https://a/sso", "https://evil/sso")),
        "what is signed was changed: the digest differs"
    );
    let moved = entities(&signed, "");
    assert_eq!(refused(&moved), "the metadata is not signed");
    let foreign = [certificate("rsa2048-other")];
    let refusal = read_metadata(signed.as_bytes(), Some(&foreign)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "none of the certificates that count made the signature: it may be of a newer one"
    );
}

#[test]
fn what_we_say_of_ourselves_is_metadata() {
    let der = [1_u8, 2, 3];
    let text = OurMetadata {
        entity_id: "https://id.example/?a&b",
        recipient: "https://id.example/acs",
        logout: "https://id.example/slo",
        signing: &[&der, &der],
        encryption: &[&der],
        name_format: None,
    }
    .to_xml();
    assert!(text.contains("entityID=\"https://id.example/?a&amp;b\""), "{text}");
    assert_eq!(text.matches("use=\"signing\"").count(), 2);
    // No provider, but metadata.
    let refusal = read_metadata(text.as_bytes(), None).unwrap_err();
    assert_eq!(refusal, MetadataRefusal::NoProvider);
}
