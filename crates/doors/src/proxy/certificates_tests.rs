use rcgen::{CertifiedKey as Made, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs::default_provider;

use super::*;

fn made(names: &[&str]) -> Made<rcgen::KeyPair> {
    generate_simple_self_signed(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        .unwrap()
}

fn file(name: &str, parts: &[String]) -> PemFile {
    PemFile { name: name.to_owned(), bytes: parts.concat().into_bytes() }
}

#[test]
fn a_chain_finds_its_key_wherever_it_is() {
    let (one, two) = (made(&["one.test"]), made(&["two.test"]));
    let files = [
        file("keys.pem", &[two.signing_key.serialize_pem()]),
        file("one.pem", &[one.cert.pem(), one.signing_key.serialize_pem()]),
        file("two.pem", &[two.cert.pem()]),
    ];
    let pairs = pair(&files, &default_provider()).unwrap();
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["one.pem", "two.pem"]);
    assert!(pairs.iter().all(|(_, pair)| pair.keys_match().is_ok()));
}

#[test]
fn what_does_not_belong_together_is_told_by_its_file() {
    let (one, two) = (made(&["one.test"]), made(&["two.test"]));
    let table = [
        (vec![file("a", &[])], "`a` holds neither a certificate nor a private key"),
        (
            vec![file("a", &[one.cert.pem()])],
            "the private key of the certificate in `a` is missing",
        ),
        (
            vec![file("a", &[one.cert.pem()]), file("b", &[two.signing_key.serialize_pem()])],
            "the private key of the certificate in `a` is missing",
        ),
        (
            vec![file("a", &[one.signing_key.serialize_pem()])],
            "the certificate of the private key in `a` is missing",
        ),
        (
            vec![file(
                "a",
                &["-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".into()],
            )],
            "`a` is not a PEM file: base64 decode error: InvalidCharacter(33)",
        ),
        (
            vec![file(
                "a",
                &["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".into()],
            )],
            "the private key in `a` cannot be used: expected RSA, ECDSA or Ed25519",
        ),
    ];
    for (files, expected) in table {
        let error = pair(&files, &default_provider()).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(expected));
    }
}

#[test]
fn the_certificate_for_a_name_alone_comes_before_that_for_its_siblings() {
    let files: Vec<_> = [vec!["*.wild.test"], vec!["www.wild.test", "Plain.Test"]]
        .iter()
        .map(|names| {
            let made = made(names);
            file(names[0], &[made.cert.pem(), made.signing_key.serialize_pem()])
        })
        .collect();
    let pairs = pair(&files, &default_provider()).unwrap();
    let [wild, www] = [0, 1].map(|index: usize| Arc::clone(&pairs[index].1));
    let by_name = ByName::new(pairs).unwrap();
    let shown = |name| by_name.of(name).first().map(Arc::as_ptr);
    for (name, expected) in [
        (Some("www.wild.test"), Some(&www)),
        (Some("WWW.Wild.Test"), Some(&www)),
        (Some("plain.test"), Some(&www)),
        (Some("other.wild.test"), Some(&wild)),
        (Some("a.b.wild.test"), None),
        (Some("wild.test"), None),
        (Some("stranger.test"), None),
        (None, Some(&wild)),
    ] {
        assert_eq!(shown(name), expected.map(Arc::as_ptr), "{name:?}");
    }
}

#[test]
fn a_key_is_never_printed() {
    let made = made(&["one.test"]);
    let file = file("one.pem", &[made.signing_key.serialize_pem()]);
    assert_eq!(format!("{file:?}"), "PemFile(\"one.pem\")");
}
