//! What the token was issued for (RFC 6749 §3.3, RFC 8693 §4.2).

use std::collections::BTreeSet;

use crate::json::Value;
use crate::refusal::TokenRefusal;
use crate::registered::{Registered, strings};

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;

/// The scopes of a token, from `scope` or `scp`, in its order. Where both are there they must name the same scopes.
pub(crate) fn scopes(token: Registered<'_>) -> Result<Vec<String>, TokenRefusal> {
    let scope = token.text("scope")?.map(|text| split("scope", text)).transpose()?;
    let scp = token.get("scp").map(|value| listed(token, value)).transpose()?;
    match (scope, scp) {
        (Some(scope), Some(scp)) if set(&scope) != set(&scp) => Err(TokenRefusal::ScopesDiffer),
        (Some(scopes), _) | (None, Some(scopes)) => Ok(scopes),
        (None, None) => Ok(Vec::new()),
    }
}

/// `scp`, which some issuers write as a string and some as an array.
fn listed(token: Registered<'_>, value: &Value) -> Result<Vec<String>, TokenRefusal> {
    let mistyped = || token.mistyped("scp", "a string, or an array of strings");
    if let Some(text) = value.as_str() {
        return split("scp", text);
    }
    let scopes = value.as_array().and_then(strings).ok_or_else(mistyped)?;
    if scopes.iter().all(|scope| is_scope(scope)) { Ok(scopes) } else { Err(form("scp")) }
}

fn split(name: &str, text: &str) -> Result<Vec<String>, TokenRefusal> {
    let scopes = text.split(' ').filter(|scope| !scope.is_empty());
    scopes
        .map(|scope| is_scope(scope).then(|| scope.to_owned()).ok_or_else(|| form(name)))
        .collect()
}

/// RFC 6749 §3.3, scope-token.
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn form(name: &str) -> TokenRefusal {
    TokenRefusal::ClaimForm { name: name.into(), expected: "scopes with spaces between them" }
}

fn set(scopes: &[String]) -> BTreeSet<&String> {
    scopes.iter().collect()
}
