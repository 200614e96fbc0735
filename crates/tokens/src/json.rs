//! Strict JSON: what two parsers could read differently is refused, so that a token says one thing to everybody.
//!
//! RFC 8259 with the choices of RFC 7493 (I-JSON) made strict: a member name occurs once per object at any depth, text
//! is UTF-8 without lone surrogates, numbers fit `i64`, `u64` or a finite `f64`, and nothing follows the value. Size,
//! depth and the number of values are bounded by [`Limits`].

mod parser;
mod value;

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;

use thiserror::Error;

pub use value::{Number, Object, Value};

/// Reads one JSON document.
///
/// # Errors
/// What is wrong and the byte offset at which it was seen.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    parser::Parser::parse(bytes, limits)
}

/// How large a document may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest document, in bytes.
    pub bytes: usize,
    /// How deep arrays and objects may nest; `1` allows `{"a":1}` but not `{"a":{}}`. Never more than
    /// [`Limits::MAX_DEPTH`].
    pub depth: usize,
    /// How many values there may be in all: members and elements at every depth.
    pub values: usize,
}

impl Limits {
    /// The deepest nesting any caller can ask for: the parser recurses, and its stack is bounded by this.
    pub const MAX_DEPTH: usize = 64;

    /// For the header and the payload of a token.
    pub const TOKEN: Self = Self { bytes: 16 * 1024, depth: 16, values: 4096 };

    /// For what a provider answers about a person: a hundred organizations with all that is said about each.
    pub const DOCUMENT: Self = Self { bytes: 256 * 1024, depth: 16, values: 16 * 1024 };

    /// For a key set: [`crate::MAX_KEYS`] keys with certificate chains.
    pub const KEY_SET: Self = Self { bytes: 512 * 1024, depth: 16, values: 16 * 1024 };
}

/// Why a document was refused. Offsets count bytes from the start.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JsonError {
    /// A number is beyond what an `f64` can hold.
    #[error("the number at byte {at} is too large to represent")]
    HugeNumber {
        /// Where the number starts.
        at: usize,
    },
    /// A string holds bytes that are not UTF-8.
    #[error("the string at byte {at} is not valid UTF-8")]
    InvalidUtf8 {
        /// Where the string starts.
        at: usize,
    },
    /// An escape names half of a surrogate pair.
    #[error("the escape at byte {at} is a lone surrogate")]
    LoneSurrogate {
        /// Where the escape starts.
        at: usize,
    },
    /// A member name occurs twice in one object.
    #[error("the object that ends at byte {at} has two members of the same name")]
    RepeatedMember {
        /// Just behind the object's `}`.
        at: usize,
    },
    /// Arrays and objects nest too deep.
    #[error("arrays and objects nest more than {limit} deep at byte {at}")]
    TooDeep {
        /// Where the limit was passed.
        at: usize,
        /// The limit.
        limit: usize,
    },
    /// The document is too long.
    #[error("the document has {bytes} bytes, more than {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The document holds too many values.
    #[error("the document has more than {limit} values at byte {at}")]
    TooMany {
        /// Where the limit was passed.
        at: usize,
        /// The limit.
        limit: usize,
    },
    /// Something follows the value.
    #[error("the document goes on at byte {at}, behind its value")]
    Trailing {
        /// Where it goes on.
        at: usize,
    },
    /// The text is not JSON.
    #[error("expected {expected} at byte {at}")]
    Unexpected {
        /// Where something else was found.
        at: usize,
        /// What could have stood there.
        expected: &'static str,
    },
}
