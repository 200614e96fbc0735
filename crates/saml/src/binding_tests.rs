use aws_lc_rs::rand::SystemRandom;
use miniz_oxide::deflate::compress_to_vec;
use proptest::prelude::*;
use tokens::{Algorithm, SigningKey};

use super::*;
use crate::namespace::SAML;
use crate::test_idp::{certificate, data, der};

#[expect(clippy::disallowed_methods, reason = "a test signs")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

fn rsa() -> SigningKey {
    SigningKey::from_pkcs8(Algorithm::Rs256, &der(&data("rsa2048.key.pem"))).unwrap()
}

fn query(url: &str) -> &str {
    url.split_once('?').unwrap().1
}

#[test]
fn what_was_sent_by_redirect_is_read_as_the_same() {
    let (key, certificates) = (rsa(), [certificate("rsa2048")]);
    let der = der(&data("rsa2048.cert.pem"));
    let signer = Signer { key: &key, certificate: &der };
    let message = "<é a=\"+&/\"/>".repeat(9_000);
    for (signer, signed) in [(None, false), (Some(&signer), true)] {
        for state in [None, Some(""), Some("a b+c&d=é")] {
            for destination in ["https://idp.example/sso", "https://idp.example/sso?tenant=1"] {
                let url =
                    redirect(destination, (Role::Request, &message), state, signer, &random())
                        .unwrap();
                assert!(url.starts_with(destination), "{url}");
                let query = url.strip_prefix(destination).unwrap().split_at(1).1;
                let read = read_redirect(query, &certificates).unwrap();
                assert_eq!(read.message.as_bytes(), message.as_bytes());
                assert_eq!((read.role, read.message.is_signed()), (Role::Request, signed));
                assert_eq!(read.relay_state.as_deref(), state);
            }
        }
    }
}

#[test]
fn what_was_changed_is_not_what_was_signed() {
    let (key, certificates) = (rsa(), [certificate("rsa2048")]);
    let der = der(&data("rsa2048.cert.pem"));
    let signer = Signer { key: &key, certificate: &der };
    let sent = (Role::Response, "<a/>");
    let url =
        redirect("https://idp.example/slo", sent, Some("state"), Some(&signer), &random()).unwrap();
    let query = query(&url);
    let refused = |query: &str| read_redirect(query, &certificates).map(|_| ()).unwrap_err().code();
    assert!(read_redirect(query, &certificates).is_ok());
    assert_eq!(refused(&query.replace("RelayState=state", "RelayState=other")), "signature_forged");
    assert_eq!(refused(&query.replace("&RelayState=state", "")), "signature_forged");
    assert_eq!(
        refused(&query.replace("RelayState=state", "RelayState=%73tate")),
        "signature_forged"
    );
    assert_eq!(refused(&query.replace("SAMLResponse", "SAMLRequest")), "signature_forged");
    assert_eq!(refused(&query.replace("rsa-sha256", "rsa-sha512")), "signature_forged");
    assert_eq!(refused(&query.replace("rsa-sha256", "rsa-sha1")), "signature_algorithm");
    assert_eq!(refused(&query.replace("rsa-sha256", "ecdsa-sha256")), "signature_key_kind");
    assert_eq!(refused(query.split_once("&Signature").unwrap().0), "saml_unreadable");
    assert_eq!(refused(&format!("{query}&RelayState=state")), "saml_unreadable");
    assert_eq!(refused(&format!("{query}&SAMLRequest=x")), "saml_unreadable");
    assert_eq!(refused(&format!("{query}&SAML%52equest=x")), "saml_unreadable");
    assert_eq!(refused(&format!("{query}&SAMLEncoding=urn:x")), "saml_unreadable");
    assert_eq!(
        refused(&query.replacen("%2B", "+", 1).replacen("SAMLResponse=", "SAMLResponse=+", 1)),
        "saml_unreadable"
    );
    assert!(
        read_redirect(&format!("{query}&SAMLEncoding={}", encoded(DEFLATE)), &certificates).is_ok()
    );
    let foreign = [certificate("rsa2048-other")];
    assert_eq!(read_redirect(query, &foreign).unwrap_err().code(), "signature_forged");
    assert!(read_redirect(&format!("{query}&other=1"), &certificates).is_ok());
}

