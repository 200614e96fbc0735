//! Public keys as those who know no JSON Web Keys want them.

use anyhow::{Context, Result, bail};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::Value;

/// `rsaEncryption` without parameters (RFC 3279 §2.3.1), as an AlgorithmIdentifier.
const RSA: [u8; 15] = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
/// `id-ecPublicKey` on the curve P-256 (RFC 5480 §2.1.1), as an AlgorithmIdentifier.
const P256: [u8; 21] = [
    0x30, 19, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7,
];
/// Tags of DER (X.690 §8).
const INTEGER: u8 = 2;
const BIT_STRING: u8 = 3;
const SEQUENCE: u8 = 0x30;
/// The longest line of PEM (RFC 7468 §2).
const LINE: usize = 64;

/// The first key of a JSON Web Key Set, as a SubjectPublicKeyInfo in PEM.
pub(super) fn pem(keys: &Value) -> Result<String> {
    let key = keys.pointer("/keys/0").context("expected a key")?;
    let part = |name: &str| -> Result<Vec<u8>> {
        let text = key.get(name).and_then(Value::as_str).context("expected a part of the key")?;
        Ok(BASE64_URL_SAFE_NO_PAD.decode(text)?)
    };
    let (algorithm, bits) = match key.get("kty").and_then(Value::as_str) {
        Some("RSA") => {
            let numbers = [integer(part("n")?)?, integer(part("e")?)?].concat();
            (RSA.to_vec(), der(SEQUENCE, &numbers)?)
        }
        Some("EC") => (P256.to_vec(), [vec![4], part("x")?, part("y")?].concat()),
        kind => bail!("expected a key of RSA or P-256, got {kind:?}"),
    };
    let bits = der(BIT_STRING, &[vec![0], bits].concat())?;
    let text = BASE64_STANDARD.encode(der(SEQUENCE, &[algorithm, bits].concat())?);
    let lines: Vec<_> = text.as_bytes().chunks(LINE).map(String::from_utf8_lossy).collect();
    Ok(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")))
}

/// A number that is not negative.
fn integer(mut number: Vec<u8>) -> Result<Vec<u8>> {
    if number.first().is_some_and(|first| *first >= 0x80) {
        number.insert(0, 0);
    }
    der(INTEGER, &number)
}

fn der(tag: u8, content: &[u8]) -> Result<Vec<u8>> {
    let length = u16::try_from(content.len())?.to_be_bytes();
    let mut all = match length {
        [0, short @ ..=0x7f] => vec![tag, short],
        [0, long] => vec![tag, 0x81, long],
        [high, low] => vec![tag, 0x82, high, low],
    };
    all.extend_from_slice(content);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_both_kinds_are_written() {
        let keys = json!({ "keys": [{ "kty": "RSA", "n": "gAE", "e": "AQAB" }] });
        let text = pem(&keys).unwrap();
        let der = BASE64_STANDARD.decode(text.lines().nth(1).unwrap()).unwrap();
        let numbers = [2, 3, 0, 0x80, 1, 2, 3, 1, 0, 1];
        assert_eq!(der[..2], [0x30, 30]);
        assert_eq!(der[2..17], RSA);
        assert_eq!(der[17..], [&[3, 13, 0, 0x30, 10][..], &numbers].concat());

        let half = "A".repeat(43);
        let keys = json!({ "keys": [{ "kty": "EC", "x": half, "y": half }] });
        let text = pem(&keys).unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let der = BASE64_STANDARD.decode(body).unwrap();
        assert_eq!(
            (der.len(), der[..2].to_vec(), der[23..27].to_vec()),
            (91, vec![0x30, 89], vec![3, 66, 0, 4])
        );
    }

    #[test]
    fn a_key_of_another_kind_is_none() {
        let error = pem(&json!({ "keys": [{ "kty": "oct" }] })).unwrap_err();
        assert_eq!(error.to_string(), "expected a key of RSA or P-256, got Some(\"oct\")");
    }
}
