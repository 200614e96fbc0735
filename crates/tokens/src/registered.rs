//! Registered claims, read by name: each is of its type or the token is refused.

use std::sync::Arc;

use crate::json::{Number, Object, Value};
use crate::limits::{MAX_IDENTIFIER_BYTES, MAX_NUMERIC_DATE};
use crate::refusal::TokenRefusal;
use crate::time::Timestamp;

/// The claims of a token, or of an object within one.
#[derive(Clone, Copy)]
pub(crate) struct Registered<'a> {
    claims: &'a Object,
    /// Where the object stands, for messages: empty, or such as `act/`.
    place: &'a str,
}

impl<'a> Registered<'a> {
    pub(crate) fn of(claims: &'a Object) -> Self {
        Self { claims, place: "" }
    }

    pub(crate) fn within(claims: &'a Object, place: &'a str) -> Self {
        Self { claims, place }
    }

    /// The claim, if it is there; `null` is there.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.claims.get(name)
    }

    /// A claim that must be there.
    pub(crate) fn required<T>(&self, name: &str, claim: Option<T>) -> Result<T, TokenRefusal> {
        claim.ok_or_else(|| TokenRefusal::MissingClaim { name: self.name(name) })
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, TokenRefusal> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| self.mistyped(name, "a string"));
        self.get(name).map(text).transpose()
    }

    /// Text that names something: not empty, of at most [`MAX_IDENTIFIER_BYTES`], without control characters.
    pub(crate) fn identifier(&self, name: &str) -> Result<Option<String>, TokenRefusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        identifier(text, || self.name(name)).map(Some)
    }

    /// An array of strings.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, TokenRefusal> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let texts = value.as_array().and_then(strings);
        texts.ok_or_else(|| self.mistyped(name, "an array of strings"))
    }

    /// `aud`, one string or several (RFC 7519 §4.1.3); empty if it is absent.
    pub(crate) fn audiences(&self) -> Result<Vec<String>, TokenRefusal> {
        let mistyped = || self.mistyped("aud", "a string, or an array of strings, none empty");
        let audiences = match self.get("aud") {
            None => return Ok(Vec::new()),
            Some(Value::String(audience)) => Some(vec![audience.clone()]),
            Some(Value::Array(audiences)) => strings(audiences),
            Some(_) => None,
        };
        let sound = |all: &Vec<String>| !all.is_empty() && all.iter().all(|one| !one.is_empty());
        audiences.filter(sound).ok_or_else(mistyped)
    }

    /// A NumericDate (RFC 7519 §2), fractions rounded down to the millisecond.
    pub(crate) fn date(&self, name: &str) -> Result<Option<Timestamp>, TokenRefusal> {
        let mistyped = || self.mistyped(name, "a date: seconds since 1970, up to the year 9999");
        let date = |value: &Value| numeric_date(value).ok_or_else(mistyped);
        self.get(name).map(date).transpose()
    }

    pub(crate) fn mistyped(&self, name: &str, expected: &'static str) -> TokenRefusal {
        TokenRefusal::MistypedClaim { name: self.name(name), expected }
    }

    fn name(&self, name: &str) -> Arc<str> {
        format!("{}{name}", self.place).into()
    }
}

/// Text that names something: not empty, of at most [`MAX_IDENTIFIER_BYTES`], without control characters.
pub(crate) fn identifier(
    text: &str,
    name: impl FnOnce() -> Arc<str>,
) -> Result<String, TokenRefusal> {
    if text.is_empty() || text.contains(char::is_control) {
        let expected = "a name: not empty, without control characters";
        return Err(TokenRefusal::ClaimForm { name: name(), expected });
    }
    if text.len() > MAX_IDENTIFIER_BYTES {
        return Err(TokenRefusal::LongClaim { name: name(), limit: MAX_IDENTIFIER_BYTES });
    }
    Ok(text.to_owned())
}

/// All elements as text, if all of them are.
pub(crate) fn strings(elements: &[Value]) -> Option<Vec<String>> {
    elements.iter().map(|element| element.as_str().map(str::to_owned)).collect()
}

fn numeric_date(value: &Value) -> Option<Timestamp> {
    match *value {
        Value::Number(Number::Integer(seconds)) => {
            let seconds = u64::try_from(seconds).ok()?;
            (seconds <= MAX_NUMERIC_DATE).then(|| Timestamp::from_secs(seconds))
        }
        Value::Number(Number::Float(seconds)) => {
            // INVARIANT: within these bounds the product fits a `u64` many times over.
            let sane = (0.0..=MAX_NUMERIC_DATE as f64).contains(&seconds);
            sane.then(|| Timestamp::from_millis((seconds * 1000.0) as u64))
        }
        _ => None,
    }
}
