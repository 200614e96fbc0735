//! What can be wrong with an expression, and what can go wrong when it is evaluated.

use thiserror::Error;

use crate::{MAX_BYTES, MAX_COST, MAX_DEPTH};

/// Why a text is not an expression. Characters are counted from 1.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ExpressionError {
    /// It is too long.
    #[error("the expression has {bytes} bytes, more than {MAX_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It nests too deep.
    #[error("the expression nests more than {MAX_DEPTH} deep at character {at}")]
    TooDeep {
        /// Where.
        at: usize,
    },
    /// Something else should stand there.
    #[error("{what} at character {at}")]
    Unexpected {
        /// Where.
        at: usize,
        /// What is wrong.
        what: String,
    },
}

/// Why an expression says nothing of the claims it was given.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{kind} at character {at}")]
pub struct EvaluationError {
    at: usize,
    kind: FaultKind,
}

impl EvaluationError {
    pub(crate) fn new(text: &str, fault: Fault) -> Self {
        Self { at: character(text, fault.at), kind: fault.kind }
    }

    /// Whether something was asked for that is withheld.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.kind == FaultKind::Withheld
    }
}

/// What went wrong, and at which byte of the expression.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) kind: FaultKind,
}

impl Fault {
    /// Whether `||` and `&&` pass it on although the other side decides. CEL lets the other side hide an error; these
    /// two say nothing of the claims.
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(self.kind, FaultKind::Cost | FaultKind::Withheld)
    }
}

/// What went wrong. Nothing of it comes from the claims.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum FaultKind {
    #[error("more than {MAX_COST} steps")]
    Cost,
    #[error("a division by zero")]
    DivisionByZero,
    #[error("no such element")]
    NoElement,
    #[error("no such member")]
    NoMember,
    #[error("a text that is not a whole number")]
    NotANumber,
    #[error("a number out of range")]
    Overflow,
    #[error("two members of the same name")]
    Repeated,
    #[error("expected {expected}, found {found}")]
    Type { expected: &'static str, found: &'static str },
    #[error("a claim that the provider keeps elsewhere")]
    Withheld,
}

/// The character that begins at the byte `at`, counted from 1.
pub(crate) fn character(text: &str, at: usize) -> usize {
    text.char_indices().take_while(|(start, _)| *start < at).count() + 1
}
