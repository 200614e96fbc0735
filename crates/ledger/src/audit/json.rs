//! Writes JSON objects straight into a buffer, in the order in which they are told.

use std::net::IpAddr;

/// The longest text in a record, in bytes before escaping; what is longer is cut, and the record says so.
pub const MAX_TEXT_BYTES: usize = 2048;

/// The most entries of a list in a record; what is beyond is cut, and the record says so.
pub const MAX_LIST_ENTRIES: usize = 64;

/// How many bytes are written at once.
const CHUNK: usize = 32;

/// Stands at the end of a text that was cut.
const CUT_MARK: &str = "…";

/// An object that is being written: every method adds to it.
pub(super) struct Json<'b> {
    out: &'b mut Vec<u8>,
    empty: bool,
    cut: bool,
}

impl<'b> Json<'b> {
    /// Writes one object at the end of `out`, whose closing brace is left out.
    pub(super) fn open(out: &'b mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true, cut: false }
    }

    /// Whether anything was cut so far.
    pub(super) const fn was_cut(&self) -> bool {
        self.cut
    }

    /// A member that is text.
    #[inline]
    pub(super) fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        self.cut |= string(self.out, value);
    }

    /// A member that is text, if there is any.
    #[inline]
    pub(super) fn some_text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A member that is a number.
    #[inline]
    pub(super) fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        decimal(self.out, value);
    }

    /// A member that is an address, as text.
    pub(super) fn address(&mut self, name: &'static str, address: IpAddr) {
        self.name(name);
        self.out.push(b'"');
        match address {
            IpAddr::V4(address) => {
                for (index, part) in address.octets().into_iter().enumerate() {
                    if index > 0 {
                        self.out.push(b'.');
                    }
                    decimal(self.out, part.into());
                }
            }
            IpAddr::V6(_) => self.out.extend_from_slice(address.to_string().as_bytes()),
        }
        self.out.push(b'"');
    }

    /// A member that is true or false.
    #[inline]
    pub(super) fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A member that is bytes in hexadecimal digits.
    #[inline]
    pub(super) fn hex(&mut self, name: &'static str, bytes: &[u8]) {
        self.name(name);
        self.out.push(b'"');
        hex(self.out, bytes);
        self.out.push(b'"');
    }

    /// Members that are JSON already, such as `"a":1,"b":2`.
    #[inline]
    pub(super) fn raw(&mut self, members: &'static str) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(members.as_bytes());
    }

    /// A member that is an object.
    pub(super) fn object(&mut self, name: &'static str, write: impl FnOnce(&mut Json<'_>)) {
        self.name(name);
        self.cut |= object(self.out, write);
    }

    /// A member that is an object, whose closing brace is left out: nothing may follow it.
    pub(super) fn open_member(&mut self, name: &'static str, write: impl FnOnce(&mut Json<'_>)) {
        self.name(name);
        let mut json = Json::open(self.out);
        write(&mut json);
        self.cut |= json.cut;
    }

    /// A member that is a list of texts.
    pub(super) fn texts<'t>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = &'t str>,
    ) {
        self.list(name, items, string);
    }

    /// A member that is a list of objects.
    pub(super) fn objects<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Json<'_>, T),
    ) {
        self.list(name, items, |out, item| object(out, |json| write(json, item)));
    }

    fn list<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Vec<u8>, T) -> bool,
    ) {
        self.name(name);
        self.out.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index == MAX_LIST_ENTRIES {
                self.cut = true;
                break;
            }
            if index > 0 {
                self.out.push(b',');
            }
            self.cut |= write(self.out, item);
        }
        self.out.push(b']');
    }

    /// Names are known when this is compiled: a copy of so many bytes costs less than to ask how many.
    #[inline(always)]
    fn name(&mut self, name: &'static str) {
        let quote: &[u8] = if std::mem::take(&mut self.empty) { b"\"" } else { b",\"" };
        self.out.extend_from_slice(quote);
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// Appends a whole object; says whether anything in it was cut.
fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut Json<'_>)) -> bool {
    let mut json = Json::open(out);
    write(&mut json);
    let cut = json.cut;
    out.push(b'}');
    cut
}

/// Appends `value` as a JSON string (RFC 8259 §7); says whether it was cut.
fn string(out: &mut Vec<u8>, value: &str) -> bool {
    let bytes = value.as_bytes();
    // As a rule there is nothing to cut and nothing to escape.
    if bytes.len() > MAX_TEXT_BYTES || !is_plain(bytes) {
        return escaped_string(out, value);
    }
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    out.extend_from_slice(bytes);
    out.push(b'"');
    false
}

/// The same of any text.
#[cold]
fn escaped_string(out: &mut Vec<u8>, value: &str) -> bool {
    let whole = value.len() <= MAX_TEXT_BYTES;
    let end = if whole { value.len() } else { value.floor_char_boundary(MAX_TEXT_BYTES) };
    let (kept, _) = value.split_at(end);
    out.push(b'"');
    let mut rest = kept.as_bytes();
    while let Some(at) = rest.iter().position(|byte| needs_escape(*byte)) {
        let (plain, escaped) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = escaped.split_first() else { break };
        escape(out, *byte);
        rest = after;
    }
    out.extend_from_slice(rest);
    if !whole {
        out.extend_from_slice(CUT_MARK.as_bytes());
    }
    out.push(b'"');
    !whole
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether nothing of it needs to be escaped. Several bytes are looked at at once, and the last of them once more, with
/// some of those before, so that none is left over.
fn is_plain(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk() else {
        let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) else {
            return !bytes.iter().any(|byte| needs_escape(*byte));
        };
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return !any_needs_escape(u64::from(first) << 32 | u64::from(last));
    };
    let (words, _) = bytes.as_chunks();
    !any_needs_escape(u64::from_le_bytes(*last))
        && !words.iter().any(|word| any_needs_escape(u64::from_le_bytes(*word)))
}

/// Whether any byte of a word needs to be escaped: the highest bit of a byte is set where a subtraction borrows from it
/// that did not have it set before, and the lowest of those is never a false one.
const fn any_needs_escape(word: u64) -> bool {
    const fn all(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    const fn borrows(word: u64, least: u8) -> u64 {
        word.wrapping_sub(all(least)) & !word
    }
    let control = borrows(word, 0x20);
    let quote = borrows(word ^ all(b'"'), 1);
    let backslash = borrows(word ^ all(b'\\'), 1);
    (control | quote | backslash) & all(0x80) != 0
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            hex(out, &[byte]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends `bytes` in lower-case hexadecimal digits.
pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
    }
    let mut digits = [0; 2 * CHUNK];
    for chunk in bytes.chunks(CHUNK) {
        for (pair, byte) in digits.chunks_exact_mut(2).zip(chunk) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
        }
        out.extend_from_slice(digits.get(..2 * chunk.len()).unwrap_or_default());
    }
}

/// Appends `value` in decimal digits.
pub(super) fn decimal(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
