//! From text to the words of the language.

use std::str::Chars;
use std::sync::Arc;

use crate::fault::{ExpressionError, character};

/// A word, and the byte at which it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    pub(crate) at: usize,
    pub(crate) kind: WordKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WordKind {
    Double(f64),
    End,
    Int(i128),
    Name(Arc<str>),
    Sign(&'static str),
    Text(Arc<str>),
}

/// The longest first, so that `<=` is not `<`.
const SIGNS: [&str; 25] = [
    "||", "&&", "==", "!=", "<=", ">=", "?", ":", "<", ">", "+", "-", "*", "/", "%", "!", ".", ",",
    "(", ")", "[", "]", "{", "}", "=",
];

/// All words of `text`; the last is [`WordKind::End`].
pub(crate) fn words(text: &str) -> Result<Vec<Word>, ExpressionError> {
    let mut lexer = Lexer { text, rest: text };
    let mut words = Vec::new();
    loop {
        let word = lexer.word()?;
        let ends = word.kind == WordKind::End;
        words.push(word);
        if ends {
            return Ok(words);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Lexer<'t> {
    fn word(&mut self) -> Result<Word, ExpressionError> {
        self.blank();
        let at = self.at();
        let kind = match self.rest.chars().next() {
            None => WordKind::End,
            Some('"' | '\'') => self.quoted(at, false)?,
            Some('r' | 'R')
                if self.rest.get(1..).is_some_and(|rest| rest.starts_with(['"', '\''])) =>
            {
                self.skip(1);
                self.quoted(at, true)?
            }
            Some(first) if first.is_ascii_digit() => self.number(at)?,
            Some(first) if first.is_ascii_alphabetic() || first == '_' => {
                let name = self.take(|other| other.is_ascii_alphanumeric() || other == '_');
                WordKind::Name(name.into())
            }
            Some(other) => match SIGNS.iter().find(|sign| self.rest.starts_with(**sign)) {
                Some(sign) => {
                    self.skip(sign.len());
                    WordKind::Sign(sign)
                }
                None => {
                    return Err(
                        self.refuse(at, format!("`{}` has no meaning", other.escape_debug()))
                    );
                }
            },
        };
        Ok(Word { at, kind })
    }

    /// White space, and comments to the end of their line.
    fn blank(&mut self) {
        loop {
            self.take(|other| matches!(other, ' ' | '\t' | '\n' | '\r' | '\u{c}'));
            if !self.rest.starts_with("//") {
                return;
            }
            self.take(|other| other != '\n');
        }
    }

    fn number(&mut self, at: usize) -> Result<WordKind, ExpressionError> {
        let text = self.take(|other| other.is_ascii_alphanumeric() || other == '.');
        // The sign of an exponent.
        let signed = text.ends_with(['e', 'E'])
            && !text.starts_with("0x")
            && self.rest.starts_with(['+', '-']);
        let text = if signed {
            self.skip(1);
            self.take(|other| other.is_ascii_digit());
            self.text.get(at..self.at()).unwrap_or_default()
        } else {
            text
        };
        let refuse = || self.refuse(at, format!("`{text}` is not a number"));
        if let Some(digits) = text.strip_prefix("0x") {
            let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let number = plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten();
            return number.map(|number| WordKind::Int(number.into())).ok_or_else(refuse);
        }
        if text.bytes().all(|digit| digit.is_ascii_digit()) {
            let number = text.parse::<u64>().map_err(|_| refuse())?;
            return Ok(WordKind::Int(number.into()));
        }
        let plain = text
            .bytes()
            .all(|it| it.is_ascii_digit() || matches!(it, b'.' | b'e' | b'E' | b'+' | b'-'));
        let whole = plain && text.bytes().last().is_some_and(|last| last.is_ascii_digit());
        let number = whole.then(|| text.parse::<f64>().ok()).flatten();
        number.filter(|number| number.is_finite()).map(WordKind::Double).ok_or_else(refuse)
    }

    fn quoted(&mut self, at: usize, raw: bool) -> Result<WordKind, ExpressionError> {
        let mut characters = self.rest.chars();
        let quote = characters.next();
        let mut text = String::new();
        loop {
            let here = self.text.len() - characters.as_str().len();
            match characters.next() {
                found if found == quote => break,
                None | Some('\n' | '\r') => {
                    return Err(self.refuse(at, "the text is not closed".to_owned()));
                }
                Some('\\') if !raw => match escaped(&mut characters) {
                    Some(character) => text.push(character),
                    None => return Err(self.refuse(here, "the escape is not known".to_owned())),
                },
                Some(other) => text.push(other),
            }
        }
        self.rest = characters.as_str();
        if text.is_empty() && self.rest.starts_with(['"', '\'']) {
            return Err(self.refuse(at, "texts over several lines are not taken".to_owned()));
        }
        Ok(WordKind::Text(text.into()))
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|other| !belongs(other)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn refuse(&self, at: usize, what: String) -> ExpressionError {
        ExpressionError::Unexpected { at: character(self.text, at), what }
    }
}

fn escaped(characters: &mut Chars<'_>) -> Option<char> {
    Some(match characters.next()? {
        quoted @ ('\\' | '"' | '\'' | '`' | '?') => quoted,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return by_code(characters, 4),
        'U' => return by_code(characters, 8),
        'x' | 'X' => return by_code(characters, 2),
        _ => return None,
    })
}

fn by_code(characters: &mut Chars<'_>, digits: usize) -> Option<char> {
    let mut code = 0_u32;
    for _ in 0..digits {
        code = code.checked_mul(16)? + characters.next()?.to_digit(16)?;
    }
    char::from_u32(code)
}
