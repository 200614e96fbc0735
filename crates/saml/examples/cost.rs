//! What it costs to read answers and the metadata of a federation: `cargo run --release -p saml --example cost`.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a measurement")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::{Answers, DecryptionKey, Expectations, read_metadata, read_response};
use tokens::{SignerCertificate, Timestamp};

/// How often each answer is read.
const TIMES: u32 = 2_000;
/// How many providers the federation has.
const ENTITIES: usize = 5_000;

fn main() {
    println!("{:<44}{:>10}{:>12}", "answer", "bytes", "µs");
    let (signed, recorded) = (1_793_491_260, 1_795_738_474);
    for (name, key, now) in [
        ("signed/rsa-sha256.assertion.plain", "signed/rsa2048.cert.pem", signed),
        ("signed/rsa-sha256.both.plain", "signed/rsa2048.cert.pem", signed),
        ("signed/ecdsa-p256-sha256.both.plain", "signed/ec-p256.cert.pem", signed),
        ("recorded/lemonldap-signed", "recorded/idp.crt", recorded),
        ("recorded/simplesamlphp-signed-both", "recorded/idp.crt", recorded),
        ("recorded/simplesamlphp-encrypted-gcm256-both", "recorded/idp.crt", recorded),
    ] {
        let text = file(&format!("{name}.xml"));
        let certificates = [SignerCertificate::from_der(&der(key)).unwrap()];
        let keys = [DecryptionKey::from_pkcs8(&der("recorded/sp-enc.key")).unwrap()];
        let expected = Expectations {
            issuer: between(&text, "Issuer>", "</"),
            audience: between(&text, "SPNameQualifier=\"", "\""),
            recipient: between(&text, "Destination=\"", "\""),
            answers: Answers::Request(between(&text, "InResponseTo=\"", "\"")),
            certificates: &certificates,
            keys: &keys,
            danger_cbc: false,
            skew: Duration::from_secs(30),
            max_age: Duration::from_hours(24),
        };
        // What is encrypted does not show for whom it is; it is for the same as the others.
        let expected = if expected.audience.is_empty() {
            Expectations {
                audience: "http://127.0.0.1:7000/.doorward/saml/corp/metadata",
                ..expected
            }
        } else {
            expected
        };
        let read = || read_response(text.as_bytes(), &expected, Timestamp::from_secs(now));
        read().unwrap();
        let began = Instant::now();
        for _ in 0..TIMES {
            let _ = black_box(read());
        }
        let each = began.elapsed() / TIMES;
        println!("{name:<44}{:>10}{:>12}", text.len(), each.as_micros());
    }

    let text = federation();
    let before = resident();
    let began = Instant::now();
    let metadata = read_metadata(text.as_bytes(), None).unwrap();
    let took = began.elapsed();
    println!(
        "\n{} providers in {} MiB of metadata: read in {} ms, {} MiB kept",
        metadata.providers.len(),
        text.len() >> 20,
        took.as_millis(),
        resident().saturating_sub(before) >> 20,
    );
}

/// The metadata of a federation: about 10 KiB for each provider.
fn federation() -> String {
    let certificate = STANDARD.encode(der("signed/rsa2048.cert.pem"));
    let description = "A university, described in a sentence of some length. ".repeat(40);
    let mut text =
        String::from("<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">");
    for number in 0..ENTITIES {
        text.push_str(&format!(
            "<md:EntityDescriptor entityID=\"https://idp{number}.example/saml\"><md:IDPSSODescriptor \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:Extensions>{}</md:Extensions>\
             <md:KeyDescriptor><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
             <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
             <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
             Location=\"https://idp{number}.example/sso\"/></md:IDPSSODescriptor></md:EntityDescriptor>",
            format!("<x:Description xmlns:x=\"urn:x\" xml:lang=\"en\">{description}</x:Description>").repeat(4),
        ));
    }
    text + "</md:EntitiesDescriptor>"
}

fn file(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn der(name: &str) -> Vec<u8> {
    let body: String = file(name).lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).unwrap()
}

fn between<'a>(text: &'a str, before: &str, behind: &str) -> &'a str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split_once(behind).map_or("", |(found, _)| found)
}

/// The memory of this process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}
