//! A stranger's text, made fit for a message.

use std::fmt;

/// The first [`Excerpt::MAX_CHARS`] characters of a text, control characters escaped. For messages that quote what a
/// caller sent: it can neither flood a log nor forge a line in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    /// How many characters are quoted.
    pub const MAX_CHARS: usize = 64;

    /// The excerpt of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut quoted = String::new();
        let mut characters = text.chars();
        for character in characters.by_ref().take(Self::MAX_CHARS) {
            quoted.extend(character.escape_debug());
        }
        if characters.next().is_some() {
            quoted.push('…');
        }
        Self(quoted.into())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}
