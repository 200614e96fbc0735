use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// The SHA-256 of a token in 64 hexadecimal digits.
#[derive(Clone, Debug)]
pub(in crate::config) struct TokenDigest(pub(in crate::config) String);

written! { TokenDigest }

impl Written for TokenDigest {
    const TITLE: &'static str = "token digest";
    const EXPECTED: &'static str = "the SHA-256 of a token";
    const HELP: &'static str = "copy `token` from the audit record, in quotes";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> = Some("^[0-9a-f]{64}$");

    fn read(text: &str) -> Result<Self, Complaint> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == 64 && digits {
            return Ok(Self(text.to_owned()));
        }
        let looks_like_a_token = text.starts_with("eyJ");
        Err(match looks_like_a_token {
            true => Complaint::new("expected the SHA-256 of a token, found a token")
                .help("never write a token down; copy `token` from its audit record"),
            false => Complaint::new(format!("`{}` is not the SHA-256 of a token", shortened(text)))
                .help("write 64 digits out of 0-9 and a-f: the `token` of its audit record"),
        })
    }
}
