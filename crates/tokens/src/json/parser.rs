//! The parser: one pass over the bytes, recursive to a bounded depth.

use super::{JsonError, Limits, Number, Object, Value};

/// Where the parser is, and what it may still read.
pub(super) struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    max_depth: usize,
    values: usize,
    max_values: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Value, JsonError> {
        if bytes.len() > limits.bytes {
            return Err(JsonError::TooLong { bytes: bytes.len(), limit: limits.bytes });
        }
        let max_depth = limits.depth.min(Limits::MAX_DEPTH);
        let mut parser =
            Self { bytes, at: 0, depth: 0, max_depth, values: 0, max_values: limits.values };
        parser.skip_whitespace();
        let value = parser.value()?;
        parser.skip_whitespace();
        match parser.peek() {
            None => Ok(value),
            Some(_) => Err(JsonError::Trailing { at: parser.at }),
        }
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        self.values = self.values.saturating_add(1);
        if self.values > self.max_values {
            return Err(JsonError::TooMany { at: self.at, limit: self.max_values });
        }
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true", "`true`", Value::Bool(true)),
            Some(b'f') => self.word("false", "`false`", Value::Bool(false)),
            Some(b'n') => self.word("null", "`null`", Value::Null),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Reads what opens at this byte, one level deeper.
    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value, JsonError>,
    ) -> Result<Value, JsonError> {
        if self.depth == self.max_depth {
            return Err(JsonError::TooDeep { at: self.at, limit: self.max_depth });
        }
        self.depth += 1;
        self.at += 1;
        self.skip_whitespace();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, JsonError> {
        let mut members = Vec::new();
        if self.take(b'}') {
            return Ok(Value::Object(Object::default()));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a member name"));
            }
            let name = self.string()?;
            self.skip_whitespace();
            if !self.take(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.skip_whitespace();
            members.push((name, self.value()?));
            self.skip_whitespace();
            if self.take(b'}') {
                let members = Object::from_members(members);
                let repeated = JsonError::RepeatedMember { at: self.at };
                return members.map(Value::Object).ok_or(repeated);
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
            self.skip_whitespace();
        }
    }

    fn array(&mut self) -> Result<Value, JsonError> {
        let mut elements = Vec::new();
        if self.take(b']') {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            self.skip_whitespace();
            if self.take(b']') {
                return Ok(Value::Array(elements));
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
            self.skip_whitespace();
        }
    }

    /// Reads a string; this byte is its opening quote.
    fn string(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .unwrap_or(rest.len());
            let run = rest.get(..plain).unwrap_or_default();
            let run = str::from_utf8(run).map_err(|_| JsonError::InvalidUtf8 { at: start })?;
            text.push_str(run);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(self.unexpected("a control character to be escaped")),
                None => return Err(self.unexpected("`\"`")),
            }
        }
    }

    /// Reads an escape; this byte is its backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape(start);
            }
            _ => return Err(self.unexpected("an escape character")),
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads the rest of `\uXXXX`, and of the second half of a surrogate pair.
    fn unicode_escape(&mut self, start: usize) -> Result<char, JsonError> {
        let lone = JsonError::LoneSurrogate { at: start };
        let first = self.hex()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or(lone);
        }
        if first >= 0xdc00 || !self.rest().starts_with(b"\\u") {
            return Err(lone);
        }
        self.at += 2;
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(lone);
        }
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(code).ok_or(lone)
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return Err(self.unexpected("a hexadecimal digit")) };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Number, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let mut integer = true;
        if self.take(b'.') {
            integer = false;
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            integer = false;
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        let text = self.bytes.get(start..self.at).and_then(|text| str::from_utf8(text).ok());
        let text = text.unwrap_or_default();
        // `-0` is an integer to nobody: as a float it keeps its sign.
        if integer && text != "-0" {
            let fits = |value: &i128| (i64::MIN.into()..=u64::MAX.into()).contains(value);
            if let Some(value) = text.parse().ok().filter(fits) {
                return Ok(Number::Integer(value));
            }
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Number::Float(value)),
            _ => Err(JsonError::HugeNumber { at: start }),
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    fn word(
        &mut self,
        word: &str,
        expected: &'static str,
        value: Value,
    ) -> Result<Value, JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.unexpected(expected));
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn unexpected(&self, expected: &'static str) -> JsonError {
        JsonError::Unexpected { at: self.at, expected }
    }
}
