//! One pass over the bytes before any parser sees them: linear in time, constant in memory. It refuses what is too much,
//! and what parsers are known to read differently.

use super::{
    Limits, MAX_ATTRIBUTES, MAX_DECLARATIONS, MAX_DEPTH, MAX_NAMESPACE, MAX_TAG, XmlRefusal,
};

/// The longest XML declaration, in bytes.
const MAX_DECLARATION: usize = 128;

/// The text to parse: without a byte order mark and without the declaration, in which nothing is left to declare.
pub(crate) fn scan<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, XmlRefusal> {
    let text = text(bytes, limits)?;
    let body = undeclared(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    // One mark is none of the text; a second is.
    if body.starts_with('\u{feff}') {
        return Err(XmlRefusal::Malformed);
    }
    Scanner::of(body, limits).document()?;
    Ok(body)
}

/// As [`scan`], for one element out of another document: it declares nothing, and closes nothing that it did not open.
pub(crate) fn scan_fragment(bytes: &[u8]) -> Result<&str, XmlRefusal> {
    let text = text(bytes, &Limits::MESSAGE)?;
    Scanner::of(text, &Limits::MESSAGE).document()?;
    Ok(text)
}

fn text<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, XmlRefusal> {
    if bytes.len() > limits.bytes {
        return Err(XmlRefusal::Long { bytes: bytes.len(), limit: limits.bytes });
    }
    str::from_utf8(bytes).map_err(|_| XmlRefusal::Utf8)
}

/// XML 1.0 §2.8: what stands behind `<?xml … ?>`, if that says version 1.0, UTF-8 and nothing else that matters.
fn undeclared(text: &str) -> Result<&str, XmlRefusal> {
    let Some(rest) = text.strip_prefix("<?xml") else { return Ok(text) };
    let (near, _) = rest.split_at(rest.floor_char_boundary(MAX_DECLARATION));
    let end = near.find("?>").ok_or(XmlRefusal::Declaration)?;
    let (declaration, body) = rest.split_at(end);
    let mut pairs = pairs(declaration).ok_or(XmlRefusal::Declaration)?.into_iter().peekable();
    let version = pairs.next_if(|(name, _)| *name == "version");
    let encoding = pairs.next_if(|(name, _)| *name == "encoding");
    let standalone = pairs.next_if(|(name, _)| *name == "standalone");
    let fits = version.is_some_and(|(_, value)| value == "1.0")
        && encoding.is_none_or(|(_, value)| value.eq_ignore_ascii_case("UTF-8"))
        && standalone.is_none_or(|(_, value)| matches!(value, "yes" | "no"))
        && pairs.next().is_none();
    if !fits {
        return Err(XmlRefusal::Declaration);
    }
    body.strip_prefix("?>").ok_or(XmlRefusal::Declaration)
}

/// The `name="value"` of a declaration.
fn pairs(declaration: &str) -> Option<Vec<(&str, &str)>> {
    let blank = |other: char| matches!(other, ' ' | '\t' | '\r' | '\n');
    let mut rest = declaration;
    let mut pairs = Vec::new();
    while !rest.trim_start_matches(blank).is_empty() {
        let (name, after) = rest.strip_prefix(blank)?.trim_start_matches(blank).split_once('=')?;
        let value = after.trim_start_matches(blank);
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = value.strip_prefix(quote)?.split_once(quote)?;
        pairs.push((name.trim_end_matches(blank), value));
        rest = after;
    }
    Some(pairs)
}

/// What is left to scan. What is not well-formed in other ways is left for the parser to say.
struct Scanner<'a> {
    rest: &'a [u8],
    limits: &'a Limits,
    /// The declarations of each element that is open.
    open: Vec<usize>,
    elements: usize,
}

impl<'a> Scanner<'a> {
    fn of(text: &'a str, limits: &'a Limits) -> Self {
        Self { rest: text.as_bytes(), limits, open: Vec::with_capacity(MAX_DEPTH), elements: 0 }
    }

