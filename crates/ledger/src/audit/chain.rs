//! The chain: every record holds its number and the SHA-256 of the line before it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json::{decimal, hex};

/// The SHA-256 of a line, without its line feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineHash([u8; 32]);

impl LineHash {
    /// What stands where there is no line before: 64 zeros.
    pub const NONE: Self = Self([0; 32]);

    /// The hash of `line`.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(digest(&SHA256, line).as_ref()) {
            *to = *from;
        }
        Self(hash)
    }
}

impl fmt::Display for LineHash {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for LineHash {
    type Err = NotAHash;

    /// Exactly 64 lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut hash = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != hash.len() || !rest.is_empty() {
            return Err(NotAHash);
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for LineHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LineHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text is not a SHA-256 in lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected 64 lower-case hexadecimal digits")]
pub struct NotAHash;

fn nibble(digit: u8) -> Result<u8, NotAHash> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(NotAHash),
    }
}

/// The last record of a chain: what the next one is linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    /// Its number; the first record of a log has number 1.
    pub(super) seq: u64,
    /// The hash of its line.
    pub(super) hash: LineHash,
}

impl Tip {
    /// Of a log without records.
    pub(super) const START: Self = Self { seq: 0, hash: LineHash::NONE };

    /// Appends the record whose open body (all of it up to the link) is `body` as one line to `out`, and moves on to it.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, body: &[u8]) {
        let start = out.len();
        self.seq += 1;
        out.extend_from_slice(body);
        out.extend_from_slice(SEQ);
        decimal(out, self.seq);
        out.extend_from_slice(PREV);
        hex(out, &self.hash.0);
        out.extend_from_slice(END);
        self.hash = LineHash::of(out.get(start..).unwrap_or_default());
        out.push(b'\n');
    }
}

/// Between an open body and its number.
const SEQ: &[u8] = b",\"seq\":";
/// Between the number and the hash of the line before.
const PREV: &[u8] = b",\"prev\":\"";
/// Closes the hash and the three objects.
const END: &[u8] = b"\"}}}";

/// What a line says of its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Its number.
    pub(super) seq: u64,
    /// The hash of the line before it.
    pub(super) prev: LineHash,
}

impl Link {
    /// Reads the link at the end of `line`; `None` unless it is written exactly as [`Tip::append`] writes it.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        let rest = line.strip_suffix(END)?;
        let (rest, prev) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
        let prev = std::str::from_utf8(prev).ok()?.parse().ok()?;
        let rest = rest.strip_suffix(PREV)?;
        let digits = rest.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (rest, seq) = rest.split_at_checked(rest.len() - digits)?;
        if !rest.ends_with(SEQ) || (seq.first() == Some(&b'0')) {
            return None;
        }
        Some(Self { seq: std::str::from_utf8(seq).ok()?.parse().ok()?, prev })
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
