//! A provider for tests: responses with anything in them, signed after that.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokens::{SignerCertificate, Timestamp};

use crate::c14n::canonical;
use crate::encryption::DecryptionKey;
use crate::instant;
use crate::namespace::DS;
use crate::response::{Answers, Expectations};
use crate::xml::{Element, parse};

pub(crate) const ISSUER: &str = "https://idp.example.org/saml/metadata";
pub(crate) const AUDIENCE: &str = "https://sp.example.com/saml/metadata";
pub(crate) const RECIPIENT: &str = "https://sp.example.com/saml/acs";
pub(crate) const REQUEST: &str = "_b6f1a0c2e4d84a6f9a3e5c7d9b1f2e30";

/// What the provider signs of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Assertion,
    Both,
    Nothing,
    Response,
}

/// A response, with a mark where a signature may stand.
pub(crate) const RESPONSE: &str = include_str!("../tests/data/response.xml");

pub(crate) fn now() -> Timestamp {
    instant::parse("2026-11-01T00:01:00Z").unwrap()
}

pub(crate) fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).unwrap()
}

pub(crate) fn data(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/data/signed/{name}", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
}

pub(crate) fn certificate(name: &str) -> SignerCertificate {
    SignerCertificate::from_der(&der(&data(&format!("{name}.cert.pem")))).unwrap()
}

pub(crate) fn expectations<'a>(
    certificates: &'a [SignerCertificate],
    keys: &'a [DecryptionKey],
) -> Expectations<'a> {
    Expectations {
        issuer: ISSUER,
        audience: AUDIENCE,
        recipient: RECIPIENT,
        answers: Answers::Request(REQUEST),
        certificates,
        keys,
        danger_cbc: false,
        skew: std::time::Duration::from_secs(30),
        max_age: std::time::Duration::from_mins(5),
    }
}

pub(crate) struct TestIdp {
    key: RsaKeyPair,
}

impl TestIdp {
    pub(crate) fn new() -> Self {
        Self { key: RsaKeyPair::from_pkcs8(&der(&data("rsa2048.key.pem"))).unwrap() }
    }

    /// Signs what is to be signed of `document`, and takes the marks out of it.
    pub(crate) fn sign(&self, document: &str, signed: Signed) -> String {
        let mut text = document.to_owned();
        for (mark, wanted) in [
            ("§assertion§", [Signed::Assertion, Signed::Both].contains(&signed)),
            ("§response§", [Signed::Response, Signed::Both].contains(&signed)),
        ] {
            text = if wanted { self.signed(&text, mark) } else { text.replace(mark, "") };
        }
        text
    }

    fn signed(&self, document: &str, mark: &str) -> String {
        // The element that the mark stands in, without any mark.
        let marked = parse(document).unwrap();
        let holder = marked
            .descendants()
            .filter(|node| node.is_text())
            .find(|node| node.text().unwrap().contains(mark));
        let id = holder.unwrap().parent().unwrap().attribute("ID").unwrap().to_owned();
        let plain = document.replace(mark, "");
        let parsed = parse(&plain).unwrap();
        let of = parsed.descendants().find(|node| node.attribute("ID") == Some(&id)).unwrap();
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &canonical(of, None, &[]));
        let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
        let signature = format!(
            "<ds:Signature xmlns:ds=\"{DS}\"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"{exclusive}\"/>\
             <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>\
             <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{DS}enveloped-signature\"/>\
             <ds:Transform Algorithm=\"{exclusive}\"/></ds:Transforms>\
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>\
             <ds:DigestValue>{}</ds:DigestValue></ds:Reference></ds:SignedInfo>\
             <ds:SignatureValue>§value§</ds:SignatureValue></ds:Signature>",
            STANDARD.encode(digest)
        );
        let text = document.replace(mark, &signature);
        let parsed = parse(&text).unwrap();
        let infos =
            Element(parsed.root_element()).all().filter(|element| element.is(DS, "SignedInfo"));
        let of_this = |info: &Element<'_>| {
            info.0.parent().unwrap().parent().unwrap().attribute("ID") == Some(&id)
        };
        let info = infos.into_iter().find(of_this).unwrap();
        text.replace("§value§", &self.value(&canonical(info.0, None, &[])))
    }

    fn value(&self, octets: &[u8]) -> String {
        let mut signature = vec![0; self.key.public_modulus_len()];
        #[expect(clippy::disallowed_methods, reason = "a test signs")]
        let random = SystemRandom::new();
        self.key.sign(&RSA_PKCS1_SHA256, &random, octets, &mut signature).unwrap();
        STANDARD.encode(signature)
    }
}
