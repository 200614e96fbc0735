use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::response::{ResponseRefusal, read_response};
use crate::test_idp::{RESPONSE, Signed, TestIdp, certificate, data, der, expectations, now};

const KEY: [u8; 32] = [7; 32];

fn ours() -> DecryptionKey {
    DecryptionKey::from_pkcs8(&der(&data("sp-enc.key.pem"))).unwrap()
}

/// The content's key, wrapped for the private key in a file.
fn wrapped(name: &str, method: &str) -> String {
    let private = aws_lc_rs::rsa::PrivateDecryptingKey::from_pkcs8(&der(&data(name))).unwrap();
    let key = OaepPublicEncryptingKey::new(private.public_key()).unwrap();
    let mut value = vec![0; key.ciphertext_size()];
    key.encrypt(&OAEP_SHA1_MGF1SHA1, &KEY, &mut value, None).unwrap();
    format!(
        "<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"{method}\"/><xenc:CipherData><xenc:CipherValue>{}\
         </xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>",
        STANDARD.encode(value)
    )
}

const OAEP: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";

/// `plain`, encrypted, with these wrapped keys.
fn encrypted(plain: &str, keys: &str) -> String {
    let key = LessSafeKey::new(UnboundKey::new(&aead::AES_256_GCM, &KEY).unwrap());
    let mut sealed = plain.as_bytes().to_vec();
    let nonce = Nonce::assume_unique_for_key([1; NONCE]);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).unwrap();
    let value = STANDARD.encode([&[1; NONCE], sealed.as_slice()].concat());
    format!(
        "<saml:EncryptedAssertion><xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\">\
         <xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/>\
         <ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{keys}</ds:KeyInfo>\
         <xenc:CipherData><xenc:CipherValue>{value}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>"
    )
}

/// The assertion of the response, signed within or not; it leans on a prefix that the response declares.
fn assertion(signed: bool) -> String {
    let signed = if signed { Signed::Assertion } else { Signed::Nothing };
    let text = TestIdp::new().sign(RESPONSE, signed);
    let (_, rest) = text.split_once("<saml:Assertion ").unwrap();
    let (inner, _) = rest.split_once("</saml:Assertion>").unwrap();
    format!("<saml:Assertion {inner}</saml:Assertion>")
}

/// The same, declaring what it uses.
fn alone(signed: bool) -> String {
    let declared = "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ";
    assertion(signed).replacen("<saml:Assertion ", declared, 1)
}

/// What is said of a response that holds this in place of its assertion.
fn said(content: &str, signed: Signed) -> Result<String, ResponseRefusal> {
    let (before, rest) = RESPONSE.split_once("<saml:Assertion ").unwrap();
    let (_, behind) = rest.split_once("</saml:Assertion>").unwrap();
    let text = TestIdp::new().sign(&format!("{before}{content}{behind}"), signed);
    let (certificates, keys) = ([certificate("rsa2048")], [ours()]);
    let read = read_response(text.as_bytes(), &expectations(&certificates, &keys), now());
    read.map(|assertion| assertion.name_id.unwrap().value)
}

#[test]
fn what_is_decrypted_is_believed_by_a_signature_within_or_around() {
    let keys = wrapped("sp-enc.key.pem", OAEP);
    let say = |plain: &str, signed| said(&encrypted(plain, &keys), signed);
    let alice = Ok("u-7f3a9c".to_owned());
    assert_eq!(say(&assertion(true), Signed::Nothing), alice);
    assert_eq!(say(&alone(true), Signed::Nothing), alice);
    assert_eq!(say(&alone(true), Signed::Response), alice);
    assert_eq!(say(&alone(false), Signed::Response), alice);
    assert_eq!(say(&alone(false), Signed::Nothing), Err(ResponseRefusal::Unsigned));
    // A signature around it says nothing of prefixes that are declared outside of what is encrypted.
    assert_eq!(say(&assertion(false), Signed::Response), Err(ResponseRefusal::Undecipherable));
    let forged = alone(true).replace("u-7f3a9c", "admin");
    assert_eq!(say(&forged, Signed::Nothing).unwrap_err().code(), "signature_digest");
    assert_eq!(say(&forged, Signed::Response).unwrap_err().code(), "signature_digest");
}

