//! Claims that rules read: declared with a type, and with what their absence means.

use std::sync::Arc;

use crate::pointer::JsonPointer;

/// A claim as the configuration declares it. A token in which it is of another type is refused, whatever
/// [`ClaimSpec::absent`] says: a rule must not be dodged by `"true"` in place of `true`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimSpec {
    /// What rules call it.
    pub name: Arc<str>,
    /// Where it stands in a token.
    pub from: JsonPointer,
    /// What it is.
    pub kind: ClaimKind,
    /// What it means when it is not there.
    pub absent: Absence,
}

/// The type of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClaimKind {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits, written without fraction and exponent.
    Long,
    /// Text.
    String,
    /// A list of texts; one text stands for a list of one.
    Strings,
}

impl ClaimKind {
    /// What is expected, in messages.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::Bool => "a boolean",
            Self::Long => "a whole number of 64 bits",
            Self::String => "a string",
            Self::Strings => "an array of strings, or a string",
        }
    }
}

/// What it means that a claim is not there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// The claim is as if it were this. The kinds must agree.
    Default(ClaimValue),
    /// The claim is not among the facts.
    Ignore,
    /// The token is refused.
    Required,
}

/// The value of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClaimValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Long(i64),
    /// Text.
    String(String),
    /// A list of texts, in the order of the token.
    Strings(Vec<String>),
}

impl ClaimValue {
    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> ClaimKind {
        match self {
            Self::Bool(_) => ClaimKind::Bool,
            Self::Long(_) => ClaimKind::Long,
            Self::String(_) => ClaimKind::String,
            Self::Strings(_) => ClaimKind::Strings,
        }
    }
}
