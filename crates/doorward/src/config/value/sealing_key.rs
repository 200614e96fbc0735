use std::fmt;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ledger::OPERATOR_KEY_BYTES;

use super::{Written, written};
use crate::config::decode::Complaint;

/// A key of 32 bytes, written as a reference to them in hexadecimal digits or base64.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::config) struct SealingKey(pub(in crate::config) [u8; OPERATOR_KEY_BYTES]);

written! { SealingKey }

/// With `=` at the end or without.
const PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Base64 in either alphabet (RFC 4648 §4 and §5).
const BASE64: [GeneralPurpose; 2] =
    [GeneralPurpose::new(&STANDARD, PADDING), GeneralPurpose::new(&URL_SAFE, PADDING)];

impl Written for SealingKey {
    const TITLE: &'static str = "secret";
    const EXPECTED: &'static str = "a reference to a key";
    const HELP: &'static str = "write `${file:path}` or `${env:NAME}`";
    const MAY_REFER: bool = true;
    const MUST_REFER: bool = true;
    const PATTERN: Option<&'static str> = Some(r"\$\{(env|file):[^}]+\}");

    fn read(text: &str) -> Result<Self, Complaint> {
        let bytes = if text.len() == 2 * OPERATOR_KEY_BYTES {
            of_digits(text)
        } else {
            BASE64.iter().find_map(|base64| base64.decode(text).ok())
        };
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| {
            Complaint::new("the key is not 32 bytes in hexadecimal digits or base64")
                .help("make one with `openssl rand -hex 32`")
        })
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

fn of_digits(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let digits = text.as_bytes().iter().map(digit).collect::<Option<Vec<_>>>()?;
    let pairs = digits.chunks_exact(2).filter_map(|pair| pair.first().zip(pair.last()));
    Some(pairs.map(|(high, low)| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_in_hexadecimal_digits_or_base64() {
        for text in [
            "fb".repeat(32),
            "FB".repeat(32),
            "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=".to_owned(),
            "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s".to_owned(),
            "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s".to_owned(),
        ] {
            assert_eq!(SealingKey::read(&text).unwrap().0, [0xfb; 32], "{text}");
        }
        for text in
            ["", "fb", &"fb".repeat(31), &"fb".repeat(33), &"+f".repeat(32), "x x", &"/".repeat(42)]
        {
            assert!(SealingKey::read(text).is_err(), "{text}");
        }
    }
}
