use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// A text that may hold references.
#[derive(Clone, Debug)]
pub(in crate::config) struct Text(pub(in crate::config) String);

written! { Text }

impl Text {
    /// How long it may be.
    const MAX_BYTES: usize = 2048;
}

impl Written for Text {
    const TITLE: &'static str = "text";
    const EXPECTED: &'static str = "a text";
    const HELP: &'static str = "put it in quotes";
    const MAY_REFER: bool = true;

    fn read(text: &str) -> Result<Self, Complaint> {
        if text.is_empty() {
            return Err(Complaint::new("expected a text, found an empty one"));
        }
        if text.len() > Self::MAX_BYTES || text.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            return Err(Complaint::new(format!("`{}` is not usable here", shortened(text)))
                .help("write up to 2048 characters, without spaces or control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}