#[test]
fn nothing_is_inflated_beyond_the_limit() {
    let packed = |bytes: usize| {
        let message = encoded(&STANDARD.encode(compress_to_vec(&vec![b' '; bytes], 9)));
        read_redirect(&format!("SAMLRequest={message}"), &[]).map(|read| read.message.xml.len())
    };
    assert_eq!(packed(MAX_BYTES), Ok(MAX_BYTES));
    assert_eq!(packed(MAX_BYTES + 1), Err(BindingRefusal::Inflate));
    assert_eq!(packed(64 * 1024 * 1024), Err(BindingRefusal::Inflate));
    for query in
        ["", "SAMLRequest", "SAMLRequest=%", "SAMLRequest=%zz", "SAMLRequest=!", "SAMLRequest=%FF"]
    {
        assert!(read_redirect(query, &[]).is_err(), "{query}");
    }
    assert_eq!(
        read_redirect("SAMLRequest=AAAA", &[]).unwrap_err().to_string(),
        "the message cannot be inflated to at most 262144 bytes"
    );
    assert_eq!(
        read_post(&"A".repeat(2 * MAX_BYTES + 1)).unwrap_err().to_string(),
        "the message has more than 262144 bytes"
    );
    let read = Message { xml: b"<a></a>".to_vec(), signed: false };
    assert_eq!(read_post("PGE+\r\nPC9h\r\nPg=="), Ok(read));
    assert_eq!(read_post("PGE"), Err(BindingRefusal::Query));
}

/// What we sign by HTTP-POST is what our own reading of signatures takes; others judge it in the live tests.
#[test]
fn a_message_that_is_posted_is_signed_behind_its_issuer() {
    let message = format!(
        "<r ID=\"_1\" xmlns:s=\"{SAML}\"><s:Issuer>us &amp; them</s:Issuer><rest b=\"1\" a=\"2\"/></r>"
    );
    for (algorithm, name) in [(Algorithm::Rs256, "rsa2048"), (Algorithm::Es256, "")] {
        let key = if name.is_empty() {
            SigningKey::generate(algorithm, &random()).unwrap()
        } else {
            rsa()
        };
        let der = der(&data("rsa2048.cert.pem"));
        let signer = Signer { key: &key, certificate: &der };
        let field = post(&message, Some(&signer), &random()).unwrap();
        let text = String::from_utf8(read_post(&field).unwrap().xml).unwrap();
        let document = crate::xml::parse(&text).unwrap();
        let root = crate::xml::Element(document.root_element());
        let signature = root.elements().unwrap()[1];
        let signature = crate::signature::Signature::read(root, signature).unwrap();
        let verified = signature.verify(&[certificate("rsa2048")]);
        assert_eq!(verified.is_ok(), !name.is_empty(), "{text}");
    }
    let key = SigningKey::generate(Algorithm::Ed25519, &random()).unwrap();
    let error =
        post(&message, Some(&Signer { key: &key, certificate: b"" }), &random()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a key for EdDSA signs no SAML messages: take RSA, P-256, P-384 or P-521"
    );
    let error =
        post("<r/>", Some(&Signer { key: &rsa(), certificate: b"" }), &random()).unwrap_err();
    assert_eq!(error.to_string(), "the message cannot be signed");
}

proptest! {
    #[test]
    fn no_query_makes_it_fail(query in "(SAMLRequest|SAMLResponse|RelayState|SigAlg|Signature|[a-z%=&+]|=|&){0,12}[ -~]{0,20}") {
        let _ = read_redirect(&query, &[]);
    }

    #[test]
    fn what_was_encoded_is_decoded_as_the_same(text in ".{0,40}") {
        prop_assert_eq!(decoded(&encoded(&text)), Some(text));
    }
}
