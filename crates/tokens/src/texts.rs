//! Lists of texts, in one piece of memory if need be.

use std::fmt;

#[cfg(test)]
#[path = "texts_tests.rs"]
mod tests;

/// The greatest number that is a character as all before it are.
const MOST: u32 = 0xd7ff;

/// A list of texts that belongs to something else.
#[derive(Clone, Copy)]
pub struct Texts<'a>(Stored<'a>);

/// The texts of a [`Texts`], in order.
#[derive(Clone)]
pub struct TextsIter<'a>(Stored<'a>);

/// How the rest of a list is stored.
#[derive(Clone, Copy)]
enum Stored<'a> {
    Apart(&'a [String]),
    /// So many texts, each behind its length, and what follows them.
    Packed(usize, &'a str),
}

impl<'a> Texts<'a> {
    /// None.
    pub const NONE: Self = Self(Stored::Apart(&[]));

    /// All of them, in order.
    #[must_use]
    pub fn iter(&self) -> TextsIter<'a> {
        TextsIter(self.0)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first.
    #[must_use]
    pub fn first(&self) -> Option<&'a str> {
        self.iter().next()
    }

    /// Whether `text` is one of them, compared byte by byte.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.iter().any(|one| one == text)
    }

    /// Each in a piece of memory of its own.
    #[must_use]
    pub fn to_vec(&self) -> Vec<String> {
        self.iter().map(str::to_owned).collect()
    }
}

impl<'a> From<&'a [String]> for Texts<'a> {
    fn from(texts: &'a [String]) -> Self {
        Self(Stored::Apart(texts))
    }
}

impl<'a> IntoIterator for Texts<'a> {
    type Item = &'a str;
    type IntoIter = TextsIter<'a>;

    fn into_iter(self) -> TextsIter<'a> {
        self.iter()
    }
}

impl<'a> Iterator for TextsIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        match &mut self.0 {
            Stored::Apart(texts) => {
                let (first, rest) = texts.split_first()?;
                *texts = rest;
                Some(first)
            }
            Stored::Packed(many, rest) => {
                *many = many.checked_sub(1)?;
                let (length, behind) = number(rest);
                let (text, behind) = behind.split_at_checked(length)?;
                *rest = behind;
                Some(text)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let many = match self.0 {
            Stored::Apart(texts) => texts.len(),
            Stored::Packed(many, _) => many,
        };
        (many, Some(many))
    }
}

impl ExactSizeIterator for TextsIter<'_> {}

impl PartialEq for Texts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: AsRef<str>, const N: usize> PartialEq<[T; N]> for Texts<'_> {
    fn eq(&self, other: &[T; N]) -> bool {
        self.iter().eq(other.iter().map(AsRef::as_ref))
    }
}

impl fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Lists of texts in one piece of memory: a text by itself takes some 40 bytes beside what it says, a token has a dozen,
/// and tokens are remembered by the hundred thousand. Each list stands behind the number of its texts, and each text
/// behind that of its bytes; numbers are characters.
#[derive(PartialEq, Eq)]
pub(crate) struct PackedTexts(Box<str>);

/// A walk through packed lists, which is at one of them.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    many: usize,
    rest: &'a str,
}

/// Packs one list behind the other.
#[derive(Default)]
pub(crate) struct Packer(String);

impl PackedTexts {
    /// The list with this index; an empty one if there are not so many.
    pub(crate) fn list(&self, index: usize) -> Texts<'_> {
        self.walk_from(index).texts()
    }

    /// A walk through the lists from this one on.
    pub(crate) fn walk_from(&self, index: usize) -> Walk<'_> {
        let (many, rest) = number(&self.0);
        let mut walk = Walk { many, rest };
        for _ in 0..index {
            walk.pass();
        }
        walk
    }
}

impl Packer {
    /// Adds a list. Nothing if it has more texts than 55,295, or one of them more bytes: up to there every number is a
    /// character.
    pub(crate) fn list<T: AsRef<str>>(
        mut self,
        texts: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    ) -> Option<Self> {
        let texts = texts.into_iter();
        self.number(texts.len())?;
        for text in texts {
            let text = text.as_ref();
            self.number(text.len())?;
            self.0.push_str(text);
        }
        Some(self)
    }

    /// All lists, in the order in which they were added. They are copied, for to shrink memory that has grown leaves some
    /// of it unused.
    pub(crate) fn pack(self) -> PackedTexts {
        PackedTexts(self.0.as_str().into())
    }

    fn number(&mut self, number: usize) -> Option<()> {
        let number = u32::try_from(number).ok().filter(|number| *number <= MOST)?;
        self.0.push(char::from_u32(number)?);
        Some(())
    }
}

impl<'a> Walk<'a> {
    /// The list that it is at.
    pub(crate) const fn texts(&self) -> Texts<'a> {
        Texts(Stored::Packed(self.many, self.rest))
    }

    /// Goes on to the next list; behind the last there are empty ones.
    pub(crate) fn pass(&mut self) {
        for _ in 0..self.many {
            let (length, text) = number(self.rest);
            self.rest = text.get(length..).unwrap_or_default();
        }
        (self.many, self.rest) = number(self.rest);
    }
}

/// The number that `text` begins with, and what follows it.
fn number(text: &str) -> (usize, &str) {
    let mut chars = text.chars();
    let number = chars.next().map_or(0, |number| number as usize);
    (number, chars.as_str())
}
