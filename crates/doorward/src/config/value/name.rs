use std::borrow::Borrow;
use std::fmt;

use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// A name that this configuration gives to something: an issuer, a service, a route, a claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::config) struct Name(String);

written! { Name }

impl Name {
    /// How long a name may be.
    const MAX_BYTES: usize = 63;

    pub(in crate::config) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Written for Name {
    const TITLE: &'static str = "name";
    const EXPECTED: &'static str = "a name";
    const HELP: &'static str = "write a name such as `orders`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> = Some("^[a-z0-9][a-z0-9._-]{0,62}$");

    fn read(text: &str) -> Result<Self, Complaint> {
        let begins = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
        let goes_on = |byte: u8| begins(byte) || matches!(byte, b'.' | b'_' | b'-');
        let first = text.bytes().next().is_some_and(begins);
        if first && text.bytes().all(goes_on) && text.len() <= Self::MAX_BYTES {
            return Ok(Self(text.to_owned()));
        }
        Err(Complaint::new(format!("`{}` is not a name", shortened(text)))
            .help("write 1 to 63 of `a-z`, `0-9`, `.`, `_` and `-`, the first a letter or a digit"))
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
