use std::fmt;

use super::{Written, written};
use crate::config::decode::Complaint;

/// A text that must not be seen: it is written as a reference, never itself.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::config) struct Secret(String);

written! { Secret }

impl Secret {
    /// How long it may be.
    const MAX_BYTES: usize = 4096;

    /// The text itself.
    pub(in crate::config) fn expose(&self) -> &str {
        &self.0
    }
}

impl Written for Secret {
    const TITLE: &'static str = "secret";
    const EXPECTED: &'static str = "a reference to a secret";
    const HELP: &'static str = "write `${file:path}` or `${env:NAME}`";
    const MAY_REFER: bool = true;
    const MUST_REFER: bool = true;
    const PATTERN: Option<&'static str> = Some(r"\$\{(env|file):[^}]+\}");

    fn read(text: &str) -> Result<Self, Complaint> {
        if text.len() > Self::MAX_BYTES || text.chars().any(char::is_control) {
            return Err(Complaint::new("the secret is not usable here")
                .help("a secret has up to 4096 characters in one line"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
