use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// A short text that people read on a page.
#[derive(Clone, Debug)]
pub(in crate::config) struct Caption(pub(in crate::config) String);

written! { Caption }

impl Caption {
    /// How long it may be.
    const MAX_CHARACTERS: usize = 80;
}

impl Written for Caption {
    const TITLE: &'static str = "caption";
    const EXPECTED: &'static str = "a text";
    const HELP: &'static str = "put it in quotes";
    const MAY_REFER: bool = false;

    fn read(text: &str) -> Result<Self, Complaint> {
        let sound = |character: char| !character.is_control() && !is_directional(character);
        let length = text.chars().count();
        if length == 0
            || length > Self::MAX_CHARACTERS
            || !text.chars().all(sound)
            || text.trim() != text
        {
            return Err(Complaint::new(format!("`{}` is no caption", shortened(text)))
                .help("write 1 to 80 characters in one line, without spaces around them"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Characters that change in which direction others are shown (Unicode Standard Annex 9).
const fn is_directional(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
