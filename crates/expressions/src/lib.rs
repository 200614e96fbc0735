//! Expressions that compute what a pointer cannot reach: a strict subset of the Common Expression Language (CEL).
//!
//! What is taken means here what it means in CEL (<https://github.com/google/cel-spec/blob/master/doc/langdef.md>); what
//! is not taken is refused when the expression is read, and not when somebody signs in. An expression sees one variable,
//! `claims`, has no clock, no randomness and no side effects, and its cost is bounded by [`MAX_COST`] whatever it is and
//! whatever it is given, which is why it is evaluated here and not by a library.
//!
//! - Values: `null`, booleans, whole numbers from `i64::MIN` to `u64::MAX`, fractions, texts, lists, and maps by text.
//! - Operators: `?:`, `||`, `&&`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `+`, `-`, `*`, `/`, `%`, `!`, `.`, `[]`, and
//!   literals of texts, numbers, lists and maps.
//! - Macros: `has`, `all`, `exists`, `exists_one`, `filter`, and `map` with two and with three arguments.
//! - Functions: `contains`, `endsWith`, `int`, `matches`, `size`, `startsWith`, `string`; and of the usual extensions
//!   `distinct`, `flatten`, `join`, `lowerAscii`, `replace`, `split`, `trim`, `upperAscii`.
//!
//! Bytes, timestamps, durations, messages and optional values are not taken. A pattern of `matches` is a literal; as in
//! CEL, `\d`, `\s`, `\w` and `\b` know ASCII alone. Classes by Unicode property (`\pL`) are not taken.

mod evaluation;
mod fault;
mod function;
mod lexer;
mod macros;
mod node;
mod parser;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use fault::{EvaluationError, ExpressionError};
pub use value::Value;

/// The longest expression, in bytes.
pub const MAX_BYTES: usize = 4 * 1024;

/// How deep an expression may nest. A chain of `+` nests by one with each.
pub const MAX_DEPTH: usize = 48;

/// What all evaluations for one document may cost together, in steps: one for each part of an expression that is
/// evaluated, each element that is made, compared or gone through, and each 16 bytes of text that are made, compared or
/// searched; and for each byte that a pattern is matched against, one for each KiB that the pattern takes.
pub const MAX_COST: u64 = 250_000;

/// What may still be spent on one document.
#[derive(Debug)]
pub struct Budget(u64);

impl Budget {
    /// All of [`MAX_COST`].
    #[must_use]
    pub const fn full() -> Self {
        Self(MAX_COST)
    }
}

/// An expression that was read.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    root: Arc<node::Node>,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong, and at which character.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        Ok(Self { text: text.into(), root: Arc::new(parser::parse(text)?) })
    }

    /// What it says of `claims`, and takes what that costs from `budget`.
    ///
    /// # Errors
    /// If it cannot be said: a member that is not there, a value of another type, or too much to compute. No part of
    /// `claims` is in the error.
    pub fn evaluate(&self, claims: &Value, budget: &mut Budget) -> Result<Value, EvaluationError> {
        evaluation::evaluate(&self.root, claims, &mut budget.0)
            .map_err(|fault| EvaluationError::new(&self.text, fault))
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

impl std::hash::Hash for Expression {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.text)
    }
}
