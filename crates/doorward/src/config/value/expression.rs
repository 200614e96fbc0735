use super::{Written, written};
use crate::config::decode::Complaint;

/// An expression that computes a value from what a provider says.
#[derive(Clone, Debug)]
pub(in crate::config) struct Expression(pub(in crate::config) expressions::Expression);

written! { Expression }

impl Written for Expression {
    const TITLE: &'static str = "CEL expression";
    const EXPECTED: &'static str = "an expression";
    const HELP: &'static str = "write an expression such as `claims.email.lowerAscii()`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> = None;

    fn read(text: &str) -> Result<Self, Complaint> {
        expressions::Expression::parse(text).map(Self).map_err(|error| {
            Complaint::new(error.to_string()).help("docs/sign-in.md says what expressions may hold")
        })
    }
}
