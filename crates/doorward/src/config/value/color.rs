use super::{Written, written};
use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// A colour, such as `#1a7f5a`.
#[derive(Clone, Debug)]
pub(in crate::config) struct Color(pub(in crate::config) String);

written! { Color }

impl Written for Color {
    const TITLE: &'static str = "colour";
    const EXPECTED: &'static str = "a colour";
    const HELP: &'static str = "write six hexadecimal digits in quotes: `\"#1a7f5a\"`";
    const MAY_REFER: bool = false;
    const PATTERN: Option<&'static str> = Some("^#[0-9A-Fa-f]{6}$");

    fn read(text: &str) -> Result<Self, Complaint> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(Complaint::new(format!("`{}` is not a colour", shortened(text))).help(Self::HELP))
    }
}
