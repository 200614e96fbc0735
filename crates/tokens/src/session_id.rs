//! The name of a session.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SecureRandom;
use thiserror::Error;

/// The name of a session. It is no secret: it may stand in records and logs, and opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// The id with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A new one.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn random(random: &dyn SecureRandom) -> Result<Self, Unspecified> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Its 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

impl FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(text: &str) -> Result<Self, SessionIdError> {
        let digits = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        number.map(|number| Self(number.to_be_bytes())).ok_or(SessionIdError)
    }
}

/// A text is not the name of a session.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("expected a session's id, which has 32 hexadecimal digits")]
pub struct SessionIdError;
