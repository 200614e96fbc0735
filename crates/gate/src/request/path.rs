//! The path as the gate judges it, and as it is forwarded: the same bytes.

use std::borrow::Cow;

use super::RequestRefusal;

/// The most segments a path may have.
pub const MAX_SEGMENTS: usize = 128;

/// A path with one reading. Its text is forwarded as it stands; its segments, decoded, are what routes match.
///
/// INVARIANT: no dot segment in any spelling, no control byte, no backslash, no invalid escape, valid UTF-8 once
/// decoded; escapes of unreserved characters are decoded and all others are upper case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath {
    text: String,
    traits: Traits,
}

/// What a path contains that a route must have asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) empty_segment: bool,
    pub(crate) encoded_slash: bool,
    pub(crate) segment_parameters: bool,
    escapes: bool,
}

impl CanonicalPath {
    /// Reads the path of a request target, without its query.
    ///
    /// # Errors
    /// Everything that two readers could take for different paths; see [`RequestRefusal`].
    pub fn parse(raw: &str) -> Result<Self, RequestRefusal> {
        if !raw.starts_with('/') {
            return Err(RequestRefusal::TargetForm);
        }
        let mut reader =
            Reader { text: String::with_capacity(raw.len()), traits: Traits::default() };
        let mut segments = 0;
        let mut rest = raw.get(1..).unwrap_or_default().split('/').peekable();
        while let Some(segment) = rest.next() {
            segments += 1;
            if segments > MAX_SEGMENTS {
                return Err(RequestRefusal::TooManySegments);
            }
            reader.segment(segment, rest.peek().is_none())?;
        }
        Ok(Self { text: reader.text, traits: reader.traits })
    }

    /// The canonical text, beginning with `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The segments, decoded; a segment with an encoded slash, or with escapes behind escapes, as it stands. `/` has one
    /// empty segment.
    pub fn segments(&self) -> impl Iterator<Item = Cow<'_, str>> + Clone {
        let escapes = self.traits.escapes;
        self.text.get(1..).unwrap_or_default().split('/').map(move |segment| {
            if escapes { decode_segment(segment) } else { Cow::Borrowed(segment) }
        })
    }

    pub(crate) fn traits(&self) -> Traits {
        self.traits
    }
}

/// A literal segment as it compares with a request's decoded ones; for patterns, read by the same rules.
///
/// INVARIANT: different canonical segments give different texts. Where decoding would leave something that looks like
/// an escape (`%2F`, which is never decoded, or a second layer behind `%25`), the segment is taken as it stands.
pub(crate) fn decode_segment(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let decoded = decode_all(segment.as_bytes());
    let slash = decoded.contains(&b'/');
    let layered =
        decoded.windows(3).any(|part| matches!(part, [b'%', a, b] if hex_pair(*a, *b).is_some()));
    match String::from_utf8(decoded) {
        Ok(text) if !slash && !layered => Cow::Owned(text),
        _ => Cow::Borrowed(segment),
    }
}

struct Reader {
    text: String,
    traits: Traits,
}

impl Reader {
    fn segment(&mut self, raw: &str, last: bool) -> Result<(), RequestRefusal> {
        self.text.push('/');
        if raw.is_empty() {
            self.traits.empty_segment |= !last;
            return Ok(());
        }
        if matches!(raw, "." | "..") {
            return Err(RequestRefusal::DotSegment);
        }
        let start = self.text.len();
        let bytes = raw.as_bytes();
        if bytes.iter().all(|byte| is_unreserved(*byte)) {
            self.text.push_str(raw);
            return Ok(());
        }
        self.escape_into(bytes)?;
        let canonical = self.text.get(start..).unwrap_or_default();
        if canonical.contains('%') {
            self.traits.escapes = true;
        }
        let traits = inspect(canonical)?;
        self.traits.encoded_slash |= traits.encoded_slash;
        self.traits.segment_parameters |= traits.segment_parameters;
        Ok(())
    }

    fn escape_into(&mut self, mut rest: &[u8]) -> Result<(), RequestRefusal> {
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            match byte {
                b'%' => {
                    let [high, low, after @ ..] = tail else {
                        return Err(RequestRefusal::InvalidEscape);
                    };
                    let decoded = hex_pair(*high, *low).ok_or(RequestRefusal::InvalidEscape)?;
                    rest = after;
                    if is_unreserved(decoded) {
                        self.text.push(char::from(decoded));
                    } else {
                        self.push_escape(decoded);
                    }
                }
                b'\\' => return Err(RequestRefusal::Backslash),
                b'#' => return Err(RequestRefusal::Fragment),
                0..=0x1F | 0x7F => return Err(RequestRefusal::ControlInPath),
                b' ' | b'?' | 0x80.. => return Err(RequestRefusal::InvalidPath),
                _ if is_unreserved(byte) || b"!$&'()*+,;=:@".contains(&byte) => {
                    self.text.push(char::from(byte));
                }
                // `"<>[]^{|}` and the back quote: browsers send some of them raw, RFC 3986 knows them only escaped.
                _ => self.push_escape(byte),
            }
        }
        Ok(())
    }

    fn push_escape(&mut self, byte: u8) {
        const HEX: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
        self.text.push('%');
        for nibble in [byte >> 4, byte & 0xF] {
            self.text.push(HEX.get(usize::from(nibble)).copied().unwrap_or('0'));
        }
    }
}

/// Looks at one canonical segment the way the laxest reader behind us might: decoded once, and decoded twice.
fn inspect(canonical: &str) -> Result<Traits, RequestRefusal> {
    let mut traits = Traits::default();
    let once = decode_all(canonical.as_bytes());
    let text = std::str::from_utf8(&once).map_err(|_| RequestRefusal::InvalidPath)?;
    if text.chars().any(char::is_control) {
        return Err(RequestRefusal::ControlInPath);
    }
    let twice = decode_all(&once);
    for reading in [once.as_slice(), twice.as_slice()] {
        if reading.contains(&b'\\') {
            return Err(RequestRefusal::Backslash);
        }
        if reading.iter().any(u8::is_ascii_control) {
            return Err(RequestRefusal::ControlInPath);
        }
        for part in reading.split(|byte| *byte == b'/') {
            let name = part.split(|byte| *byte == b';').next().unwrap_or_default();
            if matches!(name, b"." | b"..") {
                return Err(RequestRefusal::DotSegment);
            }
        }
        traits.encoded_slash |= reading.contains(&b'/');
        traits.segment_parameters |= reading.contains(&b';');
    }
    Ok(traits)
}

fn decode_all(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if let (b'%', [high, low, after @ ..]) = (byte, tail)
            && let Some(value) = hex_pair(*high, *low)
        {
            decoded.push(value);
            rest = after;
        } else {
            decoded.push(byte);
        }
    }
    decoded
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
