//! The JOSE vectors of Project Wycheproof (github.com/C2SP/wycheproof), which are not part of this repository:
//! `cargo xtask wycheproof` fetches them, pinned, and runs this with `WYCHEPROOF_DIR`.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use tokens::{Algorithm, KeyRefusal, KeySet, ParsedKeySet, UnverifiedJws};

#[test]
fn signature_vectors_are_judged_as_wycheproof_judges_them_but_for_the_listed_exceptions() {
    let exceptions = [
        Exception { ids: &[1, 348, 352, 357, 358, 359, 372, 373, 376, 377], why: SHARED_SECRET },
        Exception {
            ids: &[346, 350],
            why: "the key is published for PS256, the header says PS384",
        },
        Exception {
            ids: &[347, 351],
            why: "the key is published for `ES521`, which is no algorithm",
        },
    ];
    run(
        "json_web_signature_test.json",
        &exceptions,
        &Counts { accepted: 32, refused: 355, excepted: 14 },
    );
}

/// A weak or misused key must be left out for what is wrong with it, not by luck.
#[test]
fn bad_keys_are_skipped_for_the_reason_that_makes_them_bad() {
    let vectors = Vectors::read(&directory(), "json_web_key_test.json");
    let mut reasons = BTreeMap::new();
    for group in &vectors.test_groups {
        let skipped = parse(group.keys()).skipped.into_iter();
        let skipped = skipped.filter(|key| key.reason != KeyRefusal::Symmetric);
        let skipped: Vec<_> = skipped.map(|key| key.reason.to_string()).collect();
        if !skipped.is_empty() {
            reasons.extend(group.tests.iter().map(|vector| (vector.tc_id, skipped.join("; "))));
        }
    }
    let names = "expected one of ES256, ES384, ES512, EdDSA, Ed25519, PS256, PS384, PS512, RS256, RS384, RS512";
    let expected = [
        (6, "its `use` is `enc`; expected `sig`".into()),
        (7, KeyRefusal::Roca.to_string()),
        (8, "its RSA modulus has 1024 bits; expected an odd number of 2048 to 8192 bits".into()),
        (9, "its RSA exponent is not an odd number from 3 to 4294967295".into()),
        (19, format!("algorithm `ES521` is not accepted; {names}")),
        (20, format!("algorithm `ES224` is not accepted; {names}")),
        (21, "its `use` is `enc`; expected `sig`".into()),
        (22, "it is not a valid P-256 key".into()),
        (23, "its `x` is not the base64url form of a coordinate, at full length".into()),
        (24, "its `n` is not there".into()),
    ];
    assert_eq!(reasons, BTreeMap::from(expected));
}

#[test]
fn key_vectors_are_judged_as_wycheproof_judges_them_but_for_the_listed_exceptions() {
    let exceptions = [Exception { ids: &[2, 13, 14, 15], why: SHARED_SECRET }];
    run("json_web_key_test.json", &exceptions, &Counts { accepted: 1, refused: 21, excepted: 4 });
}

const SHARED_SECRET: &str = "a shared secret (HS256, HS384, HS512) verifies nothing here";

/// Vectors on which Doorward deliberately disagrees.
struct Exception {
    ids: &'static [u64],
    why: &'static str,
}

/// How many vectors were judged how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    accepted: usize,
    refused: usize,
    excepted: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    number_of_tests: usize,
    test_groups: Vec<Group>,
}

impl Vectors {
    fn read(directory: &Path, file: &str) -> Self {
        let text = std::fs::read(directory.join("testvectors_v1").join(file)).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

#[derive(Deserialize)]
struct Group {
    public: Option<Value>,
    private: Value,
    tests: Vec<Vector>,
}

impl Group {
    /// What the issuer would publish; of a shared secret there is only the private form.
    fn keys(&self) -> &Value {
        self.public.as_ref().unwrap_or(&self.private)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    tc_id: u64,
    comment: String,
    jws: String,
    result: String,
}

fn run(file: &str, exceptions: &[Exception], expected: &Counts) {
    let vectors = Vectors::read(&directory(), file);
    let mut excepted: BTreeMap<u64, &str> =
        exceptions.iter().flat_map(|entry| entry.ids.iter().map(|id| (*id, entry.why))).collect();

    let (mut counts, mut wrong) = (Counts::default(), Vec::new());
    for group in &vectors.test_groups {
        let keys = parse(group.keys()).set;
        for vector in &group.tests {
            let refusal = verify(&vector.jws, &keys).err();
            let agrees = refusal.is_none() == (vector.result == "valid");
            let id = vector.tc_id;
            match (agrees, excepted.remove(&id), &refusal) {
                (true, None, None) => counts.accepted += 1,
                (true, None, Some(_)) => counts.refused += 1,
                (false, Some(_), _) => counts.excepted += 1,
                (true, Some(why), _) => {
                    wrong.push(format!("{id} is no longer an exception: {why}"))
                }
                (false, None, _) => {
                    let Vector { comment, result, .. } = vector;
                    wrong.push(format!("{id} ({comment}) is {result}, but: {refusal:?}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "in {file}");
    assert_eq!(excepted, BTreeMap::new(), "exceptions in {file} that name no vector");
    assert_eq!(&counts, expected, "in {file}");
    assert_eq!(counts.accepted + counts.refused + counts.excepted, vectors.number_of_tests);
    println!("{file}: {counts:?}");
}

fn verify(jws: &str, keys: &KeySet) -> Result<(), tokens::TokenRefusal> {
    UnverifiedJws::parse(jws)?.verify(&Algorithm::ALL, keys).map(|_| ())
}

/// The vectors come with one key, or with a set.
fn parse(published: &Value) -> ParsedKeySet {
    let document = match published.get("keys") {
        Some(_) => published.clone(),
        None => json!({ "keys": [published] }),
    };
    KeySet::parse(document.to_string().as_bytes()).unwrap()
}

/// Where the vectors are.
fn directory() -> PathBuf {
    std::env::var_os("WYCHEPROOF_DIR").expect("run `cargo xtask wycheproof`").into()
}
