//! JSON Pointer (RFC 6901): where in a token a claim stands.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::json::Value;

#[cfg(test)]
#[path = "pointer_tests.rs"]
mod tests;

/// A path into a JSON document, as in `/realm_access/roles`. A `/` inside a name is written `~1`, a `~` is `~0`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct JsonPointer {
    text: String,
    steps: Vec<String>,
}

impl JsonPointer {
    /// How many steps a pointer may have: no deeper than a token may nest.
    pub const MAX_STEPS: usize = 16;

    /// Reads a pointer. The empty pointer, which means the whole document, is refused: no claim is the whole token.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        let refused = |reason| PointerError { text: text.to_owned(), reason };
        let Some(rest) = text.strip_prefix('/') else {
            return Err(refused("it must start with `/`"));
        };
        let steps: Option<Vec<_>> = rest.split('/').map(unescape).collect();
        let steps = steps.ok_or_else(|| refused("a `~` must be written `~0`, a `/` `~1`"))?;
        if steps.len() > Self::MAX_STEPS {
            return Err(refused("it has more than 16 steps"));
        }
        Ok(Self { text: text.to_owned(), steps })
    }

    /// What the pointer points at in `document`. An element of an array is named by its index, written without
    /// leading zeros.
    #[must_use]
    pub fn apply<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(document, |value, step| match value {
            Value::Array(elements) => elements.get(index(step)?),
            Value::Object(members) => members.get(step),
            _ => None,
        })
    }

    /// The member of the document's top level that the pointer leads through.
    pub(crate) fn first_step(&self) -> &str {
        self.steps.first().map_or("", String::as_str)
    }

    /// The names and indexes on its way.
    pub(crate) fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The pointer as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for JsonPointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        Self::parse(text)
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonPointer({})", self.text)
    }
}

/// A text that is not a JSON Pointer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not a JSON pointer such as `/realm_access/roles`: {reason}")]
pub struct PointerError {
    text: String,
    reason: &'static str,
}

fn unescape(step: &str) -> Option<String> {
    let mut name = String::with_capacity(step.len());
    let mut characters = step.chars();
    while let Some(character) = characters.next() {
        name.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(name)
}

fn index(step: &str) -> Option<usize> {
    let canonical = step == "0" || !step.starts_with(['0', '+']);
    canonical.then(|| step.parse().ok())?
}
