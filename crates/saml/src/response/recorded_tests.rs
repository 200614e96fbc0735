//! Answers that real providers and other makers gave, read at the time at which they gave them: what is let in, and why
//! the rest is not. xmlsec1 found every signature in them good whose algorithm it knows.
//!
//! SimpleSAMLphp 1.19.7 and LemonLDAP::NG 2.16.1 with Lasso 2.8.1, of Debian 12; signxml 5.2.0; pysaml2 7.5.5.

use super::*;
use crate::encryption::DecryptionKey;
use crate::instant;
use crate::test_idp::der;

const ACS: &str = "http://127.0.0.1:7000/.doorward/saml/corp/acs";
const OURS: &str = "http://127.0.0.1:7000/.doorward/saml/corp/metadata";

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/data/recorded/{name}", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
}

/// The value of an attribute of the response itself.
fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn said(name: &str, danger_cbc: bool) -> Result<Assertion, ResponseRefusal> {
    let text = file(&format!("{name}.xml"));
    let certificates = ["idp.crt", "idp-new.crt"]
        .map(|name| SignerCertificate::from_der(&der(&file(name))).unwrap());
    let keys = [DecryptionKey::from_pkcs8(&der(&file("sp-enc.key"))).unwrap()];
    let issued = instant::parse(attribute(&text, "IssueInstant").unwrap()).unwrap();
    let issuer =
        text.split_once("Issuer").and_then(|(_, rest)| rest.split_once('>')?.1.split_once('<'));
    let expected = Expectations {
        issuer: issuer.unwrap().0,
        audience: OURS,
        recipient: ACS,
        answers: attribute(&text, "InResponseTo").map_or(Answers::Nothing, Answers::Request),
        certificates: &certificates,
        keys: &keys,
        danger_cbc,
        skew: Duration::from_secs(30),
        max_age: Duration::from_mins(5),
    };
    read_response(text.as_bytes(), &expected, issued.plus(Duration::from_secs(5)))
}

#[test]
fn what_providers_sign_is_let_in() {
    for (name, groups) in [
        ("simplesamlphp-signed-both", 2),
        ("simplesamlphp-signed-response", 2),
        ("simplesamlphp-encrypted-gcm256-both", 2),
        ("simplesamlphp-encrypted-gcm128-both", 2),
        ("simplesamlphp-idp-initiated", 2),
        ("lemonldap-signed", 2),
        ("lemonldap-sha512", 2),
        ("lemonldap-transient-nameid", 2),
        ("lemonldap-no-certificate", 2),
        ("lemonldap-new-key", 2),
        ("signxml-encrypted-gcm256", 2),
        ("signxml-encrypted-gcm256-response", 2),
        ("signxml-encrypted-gcm256-oaep11-sha256", 2),
        ("signxml-encrypted-key-beside", 2),
        ("pysaml2-signed-assertion", 2),
        ("pysaml2-signed-both", 2),
        ("pysaml2-signed-response", 2),
    ] {
        let assertion = said(name, false).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert!(!assertion.name_id.unwrap().value.is_empty(), "{name}");
        let of_groups = assertion.attributes.iter().find(|(name, _)| name.contains("roup"));
        let values = of_groups.map(|(_, values)| values.iter().flatten().count());
        assert_eq!(values, Some(groups), "{name}: {:?}", assertion.attributes);
    }
}

#[test]
fn what_is_not_taken_is_refused_for_its_own_reason() {
    let undecipherable = "the assertion cannot be decrypted: see the provider's settings, and docs/sign-in.md for what is taken";
    let cbc = "the assertion is encrypted with AES-CBC: let the provider use AES-GCM or not encrypt, or see `danger_cbc`, which takes a signature over the response too";
    let algorithm = |uri: &str| format!("the signature names `{uri}`, which is not taken");
    for (name, expected) in [
        ("simplesamlphp-unsigned", "neither the response nor the assertion is signed".to_owned()),
        (
            "simplesamlphp-encrypted-nameid",
            "the name of the subject is encrypted, in a way that is not taken".to_owned(),
        ),
        (
            "simplesamlphp-passive",
            "the provider answers `urn:oasis:names:tc:SAML:2.0:status:NoPassive`".to_owned(),
        ),
        ("simplesamlphp-encrypted-cbc-both", cbc.to_owned()),
        ("simplesamlphp-encrypted-cbc-assertion", cbc.to_owned()),
        ("lemonldap-encrypted", cbc.to_owned()),
        ("lemonldap-sha1", algorithm("http://www.w3.org/2000/09/xmldsig#rsa-sha1")),
        ("signxml-encrypted-rsa15", undecipherable.to_owned()),
        ("signxml-encrypted-gcm128-oaep-digest-sha256", undecipherable.to_owned()),
        ("signxml-encrypted-cbc256", cbc.to_owned()),
        ("signxml-inclusive-c14n", algorithm("http://www.w3.org/TR/2001/REC-xml-c14n-20010315")),
        (
            "signxml-exc-c14n-comments",
            algorithm("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
        ),
        ("signxml-rsa-sha1", algorithm("http://www.w3.org/2000/09/xmldsig#rsa-sha1")),
        ("pysaml2-encrypted-both", undecipherable.to_owned()),
    ] {
        assert_eq!(
            said(name, false).map_err(|refusal| refusal.to_string()),
            Err(expected),
            "{name}"
        );
    }
}

#[test]
fn cbc_is_decrypted_where_it_was_switched_on_and_a_signature_covers_it() {
    for name in [
        "simplesamlphp-encrypted-cbc-both",
        "lemonldap-encrypted",
        "simplesamlphp-encrypted-nameid",
    ] {
        let assertion = said(name, true).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert!(assertion.attributes.len() >= 2, "{name}");
    }
    for name in ["simplesamlphp-encrypted-cbc-assertion", "signxml-encrypted-cbc256"] {
        assert_eq!(said(name, true), Err(ResponseRefusal::Cbc), "{name}");
    }
}
