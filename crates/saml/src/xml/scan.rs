//! One pass over the bytes before any parser sees them: linear in time, constant in memory.

use super::{Limits, MAX_ATTRIBUTES, MAX_DECLARATIONS, MAX_DEPTH, MAX_TAG, XmlRefusal};

/// The text to parse: without a byte order mark and without the declaration, in which nothing is left to declare.
pub(crate) fn scan<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, XmlRefusal> {
    if bytes.len() > limits.bytes {
        return Err(XmlRefusal::Long { bytes: bytes.len(), limit: limits.bytes });
    }
    let text = str::from_utf8(bytes).map_err(|_| XmlRefusal::Utf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let body = undeclared(text)?;
    elements(body, limits)?;
    Ok(body)
}

/// As [`scan`], for one element out of another document: it declares nothing, and closes nothing that it did not open.
pub(crate) fn scan_fragment(bytes: &[u8]) -> Result<&str, XmlRefusal> {
    let limits = Limits::MESSAGE;
    if bytes.len() > limits.bytes {
        return Err(XmlRefusal::Long { bytes: bytes.len(), limit: limits.bytes });
    }
    let text = str::from_utf8(bytes).map_err(|_| XmlRefusal::Utf8)?;
    elements(text, &limits)?;
    Ok(text)
}

/// XML 1.0 §2.8: what stands behind `<?xml … ?>`, if that says version 1.0, UTF-8 and nothing else that matters.
fn undeclared(text: &str) -> Result<&str, XmlRefusal> {
    let Some(rest) = text.strip_prefix("<?xml") else { return Ok(text) };
    let (declaration, body) = rest.split_once("?>").ok_or(XmlRefusal::Declaration)?;
    let mut expected = [("version", false), ("encoding", true), ("standalone", true)].into_iter();
    for pair in pairs(declaration).ok_or(XmlRefusal::Declaration)? {
        let (name, value) = pair;
        let known = expected.by_ref().find(|(known, optional)| *known == name || !optional);
        let fits = match (known, name) {
            (Some(("version", _)), "version") => value == "1.0",
            (Some(("encoding", _)), "encoding") => value.eq_ignore_ascii_case("UTF-8"),
            (Some(("standalone", _)), "standalone") => matches!(value, "yes" | "no"),
            _ => false,
        };
        if !fits {
            return Err(XmlRefusal::Declaration);
        }
    }
    Ok(body)
}

/// The `name="value"` of a declaration.
fn pairs(declaration: &str) -> Option<Vec<(&str, &str)>> {
    let blank = |other: char| matches!(other, ' ' | '\t' | '\r' | '\n');
    let mut rest = declaration;
    let mut pairs = Vec::new();
    while !rest.trim_matches(blank).is_empty() {
        let (name, after) = rest.strip_prefix(blank)?.trim_start_matches(blank).split_once('=')?;
        let value = after.trim_start_matches(blank);
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = value.strip_prefix(quote)?.split_once(quote)?;
        pairs.push((name.trim_end_matches(blank), value));
        rest = after;
    }
    Some(pairs)
}

/// Counts what a parser would have to build. What is not well-formed is left for the parser to say.
fn elements(text: &str, limits: &Limits) -> Result<(), XmlRefusal> {
    let mut bytes = text.bytes().peekable();
    // The declarations of each element that is open.
    let mut open: Vec<usize> = Vec::with_capacity(MAX_DEPTH);
    let mut count = 0;
    while let Some(byte) = bytes.next() {
        if byte != b'<' {
            continue;
        }
        match bytes.peek() {
            Some(b'!') if limits.comments => {
                comment(&mut bytes)?;
                continue;
            }
            Some(b'!' | b'?') => return Err(XmlRefusal::Markup),
            Some(b'/') => {
                open.pop().ok_or(XmlRefusal::Malformed)?;
                continue;
            }
            _ => {}
        }
        count += 1;
        if count > limits.elements {
            return Err(XmlRefusal::Elements { limit: limits.elements });
        }
        let tag = tag(&mut bytes)?;
        if open.iter().sum::<usize>() + tag.declarations > MAX_DECLARATIONS {
            return Err(XmlRefusal::Declarations);
        }
        if !tag.closes {
            open.push(tag.declarations);
            if open.len() > MAX_DEPTH {
                return Err(XmlRefusal::Depth);
            }
        }
    }
    Ok(())
}

/// The rest of a comment, behind its `<`; nothing else that begins with `<!` is one.
fn comment(bytes: &mut impl Iterator<Item = u8>) -> Result<(), XmlRefusal> {
    for expected in *b"!--" {
        if bytes.next() != Some(expected) {
            return Err(XmlRefusal::Markup);
        }
    }
    let mut recent = [0_u8; 3];
    for byte in bytes {
        recent = [recent[1], recent[2], byte];
        if recent == *b"-->" {
            return Ok(());
        }
    }
    Err(XmlRefusal::Malformed)
}

/// What is counted of a tag.
struct Tag {
    closes: bool,
    declarations: usize,
}

/// The rest of a tag.
fn tag(bytes: &mut impl Iterator<Item = u8>) -> Result<Tag, XmlRefusal> {
    let mut quote = None;
    let (mut attributes, mut declarations, mut unquoted) = (0, 0, 0);
    // The last bytes outside quotes, to tell `xmlns` where a name begins with it.
    let mut recent = [b' '; 6];
    for byte in bytes {
        if let Some(open) = quote {
            match byte {
                b'\t' | b'\r' | b'\n' => return Err(XmlRefusal::RawSpace),
                close if close == open => quote = None,
                _ => {}
            }
            continue;
        }
        unquoted += 1;
        if unquoted > MAX_TAG {
            return Err(XmlRefusal::Names);
        }
        match byte {
            b'"' | b'\'' => quote = Some(byte),
            b'=' => {
                attributes += 1;
                if attributes > MAX_ATTRIBUTES {
                    return Err(XmlRefusal::Attributes);
                }
            }
            b'>' => return Ok(Tag { closes: recent[5] == b'/', declarations }),
            b'<' => return Err(XmlRefusal::Malformed),
            _ => {}
        }
        recent.rotate_left(1);
        recent[5] = byte;
        if &recent[1..] == b"xmlns" && matches!(recent[0], b' ' | b'\t' | b'\r' | b'\n') {
            declarations += 1;
        }
    }
    Err(XmlRefusal::Malformed)
}
