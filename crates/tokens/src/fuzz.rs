//! Entry points for fuzzing: bytes of any kind go in; a broken invariant panics.

use std::sync::Arc;

use expressions::Expression;

use crate::algorithm::Algorithm;
use crate::computed::completed;
use crate::json::{self, Limits, Value};
use crate::key_set::{KeySet, ParsedKeySet};
use crate::limits::{MAX_KEYS, MAX_TOKEN_BYTES};
use crate::pointer::JsonPointer;
use crate::profile::{Profile, ProfileOptions, TokenType};
use crate::refusal::TokenRefusal;
use crate::time::Timestamp;
use crate::unverified::UnverifiedToken;

/// Reads bytes as a token. A token that parses names a known algorithm, is within its limits, and is believed by nobody
/// who has no keys, whatever it says.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_token(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(token) = UnverifiedToken::parse(text) else { return };
    assert!(text.len() <= MAX_TOKEN_BYTES, "a token longer than the limit was parsed");
    assert_eq!(token.algorithm().name().parse(), Ok(token.algorithm()), "no way back to `alg`");
    let mut options = ProfileOptions::new("fuzzed", token.claimed_issuer());
    options.algorithms = Algorithm::ALL.to_vec();
    options.token_types = vec![TokenType::AtJwt, TokenType::Jwt];
    let Ok(profile) = Profile::new(options) else { return };
    let refusal = token.verify(&profile, &KeySet::empty(), Timestamp::default()).err();
    let no_key = matches!(
        refusal,
        Some(TokenRefusal::UnknownKey { .. } | TokenRefusal::TypeNotAllowed { .. })
    );
    assert!(no_key, "without a key, a token met {refusal:?}");
}

/// Reads bytes as a key set. Every published key is either used or reported, and reading is repeatable.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_key_set(bytes: &[u8]) {
    let Ok(ParsedKeySet { set, skipped }) = KeySet::parse(bytes) else { return };
    assert!(set.len() + skipped.len() <= MAX_KEYS, "more keys than the limit were parsed");
    assert!(
        set.thumbprints().all(|key| set.contains(&key)),
        "a key is not found by its thumbprint"
    );
    for key in &skipped {
        assert!(!key.reason.to_string().is_empty(), "a key was skipped without a reason");
    }
    let again = KeySet::parse(bytes).map(|again| (again.set.generation(), again.skipped));
    assert_eq!(again, Ok((set.generation(), skipped)), "read twice, the set differs");
}

/// Reads bytes as strict JSON. What parses is JSON to `serde_json` too, and writes itself to a text that parses to the
/// same value and writes itself to the same text.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_json(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes, &Limits::TOKEN) else { return };
    let lenient = serde_json::from_slice::<serde_json::Value>(bytes);
    assert!(lenient.is_ok(), "strict JSON that serde_json refuses: {lenient:?}");
    let canonical = written(&value);
    // A float may be written longer than it was read, past the limit of a token.
    let again = json::parse(canonical.as_bytes(), &Limits::KEY_SET);
    assert_eq!(again.as_ref(), Ok(&value), "written and read again, the value differs");
}

/// Reads bytes as a JSON Pointer. What parses is the pointer it was read from.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_pointer(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(pointer) = JsonPointer::parse(text) else { return };
    assert_eq!(pointer.as_str(), text, "a pointer forgot how it was written");
    assert_eq!(pointer.apply(&Value::Null), None, "a pointer found a member of `null`");
}

/// Reads bytes as an expression and, behind the first line, a provider's document, and computes. What a provider keeps
/// elsewhere is never found to be absent, and nothing computed is larger than a document may be.
///
/// # Panics
/// If an invariant is broken.
pub fn fuzz_expression(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (text, document) = text.split_once('\n').unwrap_or((text, "{}"));
    let Ok(expression) = Expression::parse(text) else { return };
    assert_eq!(expression.as_str(), text, "an expression forgot how it was written");
    let Ok(document) = json::parse(document.as_bytes(), &Limits::DOCUMENT) else { return };
    let Some(document) = document.as_object() else { return };
    let expressions = [(Arc::from("it"), expression)].into();
    let Ok(computed) = completed(document, &expressions) else { return };
    let bytes = written(&Value::Object(computed)).len();
    // A text is written up to six times as long as it is, a name or a number with what stands around it.
    let most = written(&Value::Object(document.clone())).len()
        + 6 * Limits::DOCUMENT.bytes
        + 32 * Limits::DOCUMENT.values;
    assert!(bytes <= most, "what was computed has {bytes} bytes");
}

fn written(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