    fn document(&mut self) -> Result<(), XmlRefusal> {
        // What a parser makes room for is counted by these, wherever they stand.
        for mark in [b'<', b'='] {
            let count = self.rest.iter().filter(|byte| **byte == mark).count();
            if count > 2 * self.limits.elements {
                return Err(XmlRefusal::Elements { limit: self.limits.elements });
            }
        }
        while let Some(byte) = self.next() {
            match byte {
                b'<' => self.markup()?,
                b'&' => self.reference()?,
                // Line ends are one character; a parser may see to that only where no reference follows.
                b'\r' if self.rest.first() != Some(&b'\n') => return Err(XmlRefusal::RawSpace),
                _ => {}
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn markup(&mut self) -> Result<(), XmlRefusal> {
        match self.rest.first() {
            Some(b'!') if self.limits.comments => return self.comment(),
            Some(b'!' | b'?') => return Err(XmlRefusal::Markup),
            Some(b'/') => {
                self.open.pop().ok_or(XmlRefusal::Malformed)?;
                return if self.rest.get(1) == Some(&b':') {
                    Err(XmlRefusal::Malformed)
                } else {
                    Ok(())
                };
            }
            _ => {}
        }
        self.count()?;
        let tag = self.tag()?;
        if self.open.iter().sum::<usize>() + tag.declarations > MAX_DECLARATIONS {
            return Err(XmlRefusal::Declarations);
        }
        if !tag.closes {
            self.open.push(tag.declarations);
            if self.open.len() > MAX_DEPTH {
                return Err(XmlRefusal::Depth);
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), XmlRefusal> {
        self.elements += 1;
        let limit = self.limits.elements;
        if self.elements > limit { Err(XmlRefusal::Elements { limit }) } else { Ok(()) }
    }

    /// A comment; nothing else that begins with `<!` is one.
    fn comment(&mut self) -> Result<(), XmlRefusal> {
        self.count()?;
        self.rest = self.rest.strip_prefix(b"!--").ok_or(XmlRefusal::Markup)?;
        let end =
            self.rest.windows(3).position(|bytes| bytes == b"-->").ok_or(XmlRefusal::Malformed)?;
        self.rest = self.rest.get(end + 3..).unwrap_or_default();
        Ok(())
    }

    /// The rest of a tag, behind its `<`.
    fn tag(&mut self) -> Result<Tag, XmlRefusal> {
        let mut tag = Tag { closes: false, declarations: 0 };
        let (mut attributes, mut plain, mut unquoted) = (0, 0, 0);
        let mut name = Vec::new();
        let mut first = true;
        while let Some(byte) = self.next() {
            unquoted += 1;
            if unquoted > MAX_TAG {
                return Err(XmlRefusal::Names);
            }
            match byte {
                b'"' | b'\'' => {
                    let length = self.value(byte)?;
                    // Namespaces §2.2, §3: a prefix stands for something, and none is called `xmlns`.
                    let prefixed = name.starts_with(b"xmlns:");
                    if prefixed && (length == 0 || name == b"xmlns:xmlns") {
                        return Err(XmlRefusal::Malformed);
                    }
                    // Whoever reads it compares it with others, for every pair of attributes.
                    if (prefixed || name == b"xmlns") && length > MAX_NAMESPACE {
                        return Err(XmlRefusal::Namespace);
                    }
                    plain += usize::from(name == b"xmlns");
                    tag.declarations += usize::from(prefixed || name == b"xmlns");
                    if plain > 1 {
                        return Err(XmlRefusal::Malformed);
                    }
                    name.clear();
                }
                b'=' => {
                    attributes += 1;
                    if attributes > MAX_ATTRIBUTES {
                        return Err(XmlRefusal::Attributes);
                    }
                    if name.starts_with(b":") || name.ends_with(b":xmlns") {
                        return Err(XmlRefusal::Malformed);
                    }
                }
                b'>' => {
                    if first && name.starts_with(b":") {
                        return Err(XmlRefusal::Malformed);
                    }
                    return Ok(tag);
                }
                b'<' => return Err(XmlRefusal::Malformed),
                b' ' | b'\t' | b'\r' | b'\n' => {
                    if first && name.starts_with(b":") {
                        return Err(XmlRefusal::Malformed);
                    }
                    // Between a name and its `=` there may be blanks.
                    if first || self.rest.first().is_some_and(|next| !b" \t\r\n=\"'".contains(next))
                    {
                        first = false;
                        name.clear();
                    }
                }
                other => name.push(other),
            }
            tag.closes = byte == b'/';
        }
        Err(XmlRefusal::Malformed)
    }

    /// The rest of a value, behind its opening quote; how many bytes it has, with its references as they are written.
    fn value(&mut self, quote: u8) -> Result<usize, XmlRefusal> {
        let before = self.rest.len();
        while let Some(byte) = self.next() {
            match byte {
                b'\t' | b'\r' | b'\n' => return Err(XmlRefusal::RawSpace),
                b'&' => self.reference()?,
                close if close == quote => return Ok(before - self.rest.len() - 1),
                _ => {}
            }
        }
        Err(XmlRefusal::Malformed)
    }

    /// XML 1.0 §4.1: a reference to a character, which must be one (§2.2). Names of entities are for the parser.
    fn reference(&mut self) -> Result<(), XmlRefusal> {
        let Some(number) = self.rest.strip_prefix(b"#") else { return Ok(()) };
        let end =
            number.iter().take(10).position(|byte| *byte == b';').ok_or(XmlRefusal::Malformed)?;
        let digits = number.get(..end).and_then(|digits| str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| match digits.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => digits.parse().ok(),
        });
        let character = code.and_then(char::from_u32).ok_or(XmlRefusal::Malformed)?;
        let allowed = matches!(character, '\t' | '\n' | '\r')
            || character >= ' ' && !matches!(character, '\u{fffe}' | '\u{ffff}');
        if allowed { Ok(()) } else { Err(XmlRefusal::Malformed) }
    }
}

/// What is counted of a tag.
struct Tag {
    closes: bool,
    declarations: usize,
}
