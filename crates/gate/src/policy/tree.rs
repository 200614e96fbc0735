//! Policies as Cedar writes them in JSON: what is asked of an expression by all who look for what policies read.

use serde_json::Value;

/// Whether this is the variable of this name: `principal`, `context`.
pub(crate) fn is_variable(expression: &Value, name: &str) -> bool {
    expression.get("Var").and_then(Value::as_str) == Some(name)
}

/// Whether this is `variable.attribute`.
pub(crate) fn is_attribute(expression: &Value, variable: &str, attribute: &str) -> bool {
    expression.get(".").is_some_and(|access| {
        access.get("left").is_some_and(|left| is_variable(left, variable))
            && access.get("attr").and_then(Value::as_str) == Some(attribute)
    })
}
