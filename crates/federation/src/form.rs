//! `application/x-www-form-urlencoded`: written in one way, read strictly.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

/// How many parameters an answer may have.
pub(crate) const MAX_PARAMETERS: usize = 32;

/// Everything but the unreserved characters of RFC 3986 §2.3: what is left reads the same in a URL and in a form.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Parameters to send.
#[derive(Default)]
pub(crate) struct Form(String);

impl Form {
    /// Adds a parameter.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(&escaped(name));
        self.0.push('=');
        self.0.push_str(&escaped(value));
    }

    /// The body of a request.
    pub(crate) fn into_body(self) -> String {
        self.0
    }

    /// `url` with these parameters behind those that it has (RFC 6749 §3.1).
    pub(crate) fn behind(&self, url: &str) -> String {
        let between = match url.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{url}{between}{}", self.0)
    }
}

/// `text` with all that has a meaning of its own escaped.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// The parameters of an answer, each of another name.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query without its `?`, or a body.
    pub(crate) fn parse(text: &str) -> Result<Self, FormError> {
        let mut read: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if read.len() == MAX_PARAMETERS {
                return Err(FormError::TooMany);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = unescaped(name).ok_or(FormError::Escape)?;
            let value = unescaped(value).ok_or(FormError::Escape)?;
            if read.iter().any(|(known, _)| *known == name) {
                return Err(FormError::Repeated);
            }
            read.push((name, value));
        }
        Ok(Self(read))
    }

    /// Takes a parameter out.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// Why a text is not parameters.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum FormError {
    /// An escape is not one, or what it stands for is not UTF-8.
    #[error("an escape is not `%` with two hexadecimal digits, or is not UTF-8")]
    Escape,
    /// A name is there twice (RFC 6749 §3.1).
    #[error("a parameter is there twice")]
    Repeated,
    /// There are too many.
    #[error("there are more than {MAX_PARAMETERS} parameters")]
    TooMany,
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
                high << 4 | low
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
