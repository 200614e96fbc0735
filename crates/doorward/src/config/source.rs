//! The text that a configuration was read from, and positions in it.

use std::fmt;
use std::sync::Arc;

/// A text with the name that reports call it by.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// The text of the file called `name`.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// What reports call it: the path as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// The same with stars in place of these stretches, so that everything else stands where it did.
    pub(super) fn masked(&self, stretches: &[Location]) -> Self {
        if stretches.is_empty() {
            return self.clone();
        }
        let mut text = String::with_capacity(self.text.len());
        for (at, character) in self.text.char_indices() {
            let hidden = |stretch: &Location| {
                (stretch.offset..stretch.offset.saturating_add(stretch.length)).contains(&at)
            };
            if character != '\n' && stretches.iter().any(hidden) {
                text.extend(std::iter::repeat_n('*', character.len_utf8()));
            } else {
                text.push(character);
            }
        }
        Self { name: Arc::clone(&self.name), text: text.into() }
    }

    /// The line that `location` begins in, without its end.
    pub(super) fn line(&self, location: Location) -> &str {
        let (before, after) =
            self.text.split_at_checked(location.offset).unwrap_or((&self.text, ""));
        let begin = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let rest = after.find('\n').unwrap_or(after.len());
        self.text.get(begin..before.len().saturating_add(rest)).unwrap_or("")
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name, self.text.len())
    }
}

/// A stretch of a [`Source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    offset: usize,
    length: usize,
    line: usize,
    column: usize,
}

impl Location {
    /// The stretch of `length` bytes from byte `offset` of `source`. Moved back to a character's beginning, cut at the
    /// text's end.
    pub(super) fn new(source: &Source, offset: usize, length: usize) -> Self {
        let text = source.text();
        let offset = text.floor_char_boundary(offset);
        let before = text.get(..offset).unwrap_or("");
        let line = before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1);
        let begin = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        Self::on_line(source, line, begin, offset, length)
    }

    /// The same, for a caller that knows the number of the line and the byte at which it begins.
    pub(super) fn on_line(
        source: &Source,
        line: usize,
        begin: usize,
        offset: usize,
        length: usize,
    ) -> Self {
        let text = source.text();
        let offset = text.floor_char_boundary(offset);
        let end = text.floor_char_boundary(offset.saturating_add(length));
        let column = text.get(begin..offset).unwrap_or("").chars().count().saturating_add(1);
        Self { offset, length: end.saturating_sub(offset), line, column }
    }

    /// The byte at which it begins.
    #[must_use]
    pub fn offset(self) -> usize {
        self.offset
    }

    /// How many bytes it covers.
    #[must_use]
    pub fn length(self) -> usize {
        self.length
    }

    /// Its line, counted from one.
    #[must_use]
    pub fn line(self) -> usize {
        self.line
    }

    /// Its column in characters, counted from one.
    #[must_use]
    pub fn column(self) -> usize {
        self.column
    }
}