#[test]
fn what_is_decrypted_is_one_assertion_and_nothing_beside_it() {
    let keys = wrapped("sp-enc.key.pem", OAEP);
    let one = alone(true);
    for plain in [
        String::new(),
        "text".to_owned(),
        format!("{one}{one}"),
        format!("{one} text"),
        format!("</decrypted>{one}<decrypted>"),
        format!("{one}</decrypted><decrypted>"),
        format!("<?xml version=\"1.0\"?>{one}"),
        format!("<!DOCTYPE x>{one}"),
        format!("{one}<!-- -->"),
        format!("<x>{one}</x>"),
        one.replacen(
            "<saml:Subject>",
            &format!("<saml:Advice>{one}</saml:Advice><saml:Subject>"),
            1,
        ),
        one.replace("saml:Assertion", "saml:Other"),
        encrypted(&one, &keys),
    ] {
        for signed in [Signed::Nothing, Signed::Response] {
            let refusal = said(&encrypted(&plain, &keys), signed).unwrap_err();
            assert_eq!(refusal, ResponseRefusal::Undecipherable, "{plain}");
        }
    }
}

#[test]
fn an_encrypted_name_is_believed_where_a_signature_covers_it() {
    let keys = wrapped("sp-enc.key.pem", OAEP);
    let (before, rest) = RESPONSE.split_once("<saml:NameID").unwrap();
    let (inner, behind) = rest.split_once("</saml:NameID>").unwrap();
    let name = format!(
        "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"{inner}</saml:NameID>"
    );
    let hidden = |plain: &str| {
        encrypted(plain, &keys).replace("saml:EncryptedAssertion", "saml:EncryptedID")
    };
    let say = |plain: &str, signed| {
        let text = TestIdp::new().sign(&format!("{before}{}{behind}", hidden(plain)), signed);
        let (certificates, keys) = ([certificate("rsa2048")], [ours()]);
        let read = read_response(text.as_bytes(), &expectations(&certificates, &keys), now());
        read.map(|assertion| assertion.name_id.unwrap().value).map_err(|refusal| refusal.code())
    };
    for signed in [Signed::Assertion, Signed::Response] {
        assert_eq!(say(&name, signed), Ok("u-7f3a9c".to_owned()));
    }
    assert_eq!(say(&name, Signed::Nothing), Err("saml_unsigned"));
    let of_others = name.replace("sp.example.com", "other.example");
    for plain in [&*format!("{name}{name}"), "", "alice", "<x/>", &of_others] {
        assert_eq!(say(plain, Signed::Assertion), Err("saml_encrypted"), "{plain}");
    }

    let request = format!(
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_1\" Version=\"2.0\" IssueInstant=\"{}\" Destination=\"https://sp.example.com/slo\"><saml:Issuer>https://idp.example.org/saml/metadata</saml:Issuer>{}</samlp:LogoutRequest>",
        crate::instant::written(now()),
        hidden(&name),
    );
    let message = crate::Message { xml: request.into_bytes(), signed: true };
    let read = |keys: &[DecryptionKey]| {
        let expected = crate::LogoutExpectations {
            issuer: "https://idp.example.org/saml/metadata",
            audience: "https://sp.example.com/saml/metadata",
            recipient: "https://sp.example.com/slo",
            certificates: &[],
            keys,
            danger_cbc: false,
            skew: std::time::Duration::from_secs(30),
            max_age: std::time::Duration::from_mins(5),
        };
        crate::read_logout_request(&message, &expected, now())
    };
    assert_eq!(read(&[ours()]).unwrap().name_id, "u-7f3a9c");
    assert_eq!(read(&[]), Err(crate::LogoutRefusal::Undecipherable));
}

#[test]
fn the_key_is_found_among_those_of_others() {
    let (ours, theirs) = (wrapped("sp-enc.key.pem", OAEP), wrapped("rsa2048.key.pem", OAEP));
    let other = wrapped("rsa2048.key.pem", "http://www.w3.org/2001/04/xmlenc#rsa-1_5");
    let say = |keys: &str| said(&encrypted(&alone(true), keys), Signed::Nothing);
    assert!(say(&format!("{theirs}{ours}")).is_ok());
    assert!(say(&format!("{other}{ours}{theirs}")).is_ok());
    assert!(say(&format!("{}{ours}", other.repeat(3))).is_ok());
    for keys in [String::new(), theirs.clone(), other, format!("{}{ours}", theirs.repeat(2))] {
        assert_eq!(say(&keys), Err(ResponseRefusal::Undecipherable));
    }
    let sha1_mismatch = ours.replace("\"/><xenc:CipherData>", "\"><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/></xenc:EncryptionMethod><xenc:CipherData>");
    assert_eq!(say(&sha1_mismatch), Err(ResponseRefusal::Undecipherable));
}

#[test]
fn a_key_of_ours_is_rsa_of_2048_bits_at_least() {
    assert!(format!("{:?}", ours()).ends_with("(2048 bits)"));
    let error = DecryptionKey::from_pkcs8(b"x").unwrap_err();
    assert_eq!(error.to_string(), "expected an RSA key of at least 2048 bits in PKCS #8");
}
